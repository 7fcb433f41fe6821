//! Given what was rendered before, when something changes or not, then.

use std::collections::HashSet;

use proptest::prelude::*;

use super::post::post;
use super::*;
use crate::object::Name;
use crate::source::changes::Changes;
use crate::source::tree::ObjectId;

fn shared(tree: MemoryTree) -> Arc<dyn Tree> {
    Arc::new(tree)
}

#[test]
fn a_commit_that_touches_no_input_is_answered_from_memory() {
    let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
    let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    let elsewhere = tree().file("apps/other/b.json", "{}").file("README.md", "hello");
    let second = memo.render(&job("apps/web"), &shared(elsewhere), 1, &all).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!((all.0[0].calls(), memo.counts()), (1, MemoCounts { hits: 1, misses: 1 }));
}

#[test]
fn a_change_of_anything_that_was_looked_up_renders_again() {
    for changed in [
        MemoryTree::new().file("apps/web/a.json", config_map("b").to_string()),
        tree().file("apps/web/b.json", config_map("b").to_string()),
    ] {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
        let second = memo.render(&job("apps/web"), &shared(changed), 0, &all).unwrap();
        assert_ne!(first.digest(), second.digest());
    }
}

#[test]
fn a_revert_is_answered_from_memory() {
    let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
    let changed = tree().file("apps/web/b.json", config_map("b").to_string());
    let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    memo.render(&job("apps/web"), &shared(changed), 0, &all).unwrap();
    let reverted = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    assert!(Arc::ptr_eq(&first, &reverted));
}

#[test]
fn equal_sets_of_two_revisions_are_kept_once() {
    let renderer = FakeRenderer::new("yaml", &[], |request, tree| {
        tree.list(&request.path).unwrap();
        let object = Bytes::from(config_map("a").to_string());
        Ok(RawOutput {
            manifests: vec![RawManifest { object, ..RawManifest::default() }],
            ..RawOutput::default()
        })
    });
    let (memo, all) = (Memo::default(), FakeRenderers::one(renderer));
    let first = memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    let listed = tree().file("apps/web/b.json", "");
    let second = memo.render(&job("apps/web"), &shared(listed), 0, &all).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&first.manifests, &second.manifests));
}

#[test]
fn another_job_or_another_plugin_is_another_render() {
    let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
    let jobs = [
        job("apps/web"),
        Job { config: json!({"a": 1}), ..job("apps/web") },
        Job { renderer: Some("yaml".to_owned()), ..job("apps/web") },
        Job { target_namespace: "test".to_owned(), ..job("apps/web") },
        Job { handover: Handover { confidential: true, ..Handover::default() }, ..job("apps/web") },
        Job { post_renderers: vec![post("apps/web")], ..job("apps/web") },
        Job {
            post_renderers: vec![PostRenderer { config: json!(1), ..post("apps/web") }],
            ..job("apps/web")
        },
    ];
    for job in &jobs {
        // Some of them have no such renderer, which is remembered too.
        drop(memo.render(job, &shared(tree()), 0, &all));
    }
    assert_eq!(memo.counts(), MemoCounts { hits: 0, misses: 7 });
    let added = FakeRenderers(vec![
        Arc::new(FakeRenderer::new("helm", &["a.json"], |_, _| Ok(RawOutput::default()))),
        Arc::clone(&all.0[0]),
    ]);
    assert_eq!(memo.render(&jobs[0], &shared(tree()), 0, &added).unwrap().renderer().name, "helm");
}

#[test]
fn a_refusal_is_remembered_and_a_missed_deadline_is_not() {
    let refusing =
        || FakeRenderer::new("yaml", &[], |_, _| Err(PluginError::Refused(vec![Diagnostic::error("no")])));
    let slow = || {
        FakeRenderer::new("yaml", &[], |_, _| {
            Err(PluginError::Deadline { limit: std::time::Duration::from_secs(1) })
        })
    };
    for (renderer, calls) in [(refusing(), 1), (slow(), 2)] {
        let (memo, all) = (Memo::default(), FakeRenderers::one(renderer));
        for _ in 0..2 {
            memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap_err();
        }
        assert_eq!(all.0[0].calls(), calls);
    }
}

#[test]
fn a_renderer_that_may_use_more_is_asked_again() {
    let stopped = |memory_bytes| {
        let mut renderer = FakeRenderer::new("yaml", &[], |_, _| Err(PluginError::Memory { limit_bytes: 1 }));
        renderer.limits.memory_bytes = memory_bytes;
        FakeRenderers::one(renderer)
    };
    let memo = Memo::default();
    let (less, more) = (stopped(1), stopped(2));
    for all in [&less, &less, &more] {
        memo.render(&job("apps/web"), &shared(tree()), 0, all).unwrap_err();
    }
    assert_eq!((less.0[0].calls(), more.0[0].calls()), (1, 1));
}

