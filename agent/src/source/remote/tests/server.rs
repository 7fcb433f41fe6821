//! A repository made by Git itself, served by `git http-backend` over HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

/// What the server does instead of serving Git.
#[derive(Clone, Default)]
pub(crate) enum Mood {
    #[default]
    Git,
    /// Git for who shows this `Authorization`, else 401.
    Guarded(String),
    /// As servers before protocol version 2.
    Old,
    /// This status with these header lines.
    Status(u16, String),
    /// Each request under the first path prefix goes to the second.
    Moved(String, String),
    /// Success with a body that is not Git's.
    Garbage,
    /// The pack breaks off after so many bytes of its response.
    Cut(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

pub(crate) struct Server {
    pub(crate) folder: TempDir,
    address: std::net::SocketAddr,
    mood: Arc<Mutex<Mood>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<Mutex<bool>>,
}

impl Server {
    /// Serves `app.git` with one commit on `main`.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, seen, stop) = (
            Arc::<Mutex<Mood>>::default(),
            Arc::<Mutex<Vec<Seen>>>::default(),
            Arc::<Mutex<bool>>::default(),
        );
        let thread = std::thread::spawn({
            let (root, mood, seen, stop) =
                (folder.path().to_owned(), mood.clone(), seen.clone(), Arc::clone(&stop));
            move || {
                for stream in listener.incoming() {
                    if *stop.lock().unwrap() {
                        return;
                    }
                    let mood = mood.lock().unwrap().clone();
                    // A client that goes away early is no failure of the server.
                    let _ = answer(&stream.unwrap(), &root, &mood, &seen);
                }
            }
        });
        let server = Self { folder, address, mood, seen, thread: Some(thread), stop };
        server.git(&["init", "--quiet", "--bare", "--initial-branch=main", "app.git"]);
        server.git(&["init", "--quiet", "--initial-branch=main", "work"]);
        server.work(&["remote", "add", "origin", "../app.git"]);
        server.commit("a.yaml", "one", "First");
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/app.git", self.address)
    }

    pub(crate) fn mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The requests since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// Writes a file, commits and pushes it; gives the commit's id.
    pub(crate) fn commit(&self, path: &str, content: &str, message: &str) -> String {
        let file = self.folder.path().join("work").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self.work(&["add", "--all"]);
        self.work(&["commit", "--quiet", "--message", message]);
        self.push()
    }

    pub(crate) fn push(&self) -> String {
        self.work(&["push", "--quiet", "--force", "--all", "origin"]);
        self.work(&["push", "--quiet", "--force", "--tags", "origin"]);
        self.work(&["rev-parse", "HEAD"])
    }

    /// Runs Git in the work tree.
    pub(crate) fn work(&self, arguments: &[&str]) -> String {
        self.git(&[&["-C", "work"], arguments].concat())
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = isolated("git", self.folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.stop.lock().unwrap() = true;
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn isolated(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Ada")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "ada@example.org")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_DATE"), "1700000000 +0000")));
    command
}

fn answer(mut stream: &TcpStream, root: &Path, mood: &Mood, seen: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(()) };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let authorization = header("authorization");
    seen.lock().unwrap().push(Seen {
        method: method.clone(),
        path: target.clone(),
        authorization: authorization.clone(),
    });
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut cut = usize::MAX;
    let mut git_protocol = header("git-protocol").unwrap_or_default();
    match mood {
        Mood::Status(status, lines) => {
            return write!(
                stream,
                "HTTP/1.1 {status} Said\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Mood::Guarded(wanted) if authorization.as_ref() != Some(wanted) => {
            return write!(stream, "HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        Mood::Moved(from, to) if target.starts_with(from) => {
            let target = target.replacen(from, to, 1);
            return write!(
                stream,
                "HTTP/1.1 301 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Mood::Garbage => {
            let kind = if method == "GET" { "advertisement" } else { "result" };
            return write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\nContent-Length: 9\r\nConnection: close\r\n\r\n\u{1b}[31mboo!"
            );
        }
        Mood::Cut(bytes) if body.windows(13).any(|window| window == b"command=fetch") => cut = *bytes,
        Mood::Old => git_protocol.clear(),
        _ => {}
    }
    let mut child = isolated("git", root)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("GIT_PROTOCOL", git_protocol)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let input = child.stdin.take();
    input.unwrap().write_all(&body)?;
    let output = child.wait_with_output()?.stdout;
    let end =
        output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(output.len().saturating_sub(4));
    let (head, content) = output.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let kind = head.lines().find(|line| line.starts_with("Content-Type")).unwrap_or("X-Kind: none");
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    )?;
    stream.write_all(&content[..content.len().min(cut)])
}
