//! The two streams, and whether they are coloured.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _, StderrLock, StdoutLock, Write as _};

use bytes::Bytes;

use crate::diagnostic::{Diagnostic, Terminal, escape};
use crate::render::locate::Lines;
use crate::source::tree::Tree;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    fn wanted(self, is_terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !no_color,
        }
    }
}

/// Where a command writes.
pub(super) struct Output {
    color: Color,
    no_color: bool,
}

impl Output {
    pub(super) fn new(color: Color) -> Self {
        // https://no-color.org: set and not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { color, no_color }
    }

    pub(super) fn on_stdout(&self) -> Terminal {
        Terminal { color: self.color.wanted(io::stdout().is_terminal(), self.no_color) }
    }

    /// Whether colours are wanted on standard error.
    pub(super) fn is_stderr_colored(&self) -> bool {
        self.on_stderr().color
    }

    pub(super) fn on_stderr(&self) -> Terminal {
        Terminal { color: self.color.wanted(io::stderr().is_terminal(), self.no_color) }
    }

    /// One line with the whole chain of causes. A failure to write it has
    /// nowhere to be reported.
    pub(super) fn error(&self, error: &anyhow::Error) {
        let text = self.on_stderr().draw(&Diagnostic::error(format!("{error:#}")), None);
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Diagnostics about files of `tree`, on standard error.
    pub(super) fn diagnostics(&self, diagnostics: &[Diagnostic], tree: &dyn Tree) {
        let text = draw(self.on_stderr(), diagnostics, tree);
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// For what was asked for, as opposed to what is said about it.
pub(super) fn stdout() -> StdoutLock<'static> {
    io::stdout().lock()
}

/// For what is said about it, in several lines.
pub(super) fn stderr() -> StderrLock<'static> {
    io::stderr().lock()
}

/// One line on standard error. A failure to write it has nowhere to be
/// reported.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape(text));
}

/// Diagnostics about files of `tree`, each with its source line, and an empty
/// line behind each.
pub(super) fn draw(terminal: Terminal, diagnostics: &[Diagnostic], tree: &dyn Tree) -> String {
    let mut files: HashMap<&str, Option<(Bytes, Lines)>> = HashMap::new();
    let mut text = String::new();
    for diagnostic in diagnostics {
        let place = diagnostic.origin.as_ref().filter(|origin| origin.line.is_some());
        let line = place.and_then(|origin| {
            let read = || {
                let content = tree.read(&origin.path).ok()?;
                let lines = Lines::of(&content);
                Some((content, lines))
            };
            let (content, lines) = files.entry(&origin.path).or_insert_with(read).as_ref()?;
            lines.line(content, origin.line?)
        });
        text.push_str(&terminal.draw_line(diagnostic, line));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_unless_someone_says_otherwise() {
        for (color, is_terminal, no_color, expected) in [
            (Color::Auto, true, false, true),
            (Color::Auto, true, true, false),
            (Color::Auto, false, false, false),
            (Color::Always, false, true, true),
            (Color::Never, true, false, false),
        ] {
            assert_eq!(color.wanted(is_terminal, no_color), expected, "{color:?} {is_terminal} {no_color}");
        }
    }
}
