//! Where a remote is: an http(s) address that has been checked.

use crate::source::SourceError;
use crate::source::error::plain;

const LONGEST_URL: usize = 2048;

/// The scheme, host and port that credentials are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// Of an absolute http(s) address; `None` for any other.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let uri: http::Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        Some(Self { scheme, host, port: uri.port_u16().unwrap_or(default_port) })
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// Checks an address: http or https, no user name, query or fragment. Gives
/// it without trailing slashes, with its origin.
pub(crate) fn check(url: &str) -> Result<(String, Origin), SourceError> {
    let shown = shown(url);
    let refuse = |problem: &str, instead: &'static str| {
        Err(SourceError::Refused { url: shown.clone(), problem: problem.to_owned(), instead })
    };
    if url.len() > LONGEST_URL {
        return refuse("the address is longer than 2048 bytes", "use a shorter address");
    }
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return refuse(
            "only http and https addresses can be polled; other transports would have to start programs",
            "use the repository's https:// address",
        );
    }
    let is_clean = url.bytes().all(|byte| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
    });
    let (Some(origin), true) = (Origin::of(url), is_clean) else {
        return refuse(
            "it is not a valid address",
            "write the address as `git clone` takes it, percent-encoded",
        );
    };
    let authority =
        url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if authority.contains('@') {
        return refuse("the address holds a user name or password", "move the credentials into a Secret");
    }
    if url.contains(['?', '#']) {
        return refuse("the address has a query or fragment", "write the address up to the `?` or `#`");
    }
    Ok((url.trim_end_matches('/').to_owned(), origin))
}

/// An address fit for a message: nothing before an `@` in its host part.
fn shown(url: &str) -> String {
    let hidden = match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let start = rest[..end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[start..])
        }
        None => url.split_once('@').map_or(url, |(_, rest)| rest).to_owned(),
    };
    plain(&hidden, 200)
}
