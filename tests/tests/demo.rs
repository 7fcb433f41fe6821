//! The demo is a test: it verifies what it shows, and this holds it to its word.

use std::process::Command;

#[test]
fn the_demo_tells_its_seven_steps_in_order_and_ends_with_success() {
    let agent = windlass_tests::agent::built_agent().unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_demo")).arg("--once").arg("--agent").arg(agent).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let mut rest = &*out;
    for step in [
        "1  First sync of all applications",
        "2  A commit is applied",
        "3  A manual edit is healed",
        "4  The gate refuses a commit",
        "5  A rollout fails, and the others go on",
        "6  git revert rolls back",
        "7  The plugins that did it",
        "✓ All 7 steps held",
    ] {
        let Some((_, after)) = rest.split_once(&format!("\n{step}")) else {
            panic!("`{step}` is missing, or not in its place:\n{out}");
        };
        rest = after;
    }
    assert!(!out.contains('\x1b'), "escape codes without a terminal:\n{out:?}");
    assert_eq!(err, "");
}

#[test]
fn the_help_explains_every_argument() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).arg("--help").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for word in ["seven steps", "--once", "--kubeconfig", "--agent", "KUBEBUILDER_ASSETS"] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
}
