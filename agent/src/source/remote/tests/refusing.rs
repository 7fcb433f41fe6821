//! Servers that refuse, fail, lie or are silent, and what is never done for them.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use super::*;

#[test]
fn credentials_open_what_is_guarded() {
    let setup = Setup::new();
    setup.server.mood(Mood::Guarded("Basic YWRhOnNlY3JldA==".to_owned()));
    let with = |credentials| RemoteOptions { credentials, ..setup.options() };
    let basic =
        |password: &str| Credentials::Basic { username: "ada".to_owned(), password: password.to_owned() };
    let error = poll(&setup.open(with(None)), None).unwrap_err();
    assert!(
        matches!(error, SourceError::Unauthorized { status: 401, with_credentials: false, .. }),
        "{error}"
    );
    let error = poll(&setup.open(with(Some(basic("wrong")))), None).unwrap_err();
    assert!(
        matches!(error, SourceError::Unauthorized { status: 401, with_credentials: true, .. }),
        "{error}"
    );
    assert!(!error.is_transient());
    moved(&setup.open(with(Some(basic("secret")))), None);
    setup.server.mood(Mood::Guarded("Bearer token".to_owned()));
    let bearer = setup.open(with(Some(Credentials::Bearer("token".to_owned()))));
    moved(&bearer, None);
    setup.server.mood(Mood::Guarded("Bearer rotated".to_owned()));
    assert!(matches!(poll(&bearer, None), Err(SourceError::Unauthorized { .. })));
}

#[test]
fn missing_repository_is_told_from_a_missing_server() {
    let setup = Setup::new();
    let url = setup.server.url().replace("app.git", "none.git");
    let error = poll(&setup.open(RemoteOptions { url, ..setup.options() }), None).unwrap_err();
    assert!(matches!(error, SourceError::NotFound { status: 404, .. }), "{error}");
    let remote = setup.remote();
    let (revision, _) = moved(&remote, None);
    drop(setup.server);
    let error = poll(&remote, Some(&revision)).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.is_transient());
    assert_eq!(text(&remote, &revision, "a.yaml"), "one");
}

#[test]
fn busy_server_is_left_alone_as_long_as_it_asks() {
    let setup = Setup::new();
    for status in [429, 503, 403] {
        setup.server.mood(Mood::Status(status, "Retry-After: 7\r\n".to_owned()));
        let error = poll(&setup.remote(), None).unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }
}

#[test]
fn limits_end_a_fetch_and_leave_nothing() {
    let setup = Setup::new();
    let numbers = (0..40_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes());
    let noise = hex::encode(numbers.collect::<Vec<_>>());
    setup.server.commit("noise", &noise, "Noise");
    let limits = FetchLimits::default();
    for (limits, expected) in [
        (FetchLimits { pack_bytes: 10_000, ..limits }, "spec.limits.packSize"),
        (FetchLimits { objects: 2, ..limits }, "spec.limits.objects"),
        (FetchLimits { object_bytes: 50_000, ..limits }, "spec.limits.objectSize"),
        (FetchLimits { refs_bytes: 10, ..limits }, "fixed"),
    ] {
        let remote = setup.open(RemoteOptions { limits, ..setup.options() });
        let error = poll(&remote, None).unwrap_err();
        match &error {
            SourceError::Limit { setting, .. } => assert_eq!(*setting, expected),
            other => panic!("{expected}: {other}"),
        }
        drop(remote);
        assert_eq!(setup.cached(".pack"), Vec::<PathBuf>::new());
    }
}

#[test]
fn garbage_is_a_protocol_error_without_control_characters() {
    let setup = Setup::new();
    setup.server.mood(Mood::Garbage);
    let error = poll(&setup.remote(), None).unwrap_err();
    assert!(matches!(error, SourceError::Protocol { .. }), "{error}");
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    setup.server.mood(Mood::Status(200, "Content-Type: text/html\r\n".to_owned()));
    assert!(matches!(poll(&setup.remote(), None), Err(SourceError::Protocol { .. })));
}

#[test]
fn pack_that_breaks_off_is_an_error_and_the_next_poll_recovers() {
    let setup = Setup::new();
    let remote = setup.remote();
    for bytes in [0, 10, 60, 150, 200] {
        setup.server.mood(Mood::Cut(bytes));
        assert!(poll(&remote, None).is_err(), "{bytes}");
    }
    setup.server.mood(Mood::Git);
    let (first, _) = moved(&remote, None);
    setup.server.commit("b.yaml", "two", "Second");
    setup.server.mood(Mood::Cut(100));
    assert!(poll(&remote, Some(&first)).is_err());
    assert_eq!(text(&remote, &first, "a.yaml"), "one");
    setup.server.mood(Mood::Git);
    let (second, _) = moved(&remote, Some(&first));
    assert_eq!(text(&remote, &second, "b.yaml"), "two");
}

#[test]
fn redirect_within_the_origin_is_followed() {
    let setup = Setup::new();
    setup.server.mood(Mood::Moved("/old.git".to_owned(), "/app.git".to_owned()));
    let url = setup.server.url().replace("app.git", "old.git");
    let remote = setup.open(RemoteOptions { url, ..setup.options() });
    let (revision, _) = moved(&remote, None);
    setup.server.seen();
    assert_eq!(poll(&remote, Some(&revision)), Ok(Polled::Unchanged));
    assert_eq!(setup.server.seen().len(), 1);
    setup.server.mood(Mood::Moved("/".to_owned(), "/again/".to_owned()));
    let error = poll(&setup.remote(), None).unwrap_err();
    assert!(error.to_string().contains("too many redirects"), "{error}");
}

