use super::guests::{IMPATIENT, PATIENT, PROGRAM, load, objects, render, render_in, tree};
use crate::diagnostic::Severity;
use crate::plugin::{LimitOverrides, PluginError};
use crate::render::RawOutput;
use crate::source::tree::TreeError;

fn run(config: &str) -> Result<RawOutput, PluginError> {
    render(&load(&PROGRAM, PATIENT).unwrap(), config)
}

fn text(config: &str) -> String {
    objects(&run(config).unwrap())[0]["data"]["text"].as_str().unwrap().to_owned()
}

#[test]
fn documents_on_standard_output_are_manifests_and_lines_on_standard_error_warnings() {
    let output = run("").unwrap();
    assert_eq!(objects(&output).len(), 2);
    assert_eq!(output.diagnostics.len(), 1);
    assert_eq!(output.diagnostics[0].severity, Severity::Warning);
    assert_eq!(output.diagnostics[0].message, "the config says nothing");
}

#[test]
fn a_program_reads_the_tree_and_the_tree_remembers_it() {
    let tree = tree();
    let output = render_in(&tree, &load(&PROGRAM, PATIENT).unwrap(), "read /apps/up").unwrap();
    assert_eq!(objects(&output)[0]["kind"], "ConfigMap");
    let files: Vec<_> = tree.inputs().files().map(|(path, _)| path.to_owned()).collect();
    assert!(files.contains(&"a.yaml".to_owned()) && files.contains(&"apps/up".to_owned()), "{files:?}");
}

#[test]
fn a_program_lists_folders() {
    assert_eq!(text("list /"), "/a.yaml /absolute /apps /module /out");
    assert_eq!(text("list apps"), "apps/a.yaml apps/up");
}

#[test]
fn nothing_outside_of_the_tree_can_be_read() {
    for path in ["out", "absolute", "../a.yaml", "/apps/../../a.yaml"] {
        let tree = tree();
        let error = render_in(&tree, &load(&PROGRAM, PATIENT).unwrap(), &format!("read {path}")).unwrap_err();
        assert!(matches!(error, PluginError::Refused(_)), "{path}: {error}");
        assert!(matches!(tree.failure(), Some(TreeError::Outside { .. })), "{path}: {:?}", tree.failure());
    }
}

#[test]
fn what_is_not_there_and_what_is_no_file_are_told_apart() {
    let message = |config: &str| run(config).unwrap_err().to_string();
    assert!(message("read missing").contains("No such file"), "{}", message("read missing"));
    assert!(message("read apps").contains("Is a directory"), "{}", message("read apps"));
}

#[test]
fn nothing_can_be_written() {
    let error = run("write /new.yaml").unwrap_err();
    assert!(error.to_string().contains("Read-only file system"), "{error}");
}

#[test]
fn the_world_is_the_same_at_every_call() {
    let first = text("world");
    assert!(first.starts_with("1700000000 ") && first.ends_with(" 0 3600"), "{first}");
    assert_eq!(first, text("world"));
}

#[test]
fn a_program_that_fails_is_refused_in_its_own_words() {
    let PluginError::Refused(diagnostics) = run("fail").unwrap_err() else { panic!("not a refusal") };
    let messages: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(messages, ["the chart has no name", "and no version"]);
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Error));
}

#[test]
fn a_program_that_fails_without_a_word_is_broken() {
    let error = run("exit").unwrap_err();
    assert_eq!(error.to_string(), "broke: exited with code 1 without a word");
}

#[test]
fn a_panic_is_told_with_its_last_words() {
    let error = run("panic").unwrap_err();
    let PluginError::Trap { output, .. } = &error else { panic!("{error}") };
    assert!(output.contains("no chart is good enough"), "{output}");
}

#[test]
fn a_program_without_end_meets_its_deadline() {
    let program = load(&PROGRAM, IMPATIENT).unwrap();
    assert!(matches!(render(&program, "spin"), Err(PluginError::Deadline { .. })));
    assert!(run("").is_ok(), "the next call is not touched by it");
}

#[test]
fn a_program_that_asks_without_end_runs_out_of_host_calls() {
    let program = load(&PROGRAM, LimitOverrides { host_calls: Some(1000), ..PATIENT }).unwrap();
    assert_eq!(render(&program, "ask"), Err(PluginError::HostCalls { limit: 1000 }));
}

#[test]
fn a_program_that_hoards_memory_is_stopped_at_its_limit() {
    let program = load(&PROGRAM, LimitOverrides { memory_bytes: Some(16 << 20), ..PATIENT }).unwrap();
    assert_eq!(render(&program, "hoard"), Err(PluginError::Memory { limit_bytes: 16 << 20 }));
}

#[test]
fn a_program_that_floods_its_output_is_stopped_at_its_limit() {
    let program = load(&PROGRAM, LimitOverrides { output_bytes: Some(1 << 20), ..PATIENT }).unwrap();
    for config in ["flood", "shout"] {
        assert_eq!(render(&program, config), Err(PluginError::Output { limit_bytes: 1 << 20 }), "{config}");
    }
}

#[test]
fn output_that_is_no_yaml_or_too_deep_breaks_the_contract() {
    for config in ["garbage", "nest"] {
        let error = run(config).unwrap_err();
        assert!(
            matches!(&error, PluginError::Contract(message) if message.starts_with("standard output is not YAML")),
            "{config}: {error}"
        );
    }
}
