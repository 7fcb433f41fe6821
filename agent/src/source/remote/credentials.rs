//! What a remote is shown to let us in. Never printed, logged or stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Credentials for one remote. They are sent only to its own scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// HTTP basic authentication; a personal access token goes into the password.
    Basic {
        /// The user name. Never shown either: some servers take a token here.
        username: String,
        /// The password or token.
        password: String,
    },
    /// A bearer token.
    Bearer(String),
}

impl Credentials {
    /// The value of the `Authorization` header, or `None` where it can't be sent.
    pub(crate) fn header(&self) -> Option<http::HeaderValue> {
        let text = match self {
            Self::Basic { username, .. } if username.contains(':') => return None,
            Self::Basic { username, password } => {
                format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        };
        let mut value = http::HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(hidden)",
            Self::Bearer(_) => "Bearer(hidden)",
        })
    }
}
