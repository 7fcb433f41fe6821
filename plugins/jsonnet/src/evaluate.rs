//! Runs the program.

use rsjsonnet_lang::arena::Arena;
use rsjsonnet_lang::program::{EvalError, EvalErrorKind, Program, Thunk, Value as Evaluated};
use serde_json::Value;
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use crate::explain;
use crate::json;
use crate::settings::Jsonnet;
use crate::sources::Sources;
use crate::world::World;

/// The value of the program in the file `main`, and what it said meanwhile.
///
/// # Errors
/// Why it has none.
pub(crate) fn evaluate(
    settings: &Jsonnet,
    sources: &Sources<'_>,
    main: &str,
) -> Result<(Value, Diagnostics), Diagnostics> {
    let unreadable = |message: String| Diagnostics::from(Diagnostic::error(message).in_file(main));
    let content = sources
        .file(main)
        .map_err(|problem| unreadable(format!("can't be read: {problem}")))?
        .ok_or_else(|| unreadable("there is no such file; `file` names the program".to_owned()))?;

    let arena = Arena::new();
    let mut program = Program::new(&arena);
    program.set_max_stack(settings.max_stack);
    for (name, value) in &settings.ext_vars {
        let value = json::to_program(&mut program, value);
        let thunk = program.value_to_thunk(&value);
        program.add_ext_var(program.intern_str(name), &thunk);
    }
    let mut world = World::new(sources);
    let thunk = world.load(&mut program, main, &content)?;
    let value = run(settings, &mut program, &mut world, &thunk).map_err(|failure| match failure {
        Failure::Unused => unreadable(
            "`tlas` are arguments, and the program's value is no function: remove them, or make it `function(…) …`"
                .to_owned(),
        ),
        Failure::Evaluation(error) => {
            explain::eval_error(&error, settings.max_stack, &mut world, program.span_manager(), main)
        }
    })?;
    let value =
        json::from_program(&value).map_err(|(place, message)| unreadable(format!("{place}: {message}")))?;
    Ok((value, world.into_traces()))
}

enum Failure {
    /// There are arguments for what takes none.
    Unused,
    Evaluation(EvalError),
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        Self::Evaluation(error)
    }
}

fn run<'p>(
    settings: &Jsonnet,
    program: &mut Program<'p>,
    world: &mut World<'p, '_>,
    thunk: &Thunk<'p>,
) -> Result<Evaluated<'p>, Failure> {
    let value = program.eval_value(thunk, world)?;
    if !value.is_function() {
        return if settings.tlas.is_empty() { Ok(value) } else { Err(Failure::Unused) };
    }
    let function = program.value_to_thunk(&value);
    let mut arguments = Vec::new();
    for (name, value) in &settings.tlas {
        let value = json::to_program(program, value);
        arguments.push((program.intern_str(name), program.value_to_thunk(&value)));
    }
    let Some(values) = settings.values.as_ref().filter(|_| !settings.tlas.contains_key("values")) else {
        return Ok(program.eval_call(&function, &[], &arguments, world)?);
    };
    let values = json::to_program(program, values);
    let mut with_values = arguments.clone();
    with_values.push((program.intern_str("values"), program.value_to_thunk(&values)));
    match program.eval_call(&function, &[], &with_values, world) {
        // The engine does not tell the parameters of a function, but checks them before anything else.
        Err(error) if is_unknown_values(&error) => {
            Ok(program.eval_call(&function, &[], &arguments, world)?)
        }
        other => Ok(other?),
    }
}

/// Whether the program itself, not something in it, has no parameter `values`.
fn is_unknown_values(error: &EvalError) -> bool {
    matches!(&error.kind, EvalErrorKind::UnknownCallParam { span: None, param_name } if param_name == "values")
        && error.stack_trace.is_empty()
}