#[test]
fn what_was_made_from_the_commits_time_is_made_anew_for_another_commit() {
    let renderer = FakeRenderer::new("yaml", &[], |_, tree| {
        tree.ask_time();
        Ok(RawOutput::default())
    });
    let (memo, all) = (Memo::default(), FakeRenderers::one(renderer));
    for time in [1, 1, 2] {
        memo.render(&job("apps/web"), &committed(&tree(), 1), time, &all).unwrap();
    }
    assert_eq!(memo.counts(), MemoCounts { hits: 1, misses: 2 });
    assert!(memo.carry_over(id(1), id(2), &changes(&tree(), &tree())).is_empty());
}

#[test]
fn a_later_process_is_answered_from_disk_while_the_inputs_stand() {
    let folder = tempfile::tempdir().unwrap();
    let memo = || Memo::on_disk(Store::open(folder.path()).unwrap());
    let all = FakeRenderers::one(plain());
    let first = memo().render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    assert_eq!(memo().render(&job("apps/web"), &shared(tree()), 1, &all).unwrap(), first);
    assert_eq!(all.0[0].calls(), 1);
    let changed = tree().file("apps/web/b.json", config_map("b").to_string());
    let later = memo();
    assert_ne!(later.render(&job("apps/web"), &shared(changed), 1, &all).unwrap(), first);
    assert_eq!(all.0[0].calls(), 2);
    // What is gone is gone from the disk too.
    later.forget(&job("apps/web").namespace, &job("apps/web").name);
    memo().render(&job("apps/web"), &shared(tree()), 1, &all).unwrap();
    assert_eq!(all.0[0].calls(), 3);
}

#[test]
fn a_later_process_is_told_of_a_failure_whose_causes_stand() {
    let folder = tempfile::tempdir().unwrap();
    let memo = || Memo::on_disk(Store::open(folder.path()).unwrap());
    let all = FakeRenderers::one(plain());
    let twice = tree().file("apps/web/b.json", config_map("a").to_string());
    let first = memo().render(&job("apps/web"), &shared(twice.clone()), 0, &all).unwrap_err();
    let again = memo().render(&job("apps/web"), &shared(twice), 0, &all).unwrap_err();
    assert_eq!(all.0[0].calls(), 1);
    let told = |failure: &RenderFailure| -> Vec<String> {
        failure
            .error
            .diagnostics()
            .iter()
            .map(|diagnostic| format!("{diagnostic} {:?}", diagnostic.hint))
            .collect()
    };
    assert_eq!(told(&again), told(&first));
    assert_eq!(again.error.reason(), first.error.reason());
    assert!(memo().render(&job("apps/web"), &shared(tree()), 0, &all).is_ok());
}

#[test]
fn what_is_made_from_a_secret_is_not_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let memo = Memo::on_disk(Store::open(folder.path()).unwrap());
    let all = FakeRenderers::one(plain());
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    assert_eq!(files(), 1);
    let handover = Handover { confidential: true, ..Handover::default() };
    memo.render(&Job { handover, ..job("apps/web") }, &shared(tree()), 0, &all).unwrap();
    assert_eq!(files(), 0);
}

#[test]
fn a_path_that_appears_ends_the_memory_of_its_absence() {
    let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
    memo.render(&job("apps/web"), &shared(MemoryTree::new()), 0, &all).unwrap_err();
    memo.render(&job("apps/web"), &shared(MemoryTree::new()), 0, &all).unwrap_err();
    assert!(memo.render(&job("apps/web"), &shared(tree()), 0, &all).is_ok());
    assert_eq!(memo.counts(), MemoCounts { hits: 1, misses: 2 });
}

#[test]
fn a_tree_that_does_not_answer_is_no_hit() {
    struct Silent;
    impl Tree for Silent {
        fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
            Err(TreeError::Unreadable { path: path.to_owned(), problem: "gone".to_owned() })
        }
        fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
            self.entry(path).map(|_| Vec::new())
        }
        fn read(&self, path: &str) -> Result<Bytes, TreeError> {
            self.entry(path).map(|_| Bytes::new())
        }
    }
    let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
    memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    let silent: Arc<dyn Tree> = Arc::new(Silent);
    memo.render(&job("apps/web"), &silent, 0, &all).unwrap_err();
    // The good entry is still there.
    memo.render(&job("apps/web"), &shared(tree()), 0, &all).unwrap();
    assert_eq!(memo.counts(), MemoCounts { hits: 1, misses: 2 });
}

