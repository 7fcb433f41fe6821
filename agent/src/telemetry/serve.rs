//! `/healthz`, `/readyz` and `/metrics` over HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections served at once; more wait in the listen queue.
const CONNECTION_LIMIT: usize = 64;
/// How long a client may take to send its request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the agent does its work, for its probes.
#[derive(Default)]
pub(crate) struct Probes {
    /// The custom resources were listed and plugins are loaded.
    pub(crate) ready: AtomicBool,
    /// The controller's loop ended: only a restart helps.
    pub(crate) dead: AtomicBool,
}

/// Serves until `stop` is cancelled. Gives the bound address through `bound`.
pub(crate) async fn serve(
    address: SocketAddr,
    registry: Arc<Registry>,
    probes: Arc<Probes>,
    bound: impl FnOnce(SocketAddr),
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    bound(listener.local_addr().context("read the address listened on")?);
    let places = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    loop {
        let place = places.clone().acquire_owned().await.context("wait for a free connection")?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return Ok(()),
        };
        let Ok((stream, _)) = accepted else { continue };
        let (registry, probes, stop) = (registry.clone(), probes.clone(), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let response = answer(&request, &registry, &probes);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A client that breaks off is its own problem.
            tokio::select! {
                _ = connection => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, registry: &Registry, probes: &Probes) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served\n");
    }
    match request.uri().path() {
        "/healthz" if probes.dead.load(Ordering::Relaxed) => {
            text(StatusCode::SERVICE_UNAVAILABLE, "the controller has ended\n")
        }
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" if probes.ready.load(Ordering::Relaxed) => text(StatusCode::OK, "ok\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "the custom resources are not listed yet\n"),
        "/metrics" => {
            let mut body = String::new();
            match prometheus_client::encoding::text::encode(&mut body, registry) {
                Ok(()) => metrics(body),
                Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics can't be written\n"),
            }
        }
        _ => text(StatusCode::NOT_FOUND, "serves /healthz, /readyz and /metrics\n"),
    }
}

fn metrics(body: String) -> Response<Full<Bytes>> {
    with_type(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", body.into())
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    with_type(status, "text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()))
}

fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
