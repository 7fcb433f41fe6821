use super::*;

fn repo() -> TestRepo {
    TestRepo::create(Arc::new(tempfile::tempdir().unwrap()), "team/app", None).unwrap()
}

#[test]
fn the_same_steps_give_the_same_commit() {
    let ids = [0; 2].map(|_| {
        let repo = repo();
        repo.write("a/b.yaml", "x: 1\n").unwrap();
        repo.commit("Add").unwrap()
    });
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn the_served_directory_has_the_commit_at_once() {
    let repo = repo();
    repo.write("a.yaml", "x: 1\n").unwrap();
    let id = repo.commit("Add").unwrap();
    let head = fs::read_to_string(repo.git_dir().join("refs/heads/main")).unwrap();
    assert_eq!(head.trim(), id);
}

#[test]
fn a_revert_brings_the_former_content_back() {
    let repo = repo();
    repo.write("a.yaml", "x: 1\n").unwrap();
    repo.commit("One").unwrap();
    repo.write("a.yaml", "x: 2\n").unwrap();
    let two = repo.commit("Two").unwrap();
    assert_ne!(repo.revert(&two).unwrap(), two);
    assert_eq!(fs::read_to_string(repo.work_tree().join("a.yaml")).unwrap(), "x: 1\n");
}

#[test]
fn an_orphan_has_the_work_tree_and_no_parent() {
    let repo = repo();
    repo.write("a.yaml", "x: 1\n").unwrap();
    let before = repo.commit("One").unwrap();
    repo.write("b.yaml", "x: 2\n").unwrap();
    let orphan = repo.force_push_orphan("Anew").unwrap();
    assert_ne!(orphan, before);
    assert_eq!(repo.head().unwrap(), orphan);
    assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]).unwrap(), "1");
    assert_eq!(repo.git(&["ls-tree", "--name-only", "HEAD"]).unwrap(), "a.yaml\nb.yaml");
}

#[test]
fn a_link_is_committed_as_a_link_even_if_it_leaves_the_tree() {
    let repo = repo();
    repo.symlink("out", "../../etc/passwd").unwrap();
    repo.commit("Link").unwrap();
    assert!(repo.git(&["ls-tree", "HEAD", "out"]).unwrap().starts_with("120000 blob"));
}

#[test]
fn a_path_outside_the_work_tree_is_refused() {
    assert!(repo().write("../a", "").is_err());
    assert!(repo().write("/a", "").is_err());
}

#[test]
fn what_is_removed_leaves_the_next_commit() {
    let repo = repo();
    repo.write("dir/a.yaml", "").unwrap();
    repo.write("b.yaml", "").unwrap();
    repo.commit("Two files").unwrap();
    repo.remove("dir").unwrap();
    repo.commit("One file").unwrap();
    assert_eq!(repo.git(&["ls-tree", "-r", "--name-only", "HEAD"]).unwrap(), "b.yaml");
}
