//! `windlass diff`: what a change does to the manifests of a folder, object by
//! object.

mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use similar::TextDiff;

use self::words::{Compared, Meanings, compared};
use super::folder::Folder;
use super::job::{JobArguments, Said};
use super::output::{Output, stdout};
use super::plugins::{self, PluginArguments};
use super::progress::Progress;
use super::remote::RepositoryArguments;
use super::render::as_json;
use super::{FAILED, yaml};
use crate::diagnostic::escape;
use crate::object::{Manifest, ObjectKey};
use crate::render::{Rendered, Renderers, render};

/// There are differences.
const DIFFERENT: u8 = 1;
/// Unchanged lines around a change.
const CONTEXT_LINES: usize = 3;

/// How differences are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: the changed lines of each object as YAML.
    Text,
    /// For programs: each object before and after.
    Json,
}

/// Renders a folder at two commits, or at a commit and as it is in the working
/// tree, and shows which objects come, change and go. What Secrets hold is not
/// shown, only that it differs. Exit code 0: nothing differs; 1: something
/// does; 2: one of the two can't be rendered.
#[derive(clap::Args)]
#[command(override_usage = "windlass diff [OPTIONS] <REVISION> [REVISION] <PATH>
       windlass diff [OPTIONS] --application <FILE> <REVISION> [REVISION] [PATH]")]
pub(super) struct Arguments {
    /// One or two commits, by any name that Git knows, and the folder. With one
    /// commit, the folder in the working tree is compared with it, or, with
    /// `--repository`, what its `HEAD` points at. With `--application`, the
    /// folder can be left out: it is the Application's in the repository around
    /// here, or in that of `--repository`. Of two words, the second is then the
    /// folder if there is one of that name here, and otherwise, as always with
    /// `--repository`, the second commit.
    #[arg(required = true, num_args = 1..=3, value_name = "REVISION [REVISION] PATH")]
    what: Vec<String>,

    /// How to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,

    #[command(flatten)]
    repository: RepositoryArguments,

    #[command(flatten)]
    job: JobArguments,

    #[command(flatten)]
    plugins: PluginArguments,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let meanings = Here { is_remote: arguments.repository.is_remote() };
    let Compared { old, new, path } = compared(&arguments.what, arguments.job.has_application(), &meanings)?;
    let said = arguments.job.read()?;
    let path = arguments.repository.path(path, said.path())?;
    let plugins = plugins::load(&arguments.plugins)?;
    let mut repository = arguments.repository.open();
    let before = repository.folder(&path, Some(old))?;
    let after = match new {
        Some(new) => repository.folder(&path, Some(new))?,
        None if arguments.repository.is_remote() => repository.folder(&path, None)?,
        None if path.is_dir() => Folder::open(&path)?,
        None => anyhow::bail!(
            "`{}` is no folder of the working tree; name a second revision, or another path",
            path.display()
        ),
    };
    let progress = Progress::start(format!("rendering {} twice", path.display()));
    let rendered = [&before, &after].map(|folder| set(folder, &said, &plugins, output));
    drop(progress);
    let [before, after] = rendered;
    let (Some(before), Some(after)) = (before?, after?) else { return Ok(FAILED) };
    let changes = changes(before, after);
    let text = match arguments.output {
        Format::Text => as_text(&changes, output.on_stdout().color),
        Format::Json => as_json(&report(&changes))?,
    };
    stdout().write_all(text.as_bytes())?;
    Ok(if changes.is_empty() { 0 } else { DIFFERENT })
}

/// What words mean around here. Those for a remote repository are all commits:
/// its folders are known only once it is fetched.
struct Here {
    is_remote: bool,
}

impl Meanings for Here {
    fn is_folder(&self, word: &str) -> bool {
        !self.is_remote && Path::new(word).is_dir()
    }

    fn is_commit(&self, word: &str) -> bool {
        Folder::has_commit(Path::new(word), word)
    }
}

/// The manifests; none where the folder does not render, which is told. A
/// folder that the commit does not have is an empty set: that is how an
/// application comes and goes.
fn set(
    folder: &Folder,
    said: &Said<'_>,
    plugins: &dyn Renderers,
    output: &Output,
) -> anyhow::Result<Option<Vec<Manifest>>> {
    if folder.tree.entry(&folder.path)?.is_none() {
        return Ok(Some(Vec::new()));
    }
    let job = said.job(folder);
    match render(&job, &folder.tree, folder.clock, plugins) {
        Ok(rendered) => {
            output.diagnostics(rendered.warnings(), folder.tree.as_ref());
            Ok(Some(Rendered::manifests(&rendered)))
        }
        Err(failure) => {
            output.diagnostics(&failure.error.diagnostics(), folder.tree.as_ref());
            Ok(None)
        }
    }
}

/// An object that differs.
struct Change {
    key: ObjectKey,
    before: Option<Manifest>,
    after: Option<Manifest>,
}

/// The objects that differ, by their keys.
fn changes(before: Vec<Manifest>, after: Vec<Manifest>) -> Vec<Change> {
    let mut pairs: BTreeMap<ObjectKey, (Option<Manifest>, Option<Manifest>)> = BTreeMap::new();
    for manifest in before {
        let key = manifest.key.clone();
        pairs.entry(key).or_default().0 = Some(manifest);
    }
    for manifest in after {
        let key = manifest.key.clone();
        pairs.entry(key).or_default().1 = Some(manifest);
    }
    let object = |manifest: &Option<Manifest>| manifest.as_ref().map(|manifest| manifest.object.clone());
    pairs
        .into_iter()
        .filter(|(_, (before, after))| object(before) != object(after))
        .map(|(key, (mut before, mut after))| {
            hide(&mut before, &mut after);
            Change { key, before, after }
        })
        .collect()
}

