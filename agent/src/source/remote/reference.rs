//! Which commit of a remote is wanted.

use std::fmt;

use gix::bstr::ByteSlice;

use crate::source::SourceError;
use crate::source::error::plain;
use crate::source::tree::ObjectId;

const LONGEST_NAME: usize = 1024;

/// What to follow. A branch and a tag of one name are different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reference {
    /// Whatever the remote's `HEAD` points at.
    #[default]
    Head,
    /// A branch by its short name.
    Branch(String),
    /// A tag by its short name, annotated or not.
    Tag(String),
    /// A ref by its full name, such as `refs/pull/1/head`.
    Name(String),
    /// One commit, for ever.
    Commit(ObjectId),
}

impl Reference {
    /// The full name to look for, or `None` for a commit.
    pub(crate) fn full_name(&self) -> Option<String> {
        match self {
            Self::Head => Some("HEAD".to_owned()),
            Self::Branch(name) => Some(format!("refs/heads/{name}")),
            Self::Tag(name) => Some(format!("refs/tags/{name}")),
            Self::Name(name) => Some(name.clone()),
            Self::Commit(_) => None,
        }
    }

    /// Where names of the same kind stand.
    pub(crate) fn siblings(&self) -> &'static str {
        match self {
            Self::Tag(_) => "refs/tags/",
            _ => "refs/heads/",
        }
    }

    /// Checks the name before it is sent anywhere.
    pub(crate) fn check(&self, url: &str) -> Result<(), SourceError> {
        let Some(name) = self.full_name().filter(|_| *self != Self::Head) else { return Ok(()) };
        let short = name.rsplit_once('/').map_or(name.as_str(), |(_, short)| short);
        let given = match self {
            Self::Branch(given) | Self::Tag(given) | Self::Name(given) => given.as_str(),
            _ => "",
        };
        let is_valid = name.len() <= LONGEST_NAME
            && name.starts_with("refs/")
            && !given.starts_with('-')
            && !short.starts_with('-')
            && gix::validate::reference::name(name.as_bytes().as_bstr()).is_ok();
        if is_valid {
            return Ok(());
        }
        Err(SourceError::Refused {
            url: url.to_owned(),
            problem: format!("`{}` is not a valid ref name", plain(given, 100)),
            instead: "name a branch or tag as Git does, or a full ref that starts with `refs/`",
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD (its default branch has no commit)"),
            Self::Branch(name) => write!(f, "branch `{name}`"),
            Self::Tag(name) => write!(f, "tag `{name}`"),
            Self::Name(name) => write!(f, "ref `{name}`"),
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}
