//! HTTP for the Git library: requests to one origin, with credentials that
//! never leave it, with bounded answers, and redirects only within it.
//!
//! A version 2 server's advertisement of what it can do is remembered, so that
//! later polls start with the question itself.

use std::any::Any;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, RustlsConnector, TcpConnector};
use ureq::{Agent, Body};

use super::credentials::Credentials;
use super::guard::{Guard, GuardedConnector, Metered};
use super::location::Origin;
use crate::lock::lock;
use crate::source::SourceError;
use crate::source::error::plain;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REDIRECTS: u32 = 3;
/// A question to the server: a few ids, never content.
const REQUEST_BYTES: usize = 1 << 20;
/// The largest advertisement that is kept between polls.
const KEPT_ADVERTISEMENT_BYTES: usize = 16 << 10;
const RETRY_AFTER_LIMIT: Duration = Duration::from_hours(24);

/// One remote's HTTP client; clones share connections and what is remembered.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    origin: Origin,
    authorization: Option<HeaderValue>,
    guard: Arc<Guard>,
    remembered: Arc<Mutex<Option<Remembered>>>,
    /// Where this exchange was redirected to, within the origin.
    base: Option<String>,
}

/// The last answer to the opening question.
#[derive(Clone)]
struct Remembered {
    base: Option<String>,
    headers: String,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(
        origin: Origin,
        credentials: Option<&Credentials>,
        ca_pem: Option<&[u8]>,
        guard: Arc<Guard>,
    ) -> Result<Self, SourceError> {
        let refused = |problem: &str, instead: &'static str| SourceError::Refused {
            url: guard.url().to_owned(),
            problem: problem.to_owned(),
            instead,
        };
        if credentials.is_some() && !origin.is_tls() && !origin.is_loopback() {
            return Err(refused(
                "credentials would cross the network unencrypted",
                "use an https:// address, or no credentials",
            ));
        }
        let authorization = match credentials.map(Credentials::header) {
            Some(None) => {
                return Err(refused(
                    "the credentials hold a character that HTTP can't carry",
                    "remove line breaks from the credentials, and `:` from the user name",
                ));
            }
            header => header.flatten(),
        };
        let roots = match ca_pem.map(certificates) {
            None => RootCerts::WebPki,
            Some(Some(certificates)) => RootCerts::new_with_certs(&certificates),
            Some(None) => {
                return Err(refused(
                    "the certificate authority holds no certificate in PEM form",
                    "give the certificates as `-----BEGIN CERTIFICATE-----` blocks",
                ));
            }
        };
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            // The library half reads no environment.
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .max_idle_connections(1)
            .build();
        let connector =
            ().chain(TcpConnector::default())
                .chain(GuardedConnector(guard.clone()))
                .chain(RustlsConnector::default());
        let agent = Agent::with_parts(config, connector, DefaultResolver::default());
        Ok(Self { agent, origin, authorization, guard, remembered: Arc::default(), base: None })
    }

    pub(crate) fn has_credentials(&self) -> bool {
        self.authorization.is_some()
    }

    /// Whether the next exchange will start without the opening question.
    pub(crate) fn remembers(&self) -> bool {
        lock(&self.remembered).is_some()
    }

    pub(crate) fn forget(&self) {
        *lock(&self.remembered) = None;
    }

    fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match &self.authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        }
    }

    /// Performs a request at the origin and gives a successful answer, or a redirect.
    fn perform(&self, request: Result<Request<Vec<u8>>, http::Error>) -> Result<Response<Body>, SourceError> {
        let url = self.guard.url();
        let request = request.map_err(|error| protocol(url, &error.to_string()))?;
        if Origin::of(&request.uri().to_string()).as_ref() != Some(&self.origin) {
            return Err(self.elsewhere(&request.uri().to_string()));
        }
        self.guard.check().map_err(|error| self.transport_error(ureq::Error::Io(error)))?;
        self.guard.count_request();
        let response = self.agent.run(request).map_err(|error| self.transport_error(error))?;
        self.judge(response)
    }

    fn judge(&self, response: Response<Body>) -> Result<Response<Body>, SourceError> {
        let url = self.guard.url().to_owned();
        let with_credentials = self.has_credentials();
        let status = response.status();
        let code = status.as_u16();
        match status {
            StatusCode::OK => Ok(response),
            _ if status.is_redirection() => Ok(response),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(self.busy(&response)),
            StatusCode::FORBIDDEN if response.headers().contains_key(header::RETRY_AFTER) => {
                Err(self.busy(&response))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(SourceError::Unauthorized { url, status: code, with_credentials })
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(SourceError::NotFound { url, status: code, with_credentials })
            }
            _ if status.is_server_error() => Err(self.busy(&response)),
            _ => Err(protocol(&url, &format!("HTTP {code}"))),
        }
    }

    fn busy(&self, response: &Response<Body>) -> SourceError {
        let seconds =
            response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        SourceError::Unreachable {
            url: self.guard.url().to_owned(),
            problem: format!("HTTP {}", response.status().as_u16()),
            retry_after: seconds.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT)),
        }
    }

    fn transport_error(&self, error: ureq::Error) -> SourceError {
        if let Some(failure) = self.guard.take_failure() {
            return failure;
        }
        let url = self.guard.url().to_owned();
        let problem = plain(&error.to_string(), 300);
        let unreachable = |problem| SourceError::Unreachable { url: url.clone(), problem, retry_after: None };
        match error {
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => {
                SourceError::Tls { url, problem }
            }
            // rustls reports what it refuses as invalid data of the connection.
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData && self.origin.is_tls() => {
                SourceError::Tls { url, problem }
            }
            ureq::Error::HostNotFound => unreachable("the host name is not known".to_owned()),
            ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => {
                unreachable(problem)
            }
            _ => protocol(&url, &problem),
        }
    }

    fn elsewhere(&self, location: &str) -> SourceError {
        let target =
            Origin::of(location).map_or_else(|| "another place".to_owned(), |origin| origin.to_string());
        SourceError::Refused {
            url: self.guard.url().to_owned(),
            problem: format!("the server redirects to {target}, where credentials are not sent"),
            instead: "use the address that the server redirects to",
        }
    }

    /// The absolute address that a redirect of `url` leads to, if it is in the origin.
    fn follow(&self, url: &str, response: &Response<Body>) -> Result<String, SourceError> {
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let Some(location) = location else {
            return Err(protocol(self.guard.url(), "a redirect without a place"));
        };
        let target = if location.starts_with('/') && !location.starts_with("//") {
            let authority_end = url.find("://").map_or(0, |start| start + 3);
            let path = url[authority_end..].find('/').map_or(url.len(), |slash| authority_end + slash);
            format!("{}{location}", &url[..path])
        } else {
            location.to_owned()
        };
        if Origin::of(&target).as_ref() == Some(&self.origin) {
            Ok(target)
        } else {
            Err(self.elsewhere(&target))
        }
    }

    fn open(
        &mut self,
        url: &str,
        base_url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Remembered, SourceError> {
        if let Some(remembered) = lock(&self.remembered).clone() {
            self.base.clone_from(&remembered.base);
            return Ok(remembered);
        }
        let tail = url.strip_prefix(base_url).unwrap_or_default();
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let response = self.perform(self.request(Method::GET, &url, headers).body(Vec::new()))?;
            if response.status().is_redirection() {
                url = self.follow(&url, &response)?;
                // Only a moved repository, not a log-in page.
                let Some(base) = url.strip_suffix(tail).filter(|_| !tail.is_empty()) else {
                    return Err(protocol(
                        self.guard.url(),
                        "it redirects to something that is not a repository",
                    ));
                };
                self.base = Some(base.to_owned());
                continue;
            }
            let headers = header_lines(response.headers());
            let mut body = Vec::new();
            let mut reader = Metered::new(response.into_body().into_reader(), self.guard.clone());
            if let Err(error) = reader.read_to_end(&mut body) {
                return Err(self.transport_error(ureq::Error::Io(error)));
            }
            let answer = Remembered { base: self.base.clone(), headers, body };
            if answer.body.len() <= KEPT_ADVERTISEMENT_BYTES {
                *lock(&self.remembered) = Some(answer.clone());
            }
            return Ok(answer);
        }
        Err(protocol(self.guard.url(), "too many redirects (3 are followed)"))
    }
}

