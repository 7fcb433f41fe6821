//! Modules in the manner of conftest: the rules of some packages judge by
//! their names.

use std::collections::BTreeSet;

use regorus::Value;
use windlass_plugin_sdk::diagnostic::Diagnostics;
use windlass_plugin_sdk::object::pointer_step;
use windlass_plugin_sdk::policy::{Action, Findings};

use crate::engine::{Program, Reach, Text};
use crate::refused;
use crate::review::Reviewed;
use crate::said::{Form, Speaker};
use crate::settings::Settings;

/// The namespace that stands for every package.
const EVERY: &str = "*";

/// The judging rules of modules that were compiled together.
#[derive(Default)]
pub(crate) struct Packages {
    program: Option<Program>,
    rules: Vec<Rule>,
}

struct Rule {
    /// `data.main.deny_latest`.
    path: String,
    /// `main.deny_latest`.
    label: String,
    action: Option<Action>,
    /// The path of the package's exceptions, if it has any, and what they call
    /// this rule.
    exception: Option<(String, String)>,
}

impl Packages {
    /// Compiles the modules.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn compile(settings: &Settings) -> Result<Self, Diagnostics> {
        if settings.modules.is_empty() {
            return Ok(Self::default());
        }
        // conftest's own tests stand beside the modules, and judge nothing.
        let judging = settings.modules.iter().filter(|(path, _)| !path.ends_with("_test.rego"));
        let texts = judging.map(|(path, text)| {
            Text::new(path.clone(), format!("/modules{}", pointer_step(path)), text, settings.version)
        });
        let data = Value::from(serde_json::Value::Object(settings.data.clone()));
        let program = Program::compile(texts.collect(), Reach::All, Some(&data))?;
        let mut problems = Diagnostics::new();
        let known: BTreeSet<&str> = program.rules().packages().collect();
        let mut judging: BTreeSet<String> = BTreeSet::new();
        for (index, namespace) in settings.namespaces.iter().enumerate() {
            let package = format!("data.{namespace}");
            if namespace == EVERY {
                judging.extend(known.iter().map(|&package| package.to_owned()));
            } else if known.contains(package.as_str()) {
                judging.insert(package);
            } else {
                let message = format!("no module has a rule in a package `{namespace}`");
                problems.push(refused(format!("/namespaces/{index}"), message));
            }
        }
        let rules: Vec<Rule> = judging.iter().flat_map(|package| rules_of(&program, package)).collect();
        if problems.is_empty() && rules.is_empty() {
            let message = "no rule of these packages is called `deny`, `violation` or `warn`, so everything would be admitted";
            problems.push(refused("/modules", message));
        }
        if problems.is_empty() { Ok(Self { program: Some(program), rules }) } else { Err(problems) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Judges an object, which is the modules' `input`.
    pub(crate) fn judge(&self, reviewed: &Reviewed, findings: &mut Findings) {
        let Some(program) = &self.program else { return };
        let secret = reviewed.is_secret();
        for rule in &self.rules {
            let speaker = Speaker { rule: &rule.label, action: rule.action };
            let evaluate = |path: &str| program.evaluate(path, reviewed.object.clone());
            let value = match &rule.exception {
                Some((exceptions, name)) => match evaluate(exceptions) {
                    Ok(exceptions) if excepts(&exceptions, name) => continue,
                    Ok(_) => evaluate(&rule.path),
                    Err(failure) => Err(failure),
                },
                None => evaluate(&rule.path),
            };
            match value {
                Ok(value) => speaker.say(&value, Form::Message, findings),
                Err(failure) => {
                    speaker.fail(&format!("can't be evaluated: {}", failure.describe(secret)), findings);
                }
            }
        }
    }
}

fn rules_of(program: &Program, package: &str) -> Vec<Rule> {
    let names: Vec<&str> = program.rules().of_package(package).collect();
    let exceptions = names.contains(&"exception").then(|| format!("{package}.exception"));
    let rules = names.into_iter().filter_map(|name| {
        let action = action_of(name)?;
        let label = package.strip_prefix("data.").unwrap_or(package);
        let called = name.strip_prefix("deny_").or_else(|| name.strip_prefix("violation_")).unwrap_or(name);
        Some(Rule {
            path: format!("{package}.{name}"),
            label: format!("{label}.{name}"),
            action,
            exception: exceptions.clone().map(|path| (path, called.to_owned())),
        })
    });
    rules.collect()
}

/// What a rule of that name asks for, if it judges at all.
#[expect(clippy::option_option, reason = "one asks whether it judges, the other for what")]
fn action_of(name: &str) -> Option<Option<Action>> {
    let mut parts = name.split('_');
    let action = match parts.next()? {
        "deny" | "violation" => None,
        "warn" => Some(Action::Warn),
        _ => return None,
    };
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    parts.all(plain).then_some(action)
}

/// Whether `exceptions` hold, in any of their lists, the name of a rule.
fn excepts(exceptions: &Value, name: &str) -> bool {
    let name = Value::from(name);
    let holds = |list: &Value| match list {
        Value::Array(names) => names.iter().any(|other| *other == name),
        Value::Set(names) => names.contains(&name),
        Value::Object(names) => names.values().any(|other| *other == name),
        _ => false,
    };
    match exceptions {
        Value::Array(lists) => lists.iter().any(holds),
        Value::Set(lists) => lists.iter().any(holds),
        Value::Object(lists) => lists.values().any(holds),
        _ => false,
    }
}
