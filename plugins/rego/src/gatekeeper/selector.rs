//! Label selectors, as Kubernetes has them.

use regorus::Value as RegoValue;
use serde_json::Value;
use windlass_plugin_sdk::diagnostic::Diagnostic;

use crate::refused;

/// A label selector.
#[derive(Debug)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug)]
struct Requirement {
    key: RegoValue,
    operator: Operator,
}

#[derive(Debug)]
enum Operator {
    In(Vec<RegoValue>),
    NotIn(Vec<RegoValue>),
    Exists,
    DoesNotExist,
}

impl Selector {
    pub(super) fn read(written: &Value, pointer: &str) -> Result<Self, Diagnostic> {
        let Value::Object(fields) = written else {
            return Err(refused(pointer, "a selector is an object"));
        };
        let mut requirements = Vec::new();
        for (key, value) in fields {
            let at = format!("{pointer}/{key}");
            match (key.as_str(), value) {
                (_, Value::Null) => {}
                ("matchLabels", Value::Object(labels)) => {
                    for (label, value) in labels {
                        let value = value.as_str().ok_or_else(|| refused(at.clone(), "a label is a text"))?;
                        let operator = Operator::In(vec![value.into()]);
                        requirements.push(Requirement { key: label.as_str().into(), operator });
                    }
                }
                ("matchExpressions", Value::Array(expressions)) => {
                    for (index, expression) in expressions.iter().enumerate() {
                        requirements.push(requirement(expression, &format!("{at}/{index}"))?);
                    }
                }
                ("matchLabels", _) => return Err(refused(at, "labels are an object")),
                ("matchExpressions", _) => return Err(refused(at, "expressions are a list")),
                _ => return Err(refused(pointer, format!("a selector has no field `{key}`"))),
            }
        }
        Ok(Self(requirements))
    }

    /// Whether labels, which may be missing, fit.
    pub(super) fn fits(&self, labels: Option<&RegoValue>) -> bool {
        let label = |key: &RegoValue| match labels {
            Some(RegoValue::Object(labels)) => labels.get(key),
            _ => None,
        };
        self.0.iter().all(|requirement| match (&requirement.operator, label(&requirement.key)) {
            (Operator::In(values), Some(value)) => values.contains(value),
            (Operator::In(_) | Operator::Exists, None) | (Operator::DoesNotExist, Some(_)) => false,
            (Operator::NotIn(values), Some(value)) => !values.contains(value),
            (Operator::NotIn(_) | Operator::DoesNotExist, None) | (Operator::Exists, Some(_)) => true,
        })
    }
}

fn requirement(written: &Value, pointer: &str) -> Result<Requirement, Diagnostic> {
    let key = written["key"].as_str().filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| refused(pointer, "an expression names a label in `key`"))?;
    let values = match &written["values"] {
        Value::Null => Vec::new(),
        Value::Array(values) => values
            .iter()
            .map(|value| value.as_str().map(RegoValue::from))
            .collect::<Option<_>>()
            .ok_or_else(|| refused(format!("{pointer}/values"), "the values are texts"))?,
        _ => return Err(refused(format!("{pointer}/values"), "the values are a list")),
    };
    let operator = match (written["operator"].as_str().unwrap_or_default(), values.is_empty()) {
        ("In", false) => Operator::In(values),
        ("NotIn", false) => Operator::NotIn(values),
        ("Exists", true) => Operator::Exists,
        ("DoesNotExist", true) => Operator::DoesNotExist,
        ("In" | "NotIn", true) => return Err(refused(pointer, "`In` and `NotIn` need values")),
        ("Exists" | "DoesNotExist", false) => {
            return Err(refused(pointer, "`Exists` and `DoesNotExist` take no values"));
        }
        (other, _) => {
            let message =
                format!("the operator `{other}` is none of `In`, `NotIn`, `Exists` and `DoesNotExist`");
            return Err(refused(format!("{pointer}/operator"), message));
        }
    };
    Ok(Requirement { key: key.into(), operator })
}
