//! How many requests were sent, by verb.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// One object is read.
    Get,
    /// One page of a list is read.
    List,
    /// A watch is opened.
    Watch,
    /// An object is made.
    Create,
    /// An object is replaced.
    Update,
    /// An object is patched by a merge.
    Patch,
    /// An object is applied.
    Apply,
    /// An object is deleted.
    Delete,
    /// The kinds of a group are read.
    Discover,
}

impl Verb {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Create,
        Self::Update,
        Self::Patch,
        Self::Apply,
        Self::Delete,
        Self::Discover,
    ];

    /// As it stands in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::Discover => "discover",
        }
    }
}

/// Counters that only grow. Each counts requests sent, whatever became of them.
#[derive(Debug, Default)]
pub struct Requests {
    counts: [AtomicU64; Verb::ALL.len()],
}

impl Requests {
    pub(crate) fn count(&self, verb: Verb) {
        self.counts[verb as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests of this verb were sent.
    pub fn get(&self, verb: Verb) -> u64 {
        self.counts[verb as usize].load(Ordering::Relaxed)
    }

    /// How many requests were sent in all.
    pub fn total(&self) -> u64 {
        Verb::ALL.iter().map(|verb| self.get(*verb)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verb_has_its_own_counter() {
        let requests = Requests::default();
        for verb in Verb::ALL {
            requests.count(verb);
        }
        requests.count(Verb::Discover);
        assert_eq!((requests.get(Verb::Get), requests.get(Verb::Discover), requests.total()), (1, 2, 10));
    }
}
