//! What rules say, as findings.

use regorus::Value;
use windlass_plugin_sdk::policy::{Action, Finding, Findings};

use crate::review::field;

/// How many findings one rule may have on one object; more are counted.
const MAX_FINDINGS: usize = 100;
/// How long a message may be; the rest is cut off.
const MAX_MESSAGE_BYTES: usize = 4 << 10;

/// Who says it, and how much it asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker<'a> {
    /// What findings call the rule.
    pub(crate) rule: &'a str,
    pub(crate) action: Option<Action>,
}

/// How rules write what they say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// `{"msg": …, "details": {"pointer": …}}`.
    Violation,
    /// A text, or `{"msg": …, "pointer": …}`.
    Message,
}

impl Speaker<'_> {
    /// Adds what a rule's value says. What says nothing clearly denies.
    pub(crate) fn say(self, value: &Value, form: Form, findings: &mut Findings) {
        let (said, count): (Vec<&Value>, usize) = match value {
            Value::Set(said) => (said.iter_sorted().take(MAX_FINDINGS).collect(), said.len()),
            // conftest takes a list as well.
            Value::Array(said) if form == Form::Message => {
                (said.iter().take(MAX_FINDINGS).collect(), said.len())
            }
            Value::Undefined | Value::Bool(false) => return,
            other => {
                let message = format!("the rule gave {}, not a set of messages", type_name(other));
                return self.fail(&message, findings);
            }
        };
        for element in said {
            match read(element, form) {
                Ok((message, pointer)) => self.push(message, pointer, self.action, findings),
                Err(message) => self.fail(&message, findings),
            }
        }
        if let Some(more) = count.checked_sub(MAX_FINDINGS).filter(|more| *more > 0) {
            self.push(format!("and {more} more"), None, self.action, findings);
        }
    }

    /// Adds that something went wrong, which always asks to deny.
    pub(crate) fn fail(self, message: &str, findings: &mut Findings) {
        self.push(message.to_owned(), None, None, findings);
    }

    fn push(
        self,
        mut message: String,
        pointer: Option<String>,
        action: Option<Action>,
        findings: &mut Findings,
    ) {
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            message.push('…');
        }
        findings.push(Finding { message, pointer, rule: Some(self.rule.to_owned()), action });
    }
}

/// The message of one element, and the pointer that stands with it.
fn read(element: &Value, form: Form) -> Result<(String, Option<String>), String> {
    let (message, hint) = match (element, form) {
        (Value::String(message), Form::Message) => return Ok((message.as_ref().to_owned(), None)),
        (Value::Object(_), Form::Message) => (field(element, "msg"), field(element, "pointer")),
        (Value::Object(_), Form::Violation) => {
            (field(element, "msg"), field(element, "details").and_then(|details| field(details, "pointer")))
        }
        (other, _) => return Err(format!("the rule gave {}, which says nothing", type_name(other))),
    };
    let Some(Value::String(message)) = message else {
        return Err("the rule gave a violation without a text in `msg`".to_owned());
    };
    let pointer = match hint {
        Some(Value::String(pointer)) if pointer.starts_with('/') => Some(pointer.as_ref().to_owned()),
        _ => None,
    };
    Ok((message.as_ref().to_owned(), pointer))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Set(_) => "a set",
        Value::Object(_) => "an object",
        Value::Undefined => "nothing",
    }
}
