//! The levels of the Pod Security Standards, and the versions in which they
//! are kept.

use std::fmt;

/// How much a pod is denied, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

impl Level {
    /// Upstream's words where the text is none of the levels.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "privileged" => Ok(Self::Privileged),
            "baseline" => Ok(Self::Baseline),
            "restricted" => Ok(Self::Restricted),
            _ => Err("must be one of privileged, baseline, restricted"),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}

/// A minor version of Kubernetes 1, or the newest that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    Minor(u64),
    Latest,
}

impl Version {
    /// Upstream's words where the text is no version.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = r#"must be "latest" or "v1.x""#;
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let digits = text.strip_prefix("v1.").unwrap_or_default();
        let canonical = digits == "0" || !digits.starts_with('0');
        if !canonical || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(EXPECTED);
        }
        // Upstream keeps it in a signed number.
        match digits.parse::<i64>().ok().and_then(|minor| u64::try_from(minor).ok()) {
            Some(minor) => Ok(Self::Minor(minor)),
            None => Err(EXPECTED),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor(minor) => write!(f, "v1.{minor}"),
            Self::Latest => f.write_str("latest"),
        }
    }
}

/// What a pod is held to: `restricted:v1.30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standard {
    pub(crate) level: Level,
    pub(crate) version: Version,
}

impl Standard {
    pub(crate) fn new(level: Level, version: Version) -> Self {
        Self { level, version }
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.version)
    }
}

/// What the pods of a namespace are held to, in each of the three modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) enforce: Standard,
    pub(crate) warn: Standard,
    pub(crate) audit: Standard,
}

impl Policy {
    /// Whether it admits everything without a word.
    pub(crate) fn is_privileged(&self) -> bool {
        self.modes().iter().all(|standard| standard.level == Level::Privileged)
    }

    /// Whether it holds pods to the same as another one. The privileged level
    /// is the same in every version.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let privileged = |standard: &Standard| standard.level == Level::Privileged;
        let is_like = |(one, two): (&Standard, &Standard)| one == two || privileged(one) && privileged(two);
        self.modes().iter().zip(&other.modes()).all(is_like)
    }

    fn modes(&self) -> [Standard; 3] {
        [self.enforce, self.warn, self.audit]
    }
}
