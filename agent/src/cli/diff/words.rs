//! What is compared: one or two commits and a folder, as they are typed.

use std::path::Path;

/// What is compared with what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared<'a> {
    pub(super) old: &'a str,
    /// Without it, the working tree.
    pub(super) new: Option<&'a str>,
    /// Without it, the Application's.
    pub(super) path: Option<&'a Path>,
}

/// What a word can be.
pub(super) trait Meanings {
    fn is_folder(&self, word: &str) -> bool;
    /// Asked of folders only.
    fn is_commit(&self, word: &str) -> bool;
}

/// Reads the words. Only with an Application can the second of two be either:
/// then a folder of the working tree is a folder, all else a commit, and what
/// is both has to be said.
pub(super) fn compared<'a>(
    words: &'a [String],
    has_application: bool,
    meanings: &dyn Meanings,
) -> anyhow::Result<Compared<'a>> {
    let (old, new, path) = match words {
        [old] if has_application => (old, None, None),
        [old, second] if has_application => match meanings.is_folder(second) {
            false => (old, Some(second), None),
            true if meanings.is_commit(second) => anyhow::bail!(
                "`{second}` is a folder and a commit; write `./{second}` for the folder, or name the folder after \
                 both commits"
            ),
            true => (old, None, Some(second)),
        },
        [old, path] => (old, None, Some(path)),
        [old, new, path] => (old, Some(new), Some(path)),
        _ => anyhow::bail!("name one or two commits and a folder, or an Application with --application"),
    };
    Ok(Compared { old, new: new.map(String::as_str), path: path.map(Path::new) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `apps` is a folder, `v2` a commit, `both` is both.
    struct Known;

    impl Meanings for Known {
        fn is_folder(&self, word: &str) -> bool {
            matches!(word, "apps" | "both" | "./both")
        }

        fn is_commit(&self, word: &str) -> bool {
            matches!(word, "v2" | "both")
        }
    }

    /// `old..new path`, or the error.
    fn read(words: &[&str], has_application: bool) -> String {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        match compared(&words, has_application, &Known) {
            Ok(Compared { old, new, path }) => {
                let path = path.map_or("-".to_owned(), |path| path.display().to_string());
                format!("{old}..{} {path}", new.unwrap_or("-"))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn without_an_application_the_last_word_is_the_folder() {
        assert_eq!(read(&["v1", "v2"], false), "v1..- v2");
        assert_eq!(read(&["v1", "both"], false), "v1..- both");
        assert_eq!(read(&["v1", "v2", "apps"], false), "v1..v2 apps");
        assert!(read(&["v1"], false).starts_with("name one or two commits and a folder"));
    }

    #[test]
    fn with_an_application_the_folder_can_be_left_out() {
        assert_eq!(read(&["v1"], true), "v1..- -");
        assert_eq!(read(&["v1", "v2"], true), "v1..v2 -");
        assert_eq!(read(&["v1", "apps"], true), "v1..- apps");
        assert_eq!(read(&["v1", "v2", "apps"], true), "v1..v2 apps");
    }

    #[test]
    fn what_is_a_folder_and_a_commit_has_to_be_said() {
        assert!(read(&["v1", "both"], true).contains("write `./both` for the folder"));
        assert_eq!(read(&["v1", "./both"], true), "v1..- ./both");
        assert_eq!(read(&["v1", "both", "apps"], true), "v1..both apps");
    }
}
