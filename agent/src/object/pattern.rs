//! Patterns of kinds: `v1/Pod` for the core group, `apps/Deployment` and
//! `apps/*` for the others, `*` or `*/*` for all. Versions do not count: the
//! same object is served under several.

/// Whether `pattern` names the kind.
pub fn matches_kind(pattern: &str, group: &str, kind: &str) -> bool {
    let Some((wanted_group, wanted_kind)) = split(pattern) else { return false };
    (wanted_group == "*" || wanted_group == group) && (wanted_kind == "*" || wanted_kind == kind)
}

/// Whether `pattern` names every kind that `other` names.
pub fn covers(pattern: &str, other: &str) -> bool {
    let (Some((group, kind)), Some((other_group, other_kind))) = (split(pattern), split(other)) else {
        return false;
    };
    (group == "*" || group == other_group) && (kind == "*" || kind == other_kind)
}

/// Group and kind of a pattern; the core group is empty.
pub fn split(pattern: &str) -> Option<(&str, &str)> {
    match pattern.split_once('/') {
        Some(("v1", kind)) => Some(("", kind)),
        Some(("", _)) => None,
        Some(both) => Some(both),
        None => (pattern == "*").then_some(("*", "*")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_a_kind_a_group_or_everything() {
        for (pattern, of_pod, of_deployment) in [
            ("*", true, true),
            ("*/*", true, true),
            ("v1/Pod", true, false),
            ("v1/*", true, false),
            ("apps/*", false, true),
            ("apps/Deployment", false, true),
            ("apps/StatefulSet", false, false),
            ("*/Deployment", false, true),
            ("Pod", false, false),
            ("/Pod", false, false),
            ("batch/*", false, false),
            ("", false, false),
        ] {
            assert_eq!(matches_kind(pattern, "", "Pod"), of_pod, "{pattern} on a Pod");
            assert_eq!(
                matches_kind(pattern, "apps", "Deployment"),
                of_deployment,
                "{pattern} on a Deployment"
            );
        }
    }

    #[test]
    fn a_pattern_covers_those_that_name_no_more() {
        for (pattern, other, expected) in [
            ("*", "v1/Pod", true),
            ("*", "*/*", true),
            ("apps/*", "apps/Deployment", true),
            ("apps/*", "apps/*", true),
            ("apps/Deployment", "apps/*", false),
            ("apps/*", "*", false),
            ("v1/Pod", "v1/Pod", true),
            ("v1/Pod", "v1/Secret", false),
            ("nonsense", "nonsense", false),
        ] {
            assert_eq!(covers(pattern, other), expected, "{pattern} covers {other}");
        }
    }
}
