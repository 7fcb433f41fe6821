//! A Git server over HTTP or HTTPS on 127.0.0.1 that serves a folder of repositories for reading, by
//! `git http-backend`. Takes credentials and faults, gives URLs and a record of what clients asked.
//!
//! It runs on a thread and a runtime of its own, so a test's runtime may come and go around it; dropping it ends
//! it. It speaks the smart protocol only as Git's own program does: nothing is imitated but the faults.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow, bail};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::TestRepo;
use crate::certificates::{Authority, LOOPBACK_NAMES};

mod backend;
mod connection;
mod record;
mod respond;

pub use record::Request;
use respond::State;

/// How a Git server is made.
#[derive(Debug, Clone, Default)]
pub struct GitServerOptions {
    /// HTTPS with a certificate of a private authority ([`GitServer::ca_pem`]) instead of HTTP.
    pub tls: bool,
    /// What a client has to show.
    pub auth: Auth,
}

/// What a client has to show in its `Authorization` header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// A user name and a password.
    Basic {
        /// The user name; without a colon.
        user: String,
        /// The password.
        password: String,
    },
    /// A bearer token.
    Bearer(String),
}

/// What the server does instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this HTTP status and a short text.
    Status(u16),
    /// Closes the connection without an answer.
    Close,
    /// Sends nothing until the fault is changed; then it closes the connection.
    Hang,
    /// Redirects (302) to the same path and query under this URL, such as another server's
    /// [`base_url`](GitServer::base_url).
    Redirect(String),
    /// Announces the true answer in full, sends half of it and closes the connection.
    Truncate,
}

/// A running Git server.
pub struct GitServer {
    root: Arc<TempDir>,
    address: SocketAddr,
    ca_pem: Option<String>,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl GitServer {
    /// Starts one; when this returns it accepts connections.
    pub fn start(options: GitServerOptions) -> anyhow::Result<Self> {
        let root = Arc::new(tempfile::tempdir().context("create a temporary folder for Git repositories")?);
        let (acceptor, ca_pem) = if options.tls {
            let authority = Authority::new("windlass test Git server")?;
            let acceptor = connection::acceptor(&authority.issue(&LOOPBACK_NAMES)?)?;
            (Some(acceptor), Some(authority.pem().to_owned()))
        } else {
            (None, None)
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("listen on 127.0.0.1")?;
        listener.set_nonblocking(true).context("listen on 127.0.0.1")?;
        let address = listener.local_addr().context("learn the port of the Git server")?;
        let state = Arc::new(State::new(root.path(), options.auth));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("make the runtime of the Git server")?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("git-server".to_owned())
            .spawn(move || runtime.block_on(connection::serve(listener, acceptor, served, stopped)))
            .context("start the thread of the Git server")?;
        Ok(Self { root, address, ca_pem, state, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT` or the same with `https`, without a slash at its end.
    pub fn base_url(&self) -> String {
        self.base_url_at("127.0.0.1")
    }

    /// The same under another name of this machine that the certificate has too: `localhost`.
    pub fn base_url_at(&self, host: &str) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    /// The URL of a repository, whether it exists or not.
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.base_url())
    }

    /// The authority that signed the server's certificate, PEM; none when it serves plain HTTP.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Creates an empty repository; `name` may have slashes.
    pub fn create_repo(&self, name: &str) -> anyhow::Result<TestRepo> {
        TestRepo::create(Arc::clone(&self.root), checked(name)?, None)
    }

    /// The same with its work tree in a folder of the caller's, which stays when the repository is dropped.
    pub fn create_repo_at(&self, name: &str, work_tree: &std::path::Path) -> anyhow::Result<TestRepo> {
        TestRepo::create(Arc::clone(&self.root), checked(name)?, Some(work_tree))
    }

    /// From now on does `fault` for requests of every repository.
    pub fn set_fault(&self, fault: Fault) {
        self.state.set_fault(None, fault);
    }

    /// From now on does `fault` for requests of this repository, before one for all.
    pub fn set_fault_of(&self, name: &str, fault: Fault) {
        self.state.set_fault(Some(name), fault);
    }

    /// Works again.
    pub fn clear_faults(&self) {
        self.state.clear_faults();
    }

    /// From now on asks for these credentials.
    pub fn set_auth(&self, auth: Auth) -> anyhow::Result<()> {
        self.state.set_auth(auth)
    }

    /// How many requests have arrived so far, the refused and the faulty included.
    pub fn request_count(&self) -> u64 {
        self.state.record.count()
    }

    /// The requests that arrived, oldest first; only the last 10,000 are kept.
    pub fn requests(&self) -> Vec<Request> {
        self.state.record.requests()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        // The thread ends when the sender is gone; a panic in it has shown itself already.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn checked(name: &str) -> anyhow::Result<&str> {
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if !name.split('/').all(fits) {
        bail!("`{name}` is no name for a repository: use a–z, 0–9, -, _, . and /");
    }
    Ok(name)
}

/// A lock that only a panic of this crate itself could poison.
fn poisoned<T>(_: T) -> anyhow::Error {
    anyhow!("a thread of the Git server panicked")
}