/// A commit's tree.
struct Committed(MemoryTree, u8);

impl Tree for Committed {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        self.0.entry(path)
    }
    fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        self.0.list(path)
    }
    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        self.0.read(path)
    }
    fn id(&self) -> Option<ObjectId> {
        Some(id(self.1))
    }
}

fn id(n: u8) -> ObjectId {
    ObjectId([n; 20])
}

fn committed(tree: &MemoryTree, n: u8) -> Arc<dyn Tree> {
    Arc::new(Committed(tree.clone(), n))
}

fn changes(old: &MemoryTree, new: &MemoryTree) -> Changes {
    Changes::between(old, new, 100).unwrap().unwrap()
}

#[test]
fn what_a_commit_does_not_touch_stands_in_it_without_a_look() {
    let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
    let (web, other) = (job("apps/web"), Job { name: "other".to_owned(), ..job("apps/other") });
    let first = tree().file("apps/other/b.json", config_map("b").to_string());
    for job in [&web, &other] {
        memo.render(job, &committed(&first, 1), 0, &all).unwrap();
    }
    let second = first.clone().file("apps/other/b.json", config_map("c").to_string());
    let name = |job: &Job| Name { namespace: job.namespace.clone(), name: job.name.clone() };
    let standing = memo.carry_over(id(1), id(2), &changes(&first, &second));
    assert_eq!(standing, HashSet::from([name(&web)]));
    // The next commit is compared with the second, where only one of them was found to stand.
    let third = second.clone().file("README.md", "hello");
    assert_eq!(memo.carry_over(id(2), id(3), &changes(&second, &third)), HashSet::from([name(&web)]));
    memo.render(&other, &committed(&third, 3), 0, &all).unwrap();
    assert_eq!(memo.carry_over(id(3), id(4), &changes(&third, &third)).len(), 2);
}

#[test]
fn what_was_used_last_is_what_stands() {
    let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
    let changed = tree().file("apps/web/b.json", config_map("b").to_string());
    memo.render(&job("apps/web"), &committed(&tree(), 1), 0, &all).unwrap();
    memo.render(&job("apps/web"), &committed(&changed, 2), 0, &all).unwrap();
    memo.render(&job("apps/web"), &committed(&tree(), 3), 0, &all).unwrap();
    assert!(memo.carry_over(id(2), id(4), &changes(&changed, &changed)).is_empty());
    assert_eq!(memo.carry_over(id(3), id(4), &changes(&tree(), &tree())).len(), 1);
}

fn files() -> impl Strategy<Value = Vec<(String, u8)>> {
    let path = prop::sample::select(vec![
        "apps/web/a.json",
        "apps/web/b.json",
        "apps/web/c/d.json",
        "apps/web",
        "apps",
        "base/a.json",
    ]);
    prop::collection::vec((path.prop_map(str::to_owned), 0..4_u8), 0..5)
}

/// A `0` takes away what is there.
fn edited(tree: MemoryTree, edits: &[(String, u8)]) -> MemoryTree {
    edits.iter().fold(tree, |tree, (path, n)| match n {
        0 => tree.without(path),
        n => tree.without(path).file(path, config_map(&format!("c{n}")).to_string()),
    })
}

proptest! {
    #[test]
    fn what_stands_is_what_a_fresh_render_gives(commits in prop::collection::vec(files(), 1..6)) {
        let (memo, all) = (Memo::default(), FakeRenderers::one(plain()));
        let mut former = MemoryTree::new();
        let told = |outcome: Result<Arc<Rendered>, Arc<RenderFailure>>| match outcome {
            Ok(rendered) => rendered.digest().to_owned(),
            Err(failure) => failure.error.to_string(),
        };
        let mut last = told(memo.render(&job("apps/web"), &committed(&former, 0), 0, &all));
        for (n, edits) in (1..).zip(&commits) {
            let next = edited(former.clone(), edits);
            let stands = !memo.carry_over(id(n - 1), id(n), &changes(&former, &next)).is_empty();
            let fresh = told(Memo::default().render(&job("apps/web"), &committed(&next, n), 0, &all));
            if stands {
                prop_assert_eq!(&last, &fresh);
            } else {
                last = told(memo.render(&job("apps/web"), &committed(&next, n), 0, &all));
                prop_assert_eq!(&last, &fresh);
            }
            former = next;
        }
    }
}
