//! `/healthz`, `/readyz` and `/metrics` over HTTP.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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

use crate::lock::lock;

/// Connections served at once; more wait in the listen queue.
const CONNECTION_LIMIT: usize = 64;
/// A controller that took no event for so long does not go on by itself.
const STUCK_AFTER: Duration = Duration::from_secs(30);
/// How long a client may take to send its request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the agent does its work, for its probes.
#[derive(Default)]
pub(crate) struct Probes {
    /// The custom resources were listed and plugins are loaded.
    pub(crate) ready: AtomicBool,
    /// When the controller took an event last.
    beat: Mutex<Option<Instant>>,
}

impl Probes {
    /// The controller goes on.
    pub(crate) fn beat(&self, now: Instant) {
        *lock(&self.beat) = Some(now);
    }

    /// Whether it did so lately. Before its first event it is only starting.
    fn is_alive(&self, now: Instant) -> bool {
        lock(&self.beat).is_none_or(|beat| now.saturating_duration_since(beat) < STUCK_AFTER)
    }
}

/// Serves until `stop` is cancelled.
pub(crate) async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    probes: Arc<Probes>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
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
        "/healthz" if probes.is_alive(Instant::now()) => text(StatusCode::OK, "ok\n"),
        "/healthz" => text(StatusCode::SERVICE_UNAVAILABLE, "the controller is stuck\n"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_that_takes_no_event_for_long_is_stuck() {
        let (probes, began) = (Probes::default(), Instant::now());
        assert!(probes.is_alive(began + STUCK_AFTER * 2), "it is starting");
        probes.beat(began);
        assert!(probes.is_alive(began + STUCK_AFTER / 2));
        assert!(!probes.is_alive(began + STUCK_AFTER));
    }
}
