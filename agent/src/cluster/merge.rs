//! JSON merge patches (RFC 7386): what has to be sent so that a status becomes
//! another. Pure.

use serde_json::{Map, Value};

/// The merge patch that turns `from` into `to`; nothing when they are equal.
/// Lists are replaced as a whole, and fields that are gone become `null`.
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    if from == to {
        return None;
    }
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return Some(to.clone());
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, new) in to {
        let change = match from.get(key) {
            Some(old) => merge_patch(old, new),
            None => Some(new.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changed_is_sent_and_what_is_gone_is_nulled() {
        let from = json!({"a": 1, "b": {"c": 1, "d": 2}, "e": [1, 2], "f": "gone"});
        let to = json!({"a": 1, "b": {"c": 1, "d": 3}, "e": [1], "g": {}});
        let patch = json!({"b": {"d": 3}, "e": [1], "f": null, "g": {}});
        assert_eq!(merge_patch(&from, &to), Some(patch));
    }

    #[test]
    fn equal_values_need_no_patch() {
        assert_eq!(merge_patch(&json!({"a": [{}]}), &json!({"a": [{}]})), None);
    }
}
