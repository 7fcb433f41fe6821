//! Why an evaluation stopped.

use std::fmt;

/// One reason. Small, since it stands in every result.
#[derive(Clone, Debug)]
pub(crate) struct Failure(Box<Reason>);

#[derive(Clone, Debug)]
enum Reason {
    NoSuchOverload,
    /// The text, and the text without the values that it shows.
    Other(String, &'static str),
    /// What is needed is not granted: no policy may overlook that.
    NotGranted(String),
}

impl Failure {
    /// The function does not take values of these types.
    pub(crate) fn no_such_overload() -> Self {
        Self(Box::new(Reason::NoSuchOverload))
    }

    pub(crate) fn is_no_such_overload(&self) -> bool {
        matches!(*self.0, Reason::NoSuchOverload)
    }

    /// A text that shows no values.
    pub(crate) fn plain(text: &'static str) -> Self {
        Self(Box::new(Reason::Other(text.to_owned(), text)))
    }

    /// A text that shows values, and what may be said where these are secret.
    pub(crate) fn showing(text: impl Into<String>, hidden: &'static str) -> Self {
        Self(Box::new(Reason::Other(text.into(), hidden)))
    }

    pub(crate) fn no_such_key(key: impl fmt::Display) -> Self {
        Self::showing(format!("no such key: {key}"), "no such key")
    }

    /// The failure of a variable.
    pub(crate) fn of_variable(&self, name: &str) -> Self {
        let text = format!("composited variable {name:?} fails to evaluate: {self}");
        if self.is_not_granted() {
            Self::not_granted(text)
        } else {
            Self::showing(text, self.without_values())
        }
    }

    /// An object of the cluster is needed that the Gate does not grant.
    pub(crate) fn not_granted(text: String) -> Self {
        Self(Box::new(Reason::NotGranted(text)))
    }

    /// Whether it denies, even where failures admit.
    pub(crate) fn is_not_granted(&self) -> bool {
        matches!(*self.0, Reason::NotGranted(_))
    }

    /// What may be said of a `Secret`.
    pub(crate) fn without_values(&self) -> &'static str {
        match *self.0 {
            Reason::NoSuchOverload => NO_SUCH_OVERLOAD,
            Reason::Other(_, hidden) => hidden,
            Reason::NotGranted(_) => {
                "an object of the cluster is needed: let the Gate grant reading its kind"
            }
        }
    }
}

const NO_SUCH_OVERLOAD: &str = "no such overload";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::NoSuchOverload => f.write_str(NO_SUCH_OVERLOAD),
            Reason::Other(text, _) | Reason::NotGranted(text) => f.write_str(text),
        }
    }
}