#[test]
fn credentials_never_follow_a_redirect_to_another_origin() {
    let setup = Setup::new();
    let other = Server::start();
    let credentials = Some(Credentials::Bearer("token".to_owned()));
    let options = RemoteOptions { credentials, ..setup.options() };
    setup.server.mood(Mood::Moved("/app.git".to_owned(), other.url()));
    let error = poll(&setup.open(options.clone()), None).unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    // In the middle of the conversation too.
    setup.server.mood(Mood::Moved("/app.git/git-upload-pack".to_owned(), other.url()));
    poll(&setup.open(options), None).unwrap_err();
    assert_eq!(other.seen(), []);
    assert!(setup.server.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer token")));
}

#[test]
fn cancelled_poll_asks_nothing() {
    let setup = Setup::new();
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let error = setup.remote().poll(None, &cancelled).unwrap_err();
    assert!(matches!(error, SourceError::Cancelled { .. }), "{error}");
    assert_eq!(setup.server.seen(), []);
}

#[test]
fn silent_server_ends_with_the_timeout_or_with_cancellation() {
    let cache = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/app.git", listener.local_addr().unwrap());
    let timeout = Duration::from_millis(300);
    let remote =
        Remote::open(cache.path(), RemoteOptions { timeout, ..RemoteOptions::new("a/b", url.clone()) })
            .unwrap();
    let error = poll(&remote, None).unwrap_err();
    assert!(
        matches!(&error, SourceError::Unreachable { problem, .. } if problem.contains("timeout")),
        "{error}"
    );
    let remote = Remote::open(cache.path(), RemoteOptions::new("a/c", url)).unwrap();
    let cancelled = CancellationToken::new();
    let error = std::thread::scope(|scope| {
        let polling = scope.spawn(|| remote.poll(None, &cancelled));
        // Once the request is on its way.
        let (_first, _) = listener.accept().unwrap();
        let (_second, _) = listener.accept().unwrap();
        cancelled.cancel();
        polling.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, SourceError::Cancelled { .. }), "{error}");
}

#[test]
fn server_without_tls_is_no_trusted_connection() {
    let cache = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/app.git", listener.local_addr().unwrap());
    let remote = Remote::open(cache.path(), RemoteOptions::new("a/b", url)).unwrap();
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            // Until the client has had enough.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        poll(&remote, None).unwrap_err()
    });
    assert!(matches!(error, SourceError::Tls { .. }), "{error}");
}

#[test]
fn options_that_are_never_followed_are_refused_before_anything_is_asked() {
    let cache = tempfile::tempdir().unwrap();
    let credentials = Some(Credentials::Bearer("token".to_owned()));
    let good = RemoteOptions::new("a/b", "https://example.org/app.git");
    let url = |url: &str| RemoteOptions { url: url.to_owned(), ..good.clone() };
    let reference = |reference| RemoteOptions { reference, ..good.clone() };
    for options in [
        url("ssh://git@example.org/app.git"),
        url("git@example.org:app.git"),
        url("git://example.org/app.git"),
        url("file:///srv/app.git"),
        url("/srv/app.git"),
        url("ext::sh -c true"),
        url("https://ada:secret@example.org/app.git"),
        url("https://example.org/app.git?x=1"),
        url("https://example.org\\@evil.example/app.git"),
        url("https:///app.git"),
        url("https://example.org/a b"),
        url(&format!("https://example.org/{}", "x".repeat(3000))),
        RemoteOptions { credentials: credentials.clone(), ..url("http://example.org/app.git") },
        RemoteOptions { credentials: Some(Credentials::Bearer("a\nb".to_owned())), ..good.clone() },
        RemoteOptions { ca_pem: Some(b"nothing".to_vec()), ..good.clone() },
        reference(Reference::Branch("-x".to_owned())),
        reference(Reference::Branch("a..b".to_owned())),
        reference(Reference::Branch("a\u{7}b".to_owned())),
        reference(Reference::Branch(String::new())),
        reference(Reference::Tag("x".repeat(2000))),
        reference(Reference::Name("HEAD".to_owned())),
        reference(Reference::Name("refs/../x".to_owned())),
    ] {
        let shown = format!("{options:?}");
        let error = Remote::open(cache.path(), options).err().unwrap_or_else(|| panic!("{shown}"));
        assert!(matches!(error, SourceError::Refused { .. }), "{shown}: {error}");
        let message = format!("{error} {error:?} {:?}", error.hint());
        assert!(!message.contains("secret") && !message.contains("token"), "{message}");
    }
    for options in [
        good.clone(),
        RemoteOptions { credentials: credentials.clone(), ..good.clone() },
        RemoteOptions { credentials: credentials.clone(), ..url("http://[::1]:3000/app.git") },
        RemoteOptions { credentials, ..url("http://localhost/app.git/") },
        reference(Reference::Branch("feature/x-1".to_owned())),
    ] {
        let shown = format!("{options:?}");
        assert!(Remote::open(cache.path(), options).is_ok(), "{shown}");
        assert!(!shown.contains("token"), "{shown}");
    }
}
