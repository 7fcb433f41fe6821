//! Globs over paths: `*` and `?` within one part of a path, `**` for any number
//! of parts. Takes no time that grows faster than pattern times path.

/// Whether `pattern` covers the whole of `path`.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    wildcard(&pattern, &path, |part| *part == "**", |pattern, part| covers(pattern, part))
}

/// Whether one part of a pattern covers one part of a path.
fn covers(pattern: &str, part: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let part: Vec<char> = part.chars().collect();
    wildcard(&pattern, &part, |letter| *letter == '*', |pattern, letter| *pattern == '?' || pattern == letter)
}

/// Matches with one kind of "any number of these", going back only to the last
/// of them: an earlier one can't help where the last one does not.
fn wildcard<T>(pattern: &[T], text: &[T], any: impl Fn(&T) -> bool, same: impl Fn(&T, &T) -> bool) -> bool {
    let (mut at, mut taken) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    while taken < text.len() {
        if at < pattern.len() && any(&pattern[at]) {
            last = Some((at, taken));
            at += 1;
        } else if at < pattern.len() && same(&pattern[at], &text[taken]) {
            at += 1;
            taken += 1;
        } else if let Some((star, from)) = last {
            last = Some((star, from + 1));
            at = star + 1;
            taken = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(any)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_glob_covers_what_its_parts_cover() {
        for (pattern, path, covered) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a/b.yaml", false),
            ("**/*.yaml", "a/b/c.yaml", true),
            ("**/*.yaml", "c.yaml", true),
            ("a/**", "a/b/c.yaml", true),
            ("a/**", "b/a/c.yaml", false),
            ("**/test/**", "x/test/y.yaml", true),
            ("**/test/**", "x/tests/y.yaml", false),
            ("a?.yml", "ab.yml", true),
            ("a?.yml", "a.yml", false),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybz", false),
            ("é*", "été", true),
        ] {
            assert_eq!(matches(pattern, path), covered, "{pattern} {path}");
        }
    }
}