impl Http for Client {
    type Headers = BufReader<ResponseHeaders>;
    type ResponseBody = BufReader<ResponseBody>;
    type PostBody = RequestBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Self::Headers, Self::ResponseBody>> {
        let answer = self.open(url, base_url, &parse(headers)).map_err(|error| pass(&self.guard, error))?;
        let exchange = Exchange::shared(State::Open(Box::new(Cursor::new(answer.body))), answer.headers);
        Ok(GetResponse {
            headers: BufReader::new(ResponseHeaders { exchange: exchange.clone(), rest: None }),
            body: BufReader::new(ResponseBody(exchange)),
        })
    }

    fn post(
        &mut self,
        url: &str,
        _: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Self::Headers, Self::ResponseBody, Self::PostBody>> {
        let question =
            Question { client: self.clone(), url: url.to_owned(), headers: parse(headers), body: Vec::new() };
        let exchange = Exchange::shared(State::Asking(Box::new(question)), String::new());
        Ok(PostResponse {
            post_body: RequestBody(exchange.clone()),
            headers: BufReader::new(ResponseHeaders { exchange: exchange.clone(), rest: None }),
            body: BufReader::new(ResponseBody(exchange)),
        })
    }

    fn configure(&mut self, _: &dyn Any) -> gix::Result<()> {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.base.clone()
    }
}

/// One POST: sent when its answer is first looked at, as a whole.
struct Exchange {
    state: State,
    headers: String,
}

enum State {
    Asking(Box<Question>),
    Open(Box<dyn Read + Send>),
    Failed,
}

struct Question {
    client: Client,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Exchange {
    fn shared(state: State, headers: String) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { state, headers }))
    }

    fn answer(&mut self) -> io::Result<&mut Box<dyn Read + Send>> {
        if let State::Asking(_) = self.state
            && let State::Asking(question) = std::mem::replace(&mut self.state, State::Failed)
        {
            let Question { client, url, headers, body } = *question;
            let result = client.perform(client.request(Method::POST, &url, &headers).body(body)).and_then(
                |response| {
                    if response.status().is_redirection() {
                        return Err(protocol(
                            client.guard.url(),
                            "a redirect in the middle of the conversation",
                        ));
                    }
                    Ok(response)
                },
            );
            let response = result.map_err(|error| client.guard.fail(error))?;
            self.headers = header_lines(response.headers());
            self.state =
                State::Open(Box::new(Metered::new(response.into_body().into_reader(), client.guard)));
        }
        match &mut self.state {
            State::Open(body) => Ok(body),
            _ => Err(io::Error::other("the request failed")),
        }
    }
}

