//! What the labels of a Namespace say: to what its pods are held, in each mode.
//! What is not valid falls to the strictest for the mode that denies, as
//! upstream has it.

use crate::level::{Level, Policy, Standard, Version};
use crate::pod::Tags;
use crate::text::{clipped, go_quoted};

/// What begins every one of the labels.
const PREFIX: &str = "pod-security.kubernetes.io/";

/// A label that says nothing that is known.
#[derive(Clone, Debug)]
pub(crate) struct Invalid {
    pub(crate) label: String,
    /// In upstream's words.
    pub(crate) message: String,
}

/// What holds in a namespace with these labels, and which of them are invalid.
pub(crate) fn policy(labels: &Tags<'_>, defaults: Policy) -> (Policy, Vec<Invalid>) {
    let mut reader = Reader { labels, invalid: Vec::new() };
    let mut policy = defaults;
    let enforce = reader.level("enforce");
    policy.enforce = Standard {
        level: enforce.or(defaults.enforce.level, Level::Restricted),
        version: reader.version("enforce").or(defaults.enforce.version, Version::Latest),
    };
    // Both only tell, so an invalid label silences them.
    policy.audit = Standard {
        level: reader.level("audit").or(defaults.audit.level, Level::Privileged),
        version: reader.version("audit").or(defaults.audit.version, Version::Latest),
    };
    let (warn, warn_version) = (reader.level("warn"), reader.version("warn"));
    policy.warn = Standard {
        level: warn.or(defaults.warn.level, Level::Privileged),
        version: warn_version.or(defaults.warn.version, Version::Latest),
    };
    // What denies pods warns where they are made, unless a label says otherwise.
    if let (Said::Nothing, Said::Valid(level)) = (warn, enforce)
        && level > policy.warn.level
    {
        policy.warn.level = level;
        policy.warn.version = warn_version.or(policy.enforce.version, Version::Latest);
    }
    (policy, reader.invalid)
}

/// What a label says.
#[derive(Clone, Copy)]
enum Said<T> {
    Nothing,
    Valid(T),
    Invalid,
}

impl<T> Said<T> {
    fn or(self, nothing: T, invalid: T) -> T {
        match self {
            Self::Nothing => nothing,
            Self::Valid(value) => value,
            Self::Invalid => invalid,
        }
    }
}

struct Reader<'r, 'a> {
    labels: &'r Tags<'a>,
    invalid: Vec<Invalid>,
}

impl Reader<'_, '_> {
    fn level(&mut self, mode: &str) -> Said<Level> {
        self.parsed(format!("{PREFIX}{mode}"), Level::parse)
    }

    fn version(&mut self, mode: &str) -> Said<Version> {
        self.parsed(format!("{PREFIX}{mode}-version"), Version::parse)
    }

    fn parsed<T>(&mut self, label: String, parse: fn(&str) -> Result<T, &'static str>) -> Said<T> {
        let Some(value) = self.labels.get(&label) else { return Said::Nothing };
        match parse(value) {
            Ok(parsed) => Said::Valid(parsed),
            Err(why) => {
                let value = go_quoted(&clipped(value));
                let message = format!("metadata.labels[{label}]: Invalid value: {value}: {why}");
                self.invalid.push(Invalid { label, message });
                Said::Invalid
            }
        }
    }
}
