//! The demo is a test: it verifies what it shows, and this holds it to its word.

#![expect(clippy::unwrap_used, reason = "this is a test, of which Clippy knows only the functions marked so")]

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use windlass_tests::agent::built_agent;
use windlass_tests::{ControlPlane, Options};

const STEPS: [&str; 8] = [
    "1  First sync of all applications",
    "2  A commit is applied",
    "3  A manual edit is healed",
    "4  The gate refuses a commit",
    "5  A rollout fails, and the others go on",
    "6  git revert rolls back",
    "7  The plugins that did it",
    "✓ All 7 steps held",
];

fn demo() -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    demo.env_remove("NO_COLOR").arg("--agent").arg(built_agent().unwrap());
    demo
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    write!(text, "{}", String::from_utf8_lossy(&output.stderr)).unwrap();
    text
}

fn assert_told(output: &Output) {
    let text = text(output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let mut rest = &*text;
    for step in STEPS {
        let Some((_, after)) = rest.split_once(&format!("\n{step}")) else {
            panic!("`{step}` is missing, or not in its place:\n{text}");
        };
        rest = after;
    }
    assert!(!text.contains('\x1b'), "escape codes without a terminal:\n{text:?}");
}

#[test]
fn the_demo_tells_its_seven_steps_in_order_and_ends_with_success() {
    assert_told(&demo().arg("--once").output().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_somebody_has_is_left_as_it_was() {
    let control = ControlPlane::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubectl = folder.path().join("kubectl");
    let words: Vec<String> =
        control.kubectl_words().unwrap().iter().map(|word| format!("'{}'", word.display())).collect();
    std::fs::write(&kubectl, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).unwrap();
    std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let run = || {
        let mut demo = demo();
        demo.args(["--once", "--kubeconfig"]).arg(control.kubeconfig_path()).env("PATH", &path);
        demo.output().unwrap()
    };

    let names = ["get", "customresourcedefinitions,namespaces", "-o", "name"];
    let before = control.run_kubectl(&names).await.unwrap();
    assert_told(&run());
    assert_eq!(control.run_kubectl(&names).await.unwrap(), before);

    control.run_kubectl(&["create", "namespace", "windlass-demo"]).await.unwrap();
    let refused = run();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("has a namespace windlass-demo already"), "{}", text(&refused));
    let after = control.run_kubectl(&["get", "namespaces", "-o", "name"]).await.unwrap();
    assert!(after.contains("namespace/windlass-demo"), "the demo took away what it did not make");
}

#[test]
fn the_help_explains_every_argument() {
    let output = demo().arg("--help").output().unwrap();
    let text = text(&output);
    assert!(output.status.success());
    for word in ["seven steps", "--once", "--kubeconfig", "--agent", "KUBEBUILDER_ASSETS"] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
}
