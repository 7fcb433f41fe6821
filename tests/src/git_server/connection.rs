//! Accepts connections, plain or TLS, and gives each request to [`respond`](super::respond). Ends with all
//! connections when told to.

use std::sync::Arc;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::respond::{State, respond};
use crate::certificates::Issued;

/// So many connections are served at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 512;

/// Makes what turns a TCP connection into a TLS one.
pub(super) fn acceptor(issued: &Issued) -> anyhow::Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes())
        .context("read the certificate of the Git server")?;
    let key =
        PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).context("read the key of the Git server")?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choose the TLS versions of the Git server")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("use the certificate of the Git server")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until the sender of `stopped` is gone.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    acceptor: Option<TlsAcceptor>,
    state: Arc<State>,
    mut stopped: oneshot::Receiver<()>,
) {
    // Fails only for a listener that isn't set to non-blocking, which this one is.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => {}
            Ok((stream, _)) = listener.accept(), if connections.len() < CONNECTIONS => {
                connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&state)));
            }
        }
    }
}

/// A client that goes away or breaks the protocol ends its own connection, and nobody needs to hear of it.
async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    match acceptor {
        None => requests(stream, state).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                requests(stream, state).await;
            }
        }
    }
}

async fn requests(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let service = service_fn(move |request| respond(Arc::clone(&state), request));
    _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}
