use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, ObjectMeta, PostParams};
use windlass_tests::control_plane::GUEST;
use windlass_tests::{ControlPlane, Options};

fn config_map(name: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        data: Some([("key".to_owned(), value.to_owned())].into()),
        ..ConfigMap::default()
    }
}

fn value(config_map: ConfigMap) -> Option<String> {
    config_map.data?.remove("key")
}

/// An API server and its etcd, without anything that changes objects behind a test's back.
fn bare() -> Options {
    Options { controller_manager: false, ..Options::default() }
}

#[tokio::test]
async fn a_config_map_that_was_created_can_be_read() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let namespace = control_plane.namespace("harness").await.unwrap();
    let api = Api::<ConfigMap>::namespaced(control_plane.client().unwrap(), &namespace);
    api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert_eq!(value(api.get("a").await.unwrap()).as_deref(), Some("1"));
}

#[tokio::test]
async fn the_shared_control_plane_serves_tests_with_runtimes_of_their_own() {
    let first = ControlPlane::shared().await.unwrap();
    let second = ControlPlane::shared().await.unwrap();
    assert!(std::ptr::eq(first, second));
    assert_ne!(first.namespace("same").await.unwrap(), second.namespace("same").await.unwrap());
}

#[tokio::test]
async fn kubectl_speaks_to_the_cluster_and_says_why_it_fails() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let names = control_plane.run_kubectl(&["get", "namespaces", "-o", "name"]).await.unwrap();
    assert!(names.lines().any(|name| name == "namespace/default"), "{names}");
    let error = control_plane.run_kubectl(&["get", "nothings"]).await.unwrap_err().to_string();
    assert!(error.contains("doesn't have a resource type \"nothings\""), "{error}");
}

#[tokio::test]
async fn a_guest_may_do_nothing_by_itself() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let api = Api::<Namespace>::all(control_plane.client_of(GUEST).unwrap());
    match api.get("default").await {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 403, "{status:?}"),
        other => panic!("a guest was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn requests_are_counted_by_verb_and_resource() {
    let control_plane = ControlPlane::start(bare()).await.unwrap();
    let namespace = control_plane.namespace("counted").await.unwrap();
    let api = Api::<ConfigMap>::namespaced(control_plane.client().unwrap(), &namespace);
    let before = control_plane.api_requests().await.unwrap();
    for index in 0..3 {
        api.create(&PostParams::default(), &config_map(&format!("c-{index}"), "")).await.unwrap();
    }
    let counted = control_plane.api_requests().await.unwrap().since(&before);
    assert_eq!(counted.of("POST", "configmaps"), 3, "{counted:?}");
    assert!(counted.total() >= 3);
    assert!(control_plane.resident_bytes().unwrap() > 0);
}

#[tokio::test]
async fn an_api_server_that_was_stopped_comes_back_at_its_address_with_its_data() {
    let control_plane = ControlPlane::start(bare()).await.unwrap();
    let api = Api::<ConfigMap>::namespaced(control_plane.client().unwrap(), "default");
    api.create(&PostParams::default(), &config_map("kept", "1")).await.unwrap();
    let url = control_plane.url().to_owned();

    control_plane.stop_apiserver().await.unwrap();
    assert!(api.get("kept").await.is_err());

    control_plane.start_apiserver().await.unwrap();
    assert_eq!(control_plane.url(), url);
    assert_eq!(value(api.get("kept").await.unwrap()).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_shut_down_control_plane_leaves_no_process_and_no_folder() {
    let control_plane = ControlPlane::start(bare()).await.unwrap();
    let folder = control_plane.folder().to_owned();
    let processes = control_plane.processes().unwrap();
    assert_eq!(processes.len(), 2);
    control_plane.shutdown().await.unwrap();
    assert!(processes.iter().all(|(_, pid)| ended(*pid)), "{processes:?}");
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_program_that_is_not_ready_in_time_is_named() {
    let options = Options { ready_within: Duration::ZERO, ..bare() };
    let error = ControlPlane::start(options).await.err().unwrap().to_string();
    assert!(error.starts_with("etcd is not ready after 0ns (Options::ready_within)"), "{error}");
}

/// In the variable, the child finds the file to write what it started into.
const HANDOVER: &str = "WINDLASS_TEST_HANDOVER";

#[test]
fn a_control_plane_dies_with_a_parent_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let handover = folder.path().join("handover");
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "control_plane::a_parent_that_waits_to_be_killed", "--ignored"])
        .env(HANDOVER, &handover)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the child has a control plane", || handover.exists() || parent.try_wait().unwrap().is_some());
    assert!(handover.exists(), "the child ended before it had a control plane");
    let (left, pids) = read_handover(&handover);
    assert!(pids.iter().all(|pid| !ended(*pid)));

    parent.kill().unwrap();
    parent.wait().unwrap();

    wait_until("its processes are gone", || pids.iter().all(|pid| ended(*pid)));
    wait_until("its folder is gone", || !left.exists());
}

#[tokio::test]
#[ignore = "is run as a child by the test of a parent that is killed"]
async fn a_parent_that_waits_to_be_killed() {
    let Some(handover) = std::env::var_os(HANDOVER).map(PathBuf::from) else { return };
    let control_plane = ControlPlane::start(bare()).await.unwrap();
    let pids = control_plane.processes().unwrap().into_iter().map(|(_, pid)| pid.to_string());
    let lines: Vec<String> = [control_plane.folder().display().to_string()].into_iter().chain(pids).collect();
    let unfinished = handover.with_extension("unfinished");
    std::fs::write(&unfinished, lines.join("\n")).unwrap();
    std::fs::rename(&unfinished, &handover).unwrap();
    std::future::pending::<()>().await;
}

fn read_handover(path: &Path) -> (PathBuf, Vec<u32>) {
    let text = std::fs::read_to_string(path).unwrap();
    let (folder, pids) = text.split_once('\n').unwrap();
    (folder.into(), pids.lines().map(|pid| pid.parse().unwrap()).collect())
}

/// An orphan that nobody has asked about stays as a zombie, which counts as ended.
fn ended(pid: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])),
        Err(_) => true,
    }
}

/// For what no event tells: other processes' ends. The deadline only keeps a failure from lasting for ever.
fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    let mut condition = condition;
    let deadline = Instant::now() + Duration::from_mins(5);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
