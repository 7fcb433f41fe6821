use super::*;

fn tree(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (mode, name) in entries {
        content.extend(mode.as_bytes());
        content.push(b' ');
        content.extend(*name);
        content.push(0);
        content.extend([7; 20]);
    }
    content
}

#[test]
fn hostile_names_spoil_the_listing_but_not_their_siblings() {
    let long = [b'x'; 256];
    for name in [
        b"..".as_slice(),
        b".",
        b"a/b",
        b"a\\b",
        b"/",
        b".git",
        b".GiT",
        b"GIT~1",
        ".g\u{200c}it".as_bytes(),
        "\u{feff}.git".as_bytes(),
        b"a\x1b[31m",
        b"a\nb",
        "a\u{85}b".as_bytes(),
        b"caf\xe9",
        &long,
    ] {
        let folder = parse(&tree(&[("100644", name), ("100644", b"good.yaml")]), "apps").unwrap();
        let refused = folder.refused.unwrap();
        assert!(!refused.chars().any(char::is_control), "{refused:?}");
        assert_eq!(folder.entries.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["good.yaml"]);
    }
}

#[test]
fn names_that_only_look_hostile_are_shown() {
    for name in [
        ".gitignore",
        ".github",
        "git",
        "...",
        "a..b",
        "-x",
        "con",
        "aux.yaml",
        "café",
        "名前",
        "a b",
        "$(x)",
    ] {
        let folder = parse(&tree(&[("100644", name.as_bytes())]), "").unwrap();
        assert_eq!(folder.refused, None, "{name}");
        assert_eq!(folder.entries.len(), 1, "{name}");
    }
}

#[test]
fn entries_are_in_byte_order_whatever_order_git_has() {
    // Git sorts a folder as if its name ended with a slash.
    let content =
        tree(&[("100644", b"a.b"), ("40000", b"a"), ("100755", b"a0"), ("120000", b"Z"), ("160000", b"m")]);
    let folder = parse(&content, "").unwrap();
    let names: Vec<_> = folder.entries.iter().map(|(name, kind, _)| (name.as_str(), *kind)).collect();
    let expected = [
        ("Z", EntryKind::Symlink),
        ("a", EntryKind::Directory),
        ("a.b", EntryKind::File),
        ("a0", EntryKind::Executable),
        ("m", EntryKind::Submodule),
    ];
    assert_eq!(names, expected);
}

#[test]
fn two_entries_of_one_name_are_an_error() {
    let content = tree(&[("100644", b"a"), ("100644", b"b"), ("40000", b"a")]);
    assert!(matches!(parse(&content, "apps"), Err(TreeError::Unreadable { .. })));
}

#[test]
fn damaged_trees_are_errors() {
    let whole = tree(&[("100644", b"a"), ("100644", b"b")]);
    for end in [1, 8, 9, 20, whole.len() - 1] {
        assert!(matches!(parse(&whole[..end], "apps"), Err(TreeError::Unreadable { .. })), "{end}");
    }
    assert!(parse(&tree(&[("999999", b"a")]), "").is_err());
    assert_eq!(parse(b"", "").unwrap().entries.len(), 0);
}

#[test]
fn folder_of_too_many_entries_names_its_limit() {
    let names: Vec<_> = (0..=FOLDER_ENTRIES).map(|number| format!("{number:06}")).collect();
    let entries: Vec<_> = names.iter().map(|name| ("100644", name.as_bytes())).collect();
    let error = parse(&tree(&entries), "apps").err().unwrap();
    assert_eq!(error.to_string(), "the number of entries in `apps` exceeds the limit of 50000 (fixed)");
}
