//! Why a remote could not be polled.
//!
//! Each message says what happened to which address, never with credentials;
//! [`SourceError::hint`] says what to do next.

use std::time::Duration;

/// How many of a server's own characters one message may carry.
const QUOTED_CHARACTERS: usize = 300;

/// A failed poll. Never to be taken for an empty tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The server wants other credentials, or any.
    #[error("{url} refused access: HTTP {status}{}", if *.with_credentials { "" } else { ", and no credentials are configured" })]
    Unauthorized {
        /// The address.
        url: String,
        /// 401 or 403.
        status: u16,
        /// Whether credentials were sent.
        with_credentials: bool,
    },
    /// No repository answers at the address.
    #[error("{url} is not a repository: HTTP {status}")]
    NotFound {
        /// The address.
        url: String,
        /// 404 or 410.
        status: u16,
        /// Whether credentials were sent.
        with_credentials: bool,
    },
    /// The repository has no such branch, tag, ref or commit.
    #[error("{url} has no {reference}{}", known_names(.known))]
    ReferenceNotFound {
        /// The address.
        url: String,
        /// What was looked for, with its kind.
        reference: String,
        /// A few names of the same kind that exist.
        known: Vec<String>,
    },
    /// The server's certificate was not accepted, or there is no common TLS.
    #[error("no trusted connection to {url}: {problem}")]
    Tls {
        /// The address.
        url: String,
        /// What the TLS library said.
        problem: String,
    },
    /// The network or the server failed; trying again may help.
    #[error("could not reach {url}: {problem}")]
    Unreachable {
        /// The address.
        url: String,
        /// What failed.
        problem: String,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// A bound was exceeded.
    #[error("{what} of {url} exceeds the limit of {limit} ({setting})")]
    Limit {
        /// The address.
        url: String,
        /// What was too large, too many or too slow, with its unit.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// The setting that raises it.
        setting: &'static str,
    },
    /// The server does not speak Git, or breaks off or contradicts itself.
    #[error("{url} did not answer as a Git server: {problem}")]
    Protocol {
        /// The address.
        url: String,
        /// What was wrong.
        problem: String,
    },
    /// The caller asked to stop.
    #[error("polling {url} was cancelled")]
    Cancelled {
        /// The address.
        url: String,
    },
    /// What was received or cached is incomplete. The next poll starts afresh.
    #[error("what was fetched from {url} is incomplete: {problem}")]
    Corrupt {
        /// The address.
        url: String,
        /// What is missing or wrong.
        problem: String,
    },
    /// The configuration asks for something that is never done.
    #[error("{url} is refused: {problem}")]
    Refused {
        /// The address, as far as it can be shown.
        url: String,
        /// What is refused and why.
        problem: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// The cache folder could not be used.
    #[error("cache for {url}: {problem}")]
    Cache {
        /// The address.
        url: String,
        /// What the operating system said, with the path.
        problem: String,
    },
    /// A defect of the agent or of the Git library.
    #[error("polling {url} failed inside: {problem}")]
    Internal {
        /// The address.
        url: String,
        /// The panic's message.
        problem: String,
    },
}

impl SourceError {
    /// Whether the same poll may succeed later without anyone changing a setting.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Cancelled { .. } | Self::Corrupt { .. } | Self::Cache { .. } => {
                true
            }
            Self::Unauthorized { .. }
            | Self::NotFound { .. }
            | Self::ReferenceNotFound { .. }
            | Self::Tls { .. }
            | Self::Limit { .. }
            | Self::Protocol { .. }
            | Self::Refused { .. }
            | Self::Internal { .. } => false,
        }
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unauthorized { with_credentials: true, .. } => {
                Some("check that the credentials are current and may read this repository")
            }
            Self::Unauthorized { .. } => Some("give the Repository credentials that may read it"),
            Self::NotFound { with_credentials: true, .. } => {
                Some("check the address; many servers also answer so when the credentials may not read it")
            }
            Self::NotFound { .. } => {
                Some("check the address; a private repository looks missing without credentials")
            }
            Self::ReferenceNotFound { .. } => Some("check the name, or push it"),
            Self::Tls { .. } => {
                Some("give the Repository the certificate authority that signed the server's certificate")
            }
            Self::Unreachable { .. } | Self::Cancelled { .. } => None,
            Self::Limit { .. } => Some("raise the setting, or make the repository smaller"),
            Self::Protocol { .. } => Some("check that the address is the one that `git clone` takes"),
            Self::Corrupt { .. } => Some("nothing: the next poll fetches everything again"),
            Self::Refused { instead, .. } => Some(instead),
            Self::Cache { .. } => Some("check that the cache folder is writable and has free space"),
            Self::Internal { .. } => Some("report this as a bug, with the address if it is public"),
        }
    }
}

fn known_names(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; it has {}", known.join(", ")) }
}

/// Text of foreign origin, fit for a log line: one line, no control or
/// direction characters, not longer than `limit` characters.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(is_shown).take(limit).collect::<String>().trim().to_owned()
}

/// The messages of an error and of its causes in one line, without repetition.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut current = Some(error);
    while let Some(error) = current {
        let text = plain(&error.to_string().replace('\n', " "), QUOTED_CHARACTERS);
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        current = error.source();
    }
    plain(&parts.join(": "), QUOTED_CHARACTERS)
}