/// Replaces what a Secret holds by words that tell a change from none.
fn hide(before: &mut Option<Manifest>, after: &mut Option<Manifest>) {
    let values = |manifest: &Option<Manifest>| -> Value {
        let data = manifest.as_ref().filter(|manifest| manifest.key.is_secret());
        data.and_then(|manifest| manifest.object.get("data").cloned()).unwrap_or_default()
    };
    let (former, current) = (values(before), values(after));
    for (manifest, other, word) in [(before, &current, "hidden, before"), (after, &former, "hidden, after")] {
        let Some(manifest) = manifest.as_mut().filter(|manifest| manifest.key.is_secret()) else { continue };
        let Some(data) = manifest.object.get_mut("data").and_then(Value::as_object_mut) else { continue };
        for (key, value) in data {
            let same = other.get(key) == Some(&*value);
            *value = if same { "(hidden)".into() } else { format!("({word})").into() };
        }
    }
}

impl Change {
    fn word(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }

    /// Where its manifest is, or was.
    fn place(&self) -> Option<String> {
        let manifest = self.after.as_ref().or(self.before.as_ref())?;
        manifest.origin.as_ref().map(ToString::to_string)
    }
}

fn as_text(changes: &[Change], color: bool) -> String {
    let mut text = String::new();
    for change in changes {
        let place = change.place().map(|place| format!(" ({place})")).unwrap_or_default();
        let _ = writeln!(text, "{}: {}{}", change.word(), escape(&change.key.to_string()), escape(&place));
        let document = |manifest: &Option<Manifest>| {
            manifest.as_ref().map(|manifest| yaml::document(&manifest.object)).unwrap_or_default()
        };
        let (before, after) = (document(&change.before), document(&change.after));
        let diff = TextDiff::from_lines(before.as_str(), after.as_str());
        for line in diff.unified_diff().context_radius(CONTEXT_LINES).to_string().lines() {
            let painted = match line.chars().next() {
                Some('+') if color => format!("\u{1b}[32m{line}\u{1b}[0m"),
                Some('-') if color => format!("\u{1b}[31m{line}\u{1b}[0m"),
                Some('@') if color => format!("\u{1b}[36m{line}\u{1b}[0m"),
                _ => line.to_owned(),
            };
            let _ = writeln!(text, "{painted}");
        }
    }
    let count = |word: &str| changes.iter().filter(|change| change.word() == word).count();
    if changes.is_empty() {
        text.push_str("nothing differs\n");
    } else {
        let counts = ["added", "changed", "removed"].map(|word| format!("{} {word}", count(word)));
        let _ = writeln!(text, "{}", counts.join(", "));
    }
    text
}

fn report(changes: &[Change]) -> Value {
    let side = |manifest: &Option<Manifest>| {
        manifest.as_ref().map(|manifest| json!({"origin": manifest.origin, "object": manifest.object}))
    };
    let changes: Vec<Value> = changes
        .iter()
        .map(|change| {
            json!({
                "change": change.word(),
                "object": change.key,
                "before": side(&change.before),
                "after": side(&change.after),
            })
        })
        .collect();
    json!({ "changes": changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(object: Value) -> Manifest {
        Manifest::from_object(object, None).unwrap()
    }

    fn config_map(name: &str, value: &str) -> Manifest {
        manifest(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}}),
        )
    }

    #[test]
    fn objects_that_come_change_and_go_are_told_apart_and_the_others_left_out() {
        let before = vec![config_map("changed", "1"), config_map("gone", "1"), config_map("same", "1")];
        let after = vec![config_map("same", "1"), config_map("changed", "2"), config_map("new", "1")];
        let text = as_text(&changes(before, after), false);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(
            lines,
            [
                "changed: ConfigMap/changed",
                "@@ -1,6 +1,6 @@",
                "-  a: \"1\"",
                "+  a: \"2\"",
                "removed: ConfigMap/gone",
                "@@ -1,6 +0,0 @@",
                "-apiVersion: v1",
                "-data:",
                "-  a: \"1\"",
                "-kind: ConfigMap",
                "-metadata:",
                "-  name: gone",
                "added: ConfigMap/new",
                "@@ -0,0 +1,6 @@",
                "+apiVersion: v1",
                "+data:",
                "+  a: \"1\"",
                "+kind: ConfigMap",
                "+metadata:",
                "+  name: new",
                "1 added, 1 changed, 1 removed",
            ]
        );
        assert_eq!(as_text(&[], false), "nothing differs\n");
    }

    #[test]
    fn what_a_secret_holds_is_not_shown_but_that_it_differs_is() {
        let secret = |a: &str| {
            manifest(json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
                "data": {"a": a, "same": "c2FtZQ=="},
            }))
        };
        let changes = changes(vec![secret("b25l")], vec![secret("dHdv")]);
        let (text, report) = (as_text(&changes, false), report(&changes).to_string());
        for word in ["b25l", "dHdv", "c2FtZQ"] {
            assert!(!text.contains(word) && !report.contains(word), "{text}\n{report}");
        }
        assert!(
            text.contains("-  a: \"(hidden, before)\"\n+  a: \"(hidden, after)\"\n   same: \"(hidden)\"\n"),
            "{text}"
        );
    }
}
