//! The Rego engine: takes the texts of modules, checks and compiles them once,
//! and evaluates their rules. It knows nothing of where the texts come from or
//! what a rule's value means.

mod calls;
mod check;
mod code;
mod failure;
mod negation;
mod nesting;
mod place;
mod recursion;
mod tree;

use std::cell::RefCell;

use regorus::unstable::Module;
use regorus::{Engine, Rc, Value};
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use code::Code;

pub(crate) use check::Rules;
pub(crate) use failure::Failure;

/// How long one module may be.
const MAX_MODULE_BYTES: usize = 256 << 10;

/// The syntax of a module. Nothing in the text itself tells the two apart with
/// certainty, so whoever gives the text says which it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    /// Before OPA 1.0: `if` and `contains` have to be imported.
    V0,
    /// That of OPA 1.0.
    V1,
}

impl Version {
    /// Reads `v0` or `v1`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "v0" => Some(Self::V0),
            "v1" => Some(Self::V1),
            _ => None,
        }
    }
}

/// Which parts of `data` modules may name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Everything.
    All,
    /// `data.inventory`, `data.lib`, and nothing else.
    Template,
}

/// A module as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    name: String,
    pointer: String,
    rego: String,
    version: Version,
    code: Code,
}

impl Text {
    /// Takes what people call it, which is a path, or the template that it
    /// stands in; where it stands in the settings; and the text.
    pub(crate) fn new(name: String, pointer: String, rego: &str, version: Version) -> Self {
        Self { name, pointer, rego: rego.to_owned(), version, code: Code::new(rego) }
    }

    /// Whether a word stands anywhere in it.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.rego.contains(word)
    }

    /// Makes the text that the engine reads like OPA reads what was written.
    fn adapt(&mut self) {
        self.code.insert(code::separators(&self.rego));
        let mut engine = Engine::new();
        engine.set_rego_v0(self.version == Version::V0);
        // What does not parse is reported where it stands.
        if engine.add_policy(String::new(), self.code.text.clone()).is_ok()
            && let Some(module) = engine.get_modules().first()
        {
            self.code.insert(negation::insertions(module.as_ref(), &self.code.text));
        }
    }
}

/// Modules, compiled together.
#[derive(Debug)]
pub(crate) struct Program {
    engine: RefCell<Engine>,
    texts: Rc<[Text]>,
    rules: Rc<Rules>,
}

impl Program {
    /// Compiles `texts` together, over `data`.
    ///
    /// # Errors
    /// What is wrong with them, each with the bytes of the text.
    pub(crate) fn compile(
        mut texts: Vec<Text>,
        reach: Reach,
        data: Option<&Value>,
    ) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut engine = Engine::new();
        // OPA's own behaviour: what a built-in function can't do is undefined.
        engine.set_strict_builtin_errors(false);
        crate::builtins::register(&mut engine).map_err(|error| Diagnostics::error(error.to_string()))?;
        for (index, text) in texts.iter_mut().enumerate() {
            if let Err(problem) = add(&mut engine, index, text) {
                problems.push(problem);
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let modules: Vec<&Module> = engine.get_modules().iter().map(AsRef::as_ref).collect();
        let rules = Rules::of(&modules);
        problems.extend(check::check(&modules, &texts, &rules, reach));
        if !problems.is_empty() {
            return Err(problems);
        }
        let first = rules.first().map(Rc::from);
        if let Some(data) = data {
            engine.add_data(data.clone()).map_err(|error| {
                Diagnostics::error(format!("the data can't be used: {}", failure::text_of(&error)))
            })?;
        }
        // Compiling for any one rule analyses all of them, once.
        if let Some(first) = first
            && let Err(error) = engine.compile_with_entrypoint(&first)
        {
            return Err(place::diagnostic(&error, &texts).into());
        }
        Ok(Self { engine: RefCell::new(engine), texts: texts.into(), rules: Rc::new(rules) })
    }

    /// What rules there are.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The same modules over other data. They are analysed again, but not read.
    ///
    /// # Errors
    /// Why the data does not fit.
    pub(crate) fn over(&self, data: Value) -> Result<Self, String> {
        let mut engine = self.engine.borrow().clone();
        engine.clear_data();
        engine.add_data(data).map_err(|error| failure::text_of(&error))?;
        Ok(Self {
            engine: RefCell::new(engine),
            texts: Rc::clone(&self.texts),
            rules: Rc::clone(&self.rules),
        })
    }

    /// The value of a rule such as `data.main.deny`, which has to exist.
    ///
    /// # Errors
    /// Why it has none. A rule that is undefined has the value
    /// [`Value::Undefined`].
    pub(crate) fn evaluate(&self, rule: &str, input: Value) -> Result<Value, Failure> {
        let mut engine = self.engine.borrow_mut();
        engine.set_input(input);
        let value = engine.eval_rule(rule.to_owned());
        // What a call left behind must not keep the object alive.
        engine.set_input(Value::Undefined);
        value.map_err(|error| Failure::new(&error, &self.texts))
    }
}

/// Reads one module. Its index is its name in the engine, which stands in the
/// engine's messages.
fn add(engine: &mut Engine, index: usize, text: &mut Text) -> Result<(), Diagnostic> {
    if text.rego.len() > MAX_MODULE_BYTES {
        let bytes = text.rego.len();
        let limit =
            format!("the module has {bytes} bytes, more than the {MAX_MODULE_BYTES} that one may have");
        let message = format!("{}: {limit}", text.name);
        return Err(Diagnostic::error(message).at_pointer(text.pointer.clone()));
    }
    if let Some((place, message)) = nesting::problem(&text.rego) {
        return Err(place::at(text, place..place + 1, &message));
    }
    text.adapt();
    let text = &*text;
    let mut read = |version: Version| {
        engine.set_rego_v0(version == Version::V0);
        engine.add_policy(index.to_string(), text.code.text.clone()).map(|_| ())
    };
    let Err(error) = read(text.version) else { return Ok(()) };
    let mut diagnostic = place::diagnostic_in(&error, text);
    if text.version == Version::V1 && read(Version::V0).is_ok() {
        diagnostic.message.push_str("; it is valid as Rego v0: say `version: v0`, or migrate it");
    }
    Err(diagnostic)
}
