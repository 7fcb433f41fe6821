//! Selectors as a policy writes them in a look-up: `app=web,tier!=db`,
//! `env in (prod, test)`, `!canary`.
//!
//! Takes the text; gives whether an object is selected. Of fields only name
//! and namespace can be selected by, as in Kubernetes for most kinds.

use serde_json::Value;

/// Requirements of one selector.
const MAX_REQUIREMENTS: usize = 64;

/// What a value is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Label,
    Field,
}

/// All of these have to hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    by: By,
    key: String,
    /// Whether the value has to be one of `values`, or none of them; without
    /// values, whether there is one.
    wanted: bool,
    values: Option<Vec<String>>,
}

impl Selector {
    /// Adds the requirements of `text`.
    ///
    /// # Errors
    /// What can't be understood, in words.
    pub(super) fn add(&mut self, by: By, text: &str) -> Result<(), String> {
        for part in parts(text) {
            let requirement = requirement(by, part.trim())
                .ok_or_else(|| format!("the selector `{}` can't be read", part.trim().escape_debug()))?;
            if by == By::Field && !matches!(&*requirement.key, "metadata.name" | "metadata.namespace") {
                return Err(format!(
                    "objects can't be selected by the field `{}`, only by `metadata.name` and `metadata.namespace`",
                    requirement.key.escape_debug()
                ));
            }
            if self.0.len() == MAX_REQUIREMENTS {
                return Err(format!("the selector has more than {MAX_REQUIREMENTS} requirements"));
            }
            self.0.push(requirement);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn selects(&self, object: &Value) -> bool {
        self.0.iter().all(|requirement| requirement.holds(object))
    }
}

impl Requirement {
    fn holds(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let value = match self.by {
            By::Label => metadata["labels"].get(&self.key).and_then(Value::as_str),
            // A field that is not there is empty.
            By::Field => metadata[self.key.trim_start_matches("metadata.")].as_str().or(Some("")),
        };
        let found = match &self.values {
            Some(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            None => value.is_some(),
        };
        found == self.wanted
    }
}

/// The parts between commas, those in parentheses aside.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    let parts = text.split(move |c| {
        inside = (inside || c == '(') && c != ')';
        c == ',' && !inside
    });
    parts.filter(|part| !part.trim().is_empty())
}

fn requirement(by: By, part: &str) -> Option<Requirement> {
    let sound = |text: &str| !text.contains(|c: char| c.is_whitespace() || "!=(),".contains(c));
    let of = |key: &str, wanted, values: Option<Vec<&str>>| {
        let key = Some(key.trim()).filter(|key| !key.is_empty() && sound(key))?.to_owned();
        let values =
            values.map(|values| values.into_iter().map(|value| value.trim().to_owned()).collect::<Vec<_>>());
        let readable = values.iter().flatten().all(|value| sound(value));
        readable.then_some(Requirement { by, key, wanted, values })
    };
    if let Some(key) = part.strip_prefix('!') {
        return of(key, false, None);
    }
    if let Some((key, value)) = part.split_once("!=") {
        return of(key, false, Some(vec![value]));
    }
    if let Some((key, value)) = part.split_once('=') {
        return of(key, true, Some(vec![value.strip_prefix('=').unwrap_or(value)]));
    }
    if let Some((head, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) {
        let values = values.split(',').collect();
        let (key, operator) = head.trim().split_once(char::is_whitespace)?;
        return match operator.trim() {
            "in" => of(key, true, Some(values)),
            "notin" => of(key, false, Some(values)),
            _ => None,
        };
    }
    of(part, true, None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selects(by: By, text: &str) -> Result<bool, String> {
        let mut selector = Selector::default();
        selector.add(by, text)?;
        let object =
            json!({"metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "tier": ""}}});
        Ok(selector.selects(&object))
    }

    #[test]
    fn labels_are_selected_by_as_kubernetes_does() {
        for yes in [
            "",
            "app=web",
            "app==web",
            "app = web , tier",
            "tier=",
            "app!=db",
            "env!=prod",
            "!env",
            "app in (db, web)",
            "app notin (db,api),tier",
            "env notin (prod)",
        ] {
            assert_eq!(selects(By::Label, yes), Ok(true), "{yes}");
        }
        for no in ["app=db", "env", "env=prod", "!app", "app notin (web)", "app in (db,api)", "app=web,env"] {
            assert_eq!(selects(By::Label, no), Ok(false), "{no}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_refused() {
        for wrong in ["=web", "app near (web)", "app in", "app in (web", "a b", "!", "a=b=c", "app>3 4"] {
            assert!(selects(By::Label, wrong).unwrap_err().contains("can't be read"), "{wrong}");
        }
        assert!(selects(By::Label, &"a,".repeat(65)).unwrap_err().contains("more than 64"));
    }

    #[test]
    fn of_fields_only_name_and_namespace_can_be_selected_by() {
        assert_eq!(selects(By::Field, "metadata.name=web,metadata.namespace!=db"), Ok(true));
        assert_eq!(selects(By::Field, "metadata.name=api"), Ok(false));
        assert!(selects(By::Field, "spec.nodeName=a").unwrap_err().contains("`spec.nodeName`"));
    }
}