/// What gix writes its question to.
pub(crate) struct RequestBody(Arc<Mutex<Exchange>>);

impl Write for RequestBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut lock(&self.0).state {
            State::Asking(question) if question.body.len() + bytes.len() <= REQUEST_BYTES => {
                question.body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            _ => Err(io::Error::other("the request is too large or already sent")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The answer's header lines.
pub(crate) struct ResponseHeaders {
    exchange: Arc<Mutex<Exchange>>,
    rest: Option<Cursor<String>>,
}

impl Read for ResponseHeaders {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_none() {
            let mut exchange = lock(&self.exchange);
            exchange.answer()?;
            self.rest = Some(Cursor::new(std::mem::take(&mut exchange.headers)));
        }
        self.rest.as_mut().map_or(Ok(0), |rest| rest.read(buffer))
    }
}

/// The answer's body.
pub(crate) struct ResponseBody(Arc<Mutex<Exchange>>);

impl Read for ResponseBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).answer()?.read(buffer)
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<Certificate<'static>>> {
    let items: Result<Vec<_>, _> = parse_pem(pem).collect();
    let certificates: Vec<_> = items
        .ok()?
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    (!certificates.is_empty()).then_some(certificates)
}

/// gix gives headers as lines.
fn parse(lines: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<(HeaderName, HeaderValue)> {
    lines
        .into_iter()
        .filter_map(|line| {
            let (name, value) = line.as_ref().split_once(':')?;
            Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
        })
        .collect()
}

/// gix looks for the content type alone.
fn header_lines(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    format!("content-type: {}\n", content_type.unwrap_or_default())
}

fn protocol(url: &str, problem: &str) -> SourceError {
    SourceError::Protocol { url: url.to_owned(), problem: plain(problem, 300) }
}

fn pass(guard: &Guard, error: SourceError) -> gix::Error {
    gix::Error::from_error(guard.fail(error))
}
