//! Answers one request: records it, commits the fault that is set, checks credentials, asks Git.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::watch;

use super::backend;
use super::record::{Record, Request};
use super::{Auth, Fault, poisoned};

/// The largest request body that is read, in bytes. What a client has is listed there.
const REQUEST_LIMIT: usize = 64 * 1024 * 1024;

pub(super) type Body = BoxBody<Bytes, std::io::Error>;

/// What a server knows while it runs.
pub(super) struct State {
    root: PathBuf,
    auth: RwLock<Auth>,
    faults: watch::Sender<Faults>,
    pub(super) record: Record,
}

/// By repository; the fault for all has no name.
type Faults = BTreeMap<Option<String>, Fault>;

impl State {
    pub(super) fn new(root: &Path, auth: Auth) -> Self {
        let (faults, _) = watch::channel(Faults::new());
        Self { root: root.to_owned(), auth: RwLock::new(auth), faults, record: Record::default() }
    }

    pub(super) fn set_auth(&self, auth: Auth) -> anyhow::Result<()> {
        *self.auth.write().map_err(poisoned)? = auth;
        Ok(())
    }

    pub(super) fn set_fault(&self, repository: Option<&str>, fault: Fault) {
        self.faults.send_modify(|faults| {
            faults.insert(repository.map(str::to_owned), fault);
        });
    }

    pub(super) fn clear_faults(&self) {
        self.faults.send_modify(Faults::clear);
    }

    fn admits(&self, headers: &HeaderMap) -> anyhow::Result<bool> {
        let shown = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        Ok(match &*self.auth.read().map_err(poisoned)? {
            Auth::None => true,
            Auth::Basic { user, password } => {
                let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
                shown == Some(expected.as_bytes())
            }
            Auth::Bearer(token) => shown == Some(format!("Bearer {token}").as_bytes()),
        })
    }

    fn challenge(&self) -> anyhow::Result<&'static str> {
        Ok(match &*self.auth.read().map_err(poisoned)? {
            Auth::Bearer(_) => "Bearer realm=\"windlass-tests\"",
            Auth::None | Auth::Basic { .. } => "Basic realm=\"windlass-tests\"",
        })
    }
}

fn fault(faults: &Faults, path: &str) -> Option<Fault> {
    let of_repository = faults.iter().find_map(|(name, fault)| {
        let rest = path.strip_prefix('/')?.strip_prefix(name.as_deref()?)?;
        rest.starts_with(".git/").then_some(fault)
    });
    of_repository.or_else(|| faults.get(&None)).cloned()
}

/// An error closes the connection without an answer.
pub(super) async fn respond(
    state: Arc<State>,
    request: hyper::Request<Incoming>,
) -> anyhow::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let authorization = parts.headers.get(header::AUTHORIZATION);
    state.record.add(Request {
        arrived: std::time::Instant::now(),
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: query.to_owned(),
        authorization: authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
    });

    let mut faults = state.faults.subscribe();
    let fault = fault(&faults.borrow_and_update(), path);
    match &fault {
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(*status).context("read the status of a fault")?;
            return Ok(text(status, "a fault that the test asked for\n"));
        }
        Some(Fault::Close) => bail!("a fault that the test asked for"),
        Some(Fault::Hang) => {
            let ended = |faults: &Faults| self::fault(faults, path) != Some(Fault::Hang);
            faults.wait_for(ended).await.context("wait for the end of a fault")?;
            bail!("the end of a fault that the test asked for");
        }
        Some(Fault::Redirect(to)) => {
            let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
            let mut response = text(StatusCode::FOUND, "");
            let location =
                HeaderValue::try_from(format!("{to}{target}")).context("read the target of a redirect")?;
            response.headers_mut().insert(header::LOCATION, location);
            return Ok(response);
        }
        Some(Fault::Truncate) | None => {}
    }

    if !state.admits(&parts.headers)? {
        let mut response = text(StatusCode::UNAUTHORIZED, "credentials are missing or wrong\n");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(state.challenge()?));
        return Ok(response);
    }
    let Ok(body) = Limited::new(body, REQUEST_LIMIT).collect().await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large or ended early\n"));
    };
    let (head, body) = backend::ask(&state.root, &parts, body.to_bytes()).await?.into_parts();
    let body = if fault == Some(Fault::Truncate) { half(&body) } else { full(body) };
    Ok(Response::from_parts(head, body))
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed()
}

/// A body that fails in its middle, on which the connection is closed. The backend's answers carry their length.
fn half(bytes: &Bytes) -> Body {
    let sent = bytes.slice(..bytes.len() / 2);
    let end = std::io::Error::other("a fault that the test asked for");
    StreamBody::new(futures::stream::iter([Ok(Frame::data(sent)), Err(end)])).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repositorys_own_fault_comes_before_the_one_for_all() {
        let faults = Faults::from([(None, Fault::Close), (Some("team/app".to_owned()), Fault::Status(503))]);
        assert_eq!(fault(&faults, "/team/app.git/info/refs"), Some(Fault::Status(503)));
        assert_eq!(fault(&faults, "/team/app2.git/info/refs"), Some(Fault::Close));
    }

    #[test]
    fn without_faults_there_is_none() {
        assert_eq!(fault(&Faults::new(), "/app.git/info/refs"), None);
    }
}
