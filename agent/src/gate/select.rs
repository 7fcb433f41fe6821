//! Which gates judge an application, and which of its objects.

use crate::object::ObjectKey;

use super::Gate;

/// Whether `matcher` names the kind: `v1/Pod` for the core group, `apps/*` and
/// `apps/Deployment` for the others, `*` for all. Versions of named groups do
/// not count: the same object is served under several.
pub fn matches_kind(matcher: &str, key: &ObjectKey) -> bool {
    let Some((group, kind)) = matcher.rsplit_once('/') else {
        return matcher == "*" || matcher == key.kind;
    };
    let group = match group.split_once('/') {
        Some((group, _version)) => group,
        None if group == "v1" => "",
        None => group,
    };
    (group == "*" || group == key.group) && (kind == "*" || kind == key.kind)
}

/// Whether `text` is what `pattern` says: `*` stands for any characters but
/// `/`, everything else for itself.
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the last `*` must take one more character.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((star, taken)) = retry.filter(|(_, taken)| text[*taken] != b'/') {
            retry = Some((star, taken + 1));
            p = star + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl Gate {
    /// Whether the gate judges objects of the application `namespace/name`.
    pub(super) fn selects_application(&self, namespace: &str, name: &str) -> bool {
        let full = format!("{namespace}/{name}");
        any(&self.applications, |pattern| matches_glob(pattern, &full))
    }

    /// Whether the gate judges an object that will be in `namespace`.
    pub(super) fn selects_object(&self, key: &ObjectKey, namespace: &str) -> bool {
        any(&self.namespaces, |pattern| matches_glob(pattern, namespace))
            && any(&self.kinds, |matcher| matches_kind(matcher, key))
    }
}

/// An absent selection selects everything.
fn any(patterns: &[String], matches: impl Fn(&str) -> bool) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: &str, kind: &str) -> ObjectKey {
        ObjectKey { group: group.to_owned(), kind: kind.to_owned(), namespace: None, name: "a".to_owned() }
    }

    #[test]
    fn a_matcher_names_a_kind_a_group_or_everything() {
        let (pod, deployment) = (key("", "Pod"), key("apps", "Deployment"));
        for (matcher, of_pod, of_deployment) in [
            ("*", true, true),
            ("*/*", true, true),
            ("v1/Pod", true, false),
            ("v1/*", true, false),
            ("apps/*", false, true),
            ("apps/Deployment", false, true),
            ("apps/v1/Deployment", false, true),
            ("apps/StatefulSet", false, false),
            ("*/Deployment", false, true),
            ("Pod", true, false),
            ("batch/*", false, false),
            ("", false, false),
        ] {
            assert_eq!(matches_kind(matcher, &pod), of_pod, "{matcher} on a Pod");
            assert_eq!(matches_kind(matcher, &deployment), of_deployment, "{matcher} on a Deployment");
        }
    }

    #[test]
    fn a_star_stands_for_any_part_of_one_name() {
        for (pattern, text, expected) in [
            ("prod", "prod", true),
            ("prod", "production", false),
            ("prod-*", "prod-eu", true),
            ("*-eu", "prod-eu", true),
            ("*", "", true),
            ("p*d*u", "prod-eu", true),
            ("p*x", "prod-eu", false),
            ("team-*/web", "team-a/web", true),
            ("team-*", "team-a/web", false),
            ("*/*", "team-a/web", true),
            ("*", "team-a/web", false),
        ] {
            assert_eq!(matches_glob(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
