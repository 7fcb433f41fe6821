//! Asks `git http-backend`, a CGI program: the request goes into its environment and standard input, its
//! standard output is the answer. Serves reading only, as no repository allows `receive-pack`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::repo;

/// The largest answer, in bytes: the pack of a test repository.
const ANSWER_LIMIT: u64 = 512 * 1024 * 1024;

/// How long Git may take for one answer.
const ANSWER_WITHIN: Duration = Duration::from_mins(2);

/// What Git answers to the request `parts` with `body`, for the repositories in `root`.
pub(super) async fn ask(root: &Path, parts: &Parts, body: Bytes) -> anyhow::Result<Response<Bytes>> {
    let answer = tokio::time::timeout(ANSWER_WITHIN, run(environment(root, parts, body.len()), body));
    parse(&answer.await.with_context(|| format!("git http-backend took more than {ANSWER_WITHIN:?}"))??)
}

fn environment(root: &Path, parts: &Parts, body_length: usize) -> Vec<(&'static str, OsString)> {
    let header = |name: &str| {
        let value =
            parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        OsString::from(value.unwrap_or_default())
    };
    let mut environment = repo::environment();
    environment.extend([
        ("GIT_PROJECT_ROOT", root.into()),
        ("GIT_HTTP_EXPORT_ALL", "1".into()),
        ("REQUEST_METHOD", parts.method.as_str().into()),
        ("PATH_INFO", parts.uri.path().into()),
        ("QUERY_STRING", parts.uri.query().unwrap_or_default().into()),
        ("CONTENT_TYPE", header("content-type")),
        ("CONTENT_LENGTH", body_length.to_string().into()),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
        ("GIT_PROTOCOL", header("git-protocol")),
        ("REMOTE_ADDR", "127.0.0.1".into()),
    ]);
    environment
}

async fn run(environment: Vec<(&'static str, OsString)>, body: Bytes) -> anyhow::Result<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .envs(environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("start git http-backend")?;
    let mut stdin = child.stdin.take().context("write to git http-backend")?;
    let stdout = child.stdout.take().context("read from git http-backend")?;
    let mut answer = Vec::new();
    // Git may answer before it has read everything, so both go on at once; that it stops reading is its right.
    let send = async move { _ = stdin.write_all(&body).await };
    let mut stdout = stdout.take(ANSWER_LIMIT + 1);
    let ((), read) = tokio::join!(send, stdout.read_to_end(&mut answer));
    read.context("read from git http-backend")?;
    ensure!(answer.len() as u64 <= ANSWER_LIMIT, "git http-backend answered more than {ANSWER_LIMIT} bytes");
    child.wait().await.context("wait for git http-backend")?;
    Ok(answer)
}

/// Reads a CGI answer: header lines, an empty line, the body. `Status:` is the status, 200 when absent.
fn parse(answer: &[u8]) -> anyhow::Result<Response<Bytes>> {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD);
    let Some(end) = end else { bail!("git http-backend answered without a head") };
    let body = Bytes::copy_from_slice(&answer[end + END_OF_HEAD.len()..]);
    let head = std::str::from_utf8(&answer[..end]).context("read the head of git http-backend's answer")?;
    let (mut status, mut headers) = (StatusCode::OK, HeaderMap::new());
    for line in head.split("\r\n") {
        let (name, value) =
            line.split_once(": ").with_context(|| format!("read git http-backend's `{line}`"))?;
        if name.eq_ignore_ascii_case("status") {
            status = value.get(..3).unwrap_or(value).parse().context("read git http-backend's status")?;
        } else {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_status_is_a_success() {
        let response =
            parse(b"Content-Type: text/plain\r\nCache-Control: no-cache\r\n\r\nab\r\n\r\nc").unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-length"], "7");
        assert_eq!(&response.body()[..], b"ab\r\n\r\nc");
    }

    #[test]
    fn a_status_with_its_reason_is_read() {
        let response = parse(b"Status: 404 Not Found\r\nExpires: never\r\n\r\n").unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn an_answer_without_a_head_is_an_error() {
        assert!(parse(b"fatal: no").is_err());
    }
}
