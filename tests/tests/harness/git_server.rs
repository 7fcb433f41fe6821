use std::path::Path;
use std::process::{Command, Stdio};

use windlass_tests::{Auth, Fault, GitServer, GitServerOptions, Monorepo, TestRepo};

/// A client with nothing of the user's around it: what it wrote on standard output, or on standard error if it
/// failed.
fn git(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ])
        .envs([("HOME", "/nonexistent"), ("LC_ALL", "C")])
        .stdin(Stdio::null())
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn ls_remote(url: &str) -> Result<String, String> {
    git(&["ls-remote", url, "refs/heads/main"])
}

fn plain() -> GitServer {
    GitServer::start(GitServerOptions::default()).unwrap()
}

fn repo_with_a_file(server: &GitServer, name: &str) -> TestRepo {
    let repo = server.create_repo(name).unwrap();
    repo.write("a.yaml", "x: 1\n").unwrap();
    repo.commit("Add a file").unwrap();
    repo
}

#[test]
fn a_clone_over_http_has_what_was_committed() {
    let server = plain();
    let repo = server.create_repo("team/mono").unwrap();
    let monorepo = Monorepo { applications: 20, namespace: "bench".to_owned() };
    repo.write_all(monorepo.files()).unwrap();
    let id = repo.commit("Add the applications").unwrap();

    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    git(&["clone", "--quiet", &server.url("team/mono"), clone.to_str().unwrap()]).unwrap();

    assert_eq!(git(&["-C", clone.to_str().unwrap(), "rev-parse", "HEAD"]).unwrap(), id);
    let (path, text) = Monorepo::at_version(19, 1);
    assert_eq!(std::fs::read_to_string(clone.join(path)).unwrap(), text);
    assert!(server.request_count() >= 3);
    assert_eq!(server.requests()[0].query, "service=git-upload-pack");
}

#[test]
fn https_is_trusted_through_its_authority_alone() {
    let server = GitServer::start(GitServerOptions { tls: true, ..GitServerOptions::default() }).unwrap();
    let repo = repo_with_a_file(&server, "app");
    assert!(ls_remote(&server.url("app")).is_err());

    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, server.ca_pem().unwrap()).unwrap();
    let trust = format!("http.sslCAInfo={}", authority.display());
    let heads = git(&["-c", &trust, "ls-remote", &server.url("app"), "refs/heads/main"]).unwrap();
    assert!(heads.starts_with(&repo.head().unwrap()));
}

#[test]
fn only_the_right_password_is_admitted() {
    let auth = Auth::Basic { user: "ada".to_owned(), password: "secret".to_owned() };
    let server = GitServer::start(GitServerOptions { tls: false, auth }).unwrap();
    repo_with_a_file(&server, "app");
    let with = |credentials: &str| server.url("app").replace("http://", &format!("http://{credentials}@"));
    assert!(ls_remote(&server.url("app")).is_err());
    assert!(ls_remote(&with("ada:wrong")).is_err());
    assert!(ls_remote(&with("ada:secret")).is_ok());
}

#[test]
fn only_the_right_token_is_admitted_also_after_it_was_changed() {
    let options = GitServerOptions { tls: false, auth: Auth::Bearer("one".to_owned()) };
    let server = GitServer::start(options).unwrap();
    repo_with_a_file(&server, "app");
    let with = |token: &str| {
        let header = format!("http.extraHeader=Authorization: Bearer {token}");
        git(&["-c", &header, "ls-remote", &server.url("app")])
    };
    assert!(with("one").is_ok());
    server.set_auth(Auth::Bearer("two".to_owned())).unwrap();
    assert!(with("one").is_err());
    assert!(with("two").is_ok());
}

#[test]
fn a_status_fault_is_answered_until_it_is_cleared() {
    let server = plain();
    repo_with_a_file(&server, "app");
    server.set_fault(Fault::Status(503));
    let error = ls_remote(&server.url("app")).unwrap_err();
    assert!(error.contains("503"), "{error}");
    server.clear_faults();
    assert!(ls_remote(&server.url("app")).is_ok());
}

#[test]
fn a_fault_of_one_repository_leaves_the_others_alone() {
    let server = plain();
    repo_with_a_file(&server, "good");
    repo_with_a_file(&server, "bad");
    server.set_fault_of("bad", Fault::Close);
    assert!(ls_remote(&server.url("bad")).is_err());
    assert!(ls_remote(&server.url("good")).is_ok());
}

#[test]
fn a_hanging_server_lets_go_when_the_fault_ends() {
    let server = plain();
    repo_with_a_file(&server, "app");
    server.set_fault(Fault::Hang);
    let url = server.url("app");
    let client = std::thread::spawn(move || ls_remote(&url));
    while server.request_count() == 0 {
        std::thread::yield_now();
    }
    assert!(!client.is_finished());
    server.clear_faults();
    assert!(client.join().unwrap().is_err());
}

#[test]
fn a_hanging_server_can_be_dropped() {
    let server = plain();
    server.set_fault(Fault::Hang);
    let url = server.url("app");
    let client = std::thread::spawn(move || ls_remote(&url));
    while server.request_count() == 0 {
        std::thread::yield_now();
    }
    drop(server);
    assert!(client.join().unwrap().is_err());
}

#[test]
fn a_truncated_pack_fails_the_clone() {
    let server = plain();
    repo_with_a_file(&server, "app");
    server.set_fault(Fault::Truncate);
    let folder = tempfile::tempdir().unwrap();
    let clone = |to: &Path| git(&["clone", "--quiet", &server.url("app"), to.to_str().unwrap()]);
    assert!(clone(&folder.path().join("bad")).is_err());
    server.clear_faults();
    assert!(clone(&folder.path().join("good")).is_ok());
}

#[test]
fn a_redirect_shows_at_its_target_whether_credentials_came_along() {
    let (from, to) = (plain(), plain());
    repo_with_a_file(&to, "app");
    from.set_fault(Fault::Redirect(to.base_url_at("localhost")));
    assert!(ls_remote(&from.url("app")).is_ok());
    let with = from.url("app").replace("http://", "http://ada:secret@");
    assert!(ls_remote(&with).is_ok());
    assert!(to.request_count() > 0);
    assert_eq!(to.requests()[0].authorization, None);

    let header = "http.extraHeader=Authorization: Bearer careless";
    git(&["-c", header, "ls-remote", &from.url("app")]).unwrap();
    assert_eq!(to.requests().pop().unwrap().authorization.as_deref(), Some("Bearer careless"));
}

#[test]
fn pushing_over_http_is_refused() {
    let server = plain();
    let repo = repo_with_a_file(&server, "app");
    let tree = repo.work_tree().to_str().unwrap();
    assert!(git(&["-C", tree, "push", "--quiet", &server.url("app"), "main:other"]).is_err());
}

#[test]
fn two_repositories_of_one_name_are_refused_and_so_are_names_that_leave_the_root() {
    let server = plain();
    let _repo = server.create_repo("app").unwrap();
    assert!(server.create_repo("app").is_err());
    assert!(server.create_repo("../app").is_err());
}
