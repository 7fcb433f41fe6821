//! For people: each finding with its source line, and a line at the end.

use super::super::super::output::draw;
use super::super::report::Report;
use crate::diagnostic::{Diagnostic, Terminal, escape};
use crate::source::tree::Tree;

/// One report; its findings are in files of `tree`.
pub(in super::super) fn report(report: &Report, terminal: Terminal, tree: &dyn Tree) -> String {
    format!("{}{}\n", draw(terminal, &report.told(), tree), escape(&report.summary()))
}

/// What is wrong with settings, which are in files of `tree`.
pub(in super::super) fn problems(problems: &[Diagnostic], terminal: Terminal, tree: &dyn Tree) -> String {
    let what = super::super::report::plural(problems.len(), "problem");
    format!(
        "{}the settings of the policies have {what}: nothing was judged\n",
        draw(terminal, problems, tree)
    )
}
