//! What was found, in the words of whoever reads it.
//!
//! All texts come from Git and from plugins: each format escapes them so that
//! they stay texts.

mod github;
mod junit;
mod sarif;
#[cfg(test)]
pub(super) mod testing;
mod text;

use super::super::render::as_json;
use super::report::Findings;

pub(super) use text::{problems, report};

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs: everything.
    Json,
    /// For code scanning, as of SARIF 2.1.0.
    Sarif,
    /// For test reports: a case for each object and policy.
    Junit,
    /// For GitHub Actions: annotations.
    Github,
}

/// The whole of it, except as text, which is written as it comes.
pub(super) fn all(format: Format, findings: &Findings) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => String::new(),
        Format::Json => as_json(findings)?,
        Format::Sarif => as_json(&sarif::log(findings))?,
        Format::Junit => junit::suites(findings),
        Format::Github => github::annotations(findings),
    })
}
