//! From what the engine says to what a person reads.

mod runtime;
mod syntax;

use rsjsonnet_lang::program::{EvalError, EvalErrorKind, EvalStackTraceItem as Item, LoadError};
use rsjsonnet_lang::span::{SpanId, SpanManager};
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use crate::place::{Place, Step};
use crate::world::{Bytes, World};

/// How many calls that led to an error are told.
const MAX_FRAMES: usize = 6;

/// Why a file is no program.
pub(crate) fn load_error(error: &LoadError, world: &World<'_, '_>, spans: &SpanManager) -> Diagnostics {
    let (message, span) = syntax::explain(error);
    mark(world.bytes(spans, span), Diagnostic::error(message)).into()
}

/// Why a program of the file `main` has no value, and what led there.
pub(crate) fn eval_error(
    error: &EvalError,
    max_stack: usize,
    world: &mut World<'_, '_>,
    spans: &SpanManager,
    main: &str,
) -> Diagnostics {
    let failure = world.take_failure();
    let own = runtime::span(&error.kind);
    let mut diagnostics = match failure {
        Some(failure) if matches!(error.kind, EvalErrorKind::ImportFailed { .. }) => failure,
        _ => {
            let mut text = runtime::message(&error.kind, max_stack);
            if let Some(place) = output_place(&error.stack_trace) {
                text = format!("{place}: {text}");
            }
            let place = own
                .and_then(|span| world.bytes(spans, span))
                .or_else(|| innermost(&error.stack_trace, world, spans));
            match place {
                Some(place) => place.mark(Diagnostic::error(text)).into(),
                None => Diagnostic::error(text).in_file(main).into(),
            }
        }
    };
    add_frames(&mut diagnostics, error, world, spans);
    diagnostics
}

/// The calls and fields that led to the error, the innermost first, each line
/// once.
fn add_frames(diagnostics: &mut Diagnostics, error: &EvalError, world: &World<'_, '_>, spans: &SpanManager) {
    let told = |diagnostics: &Diagnostics, bytes: &Bytes<'_>| {
        diagnostics.iter().any(|one| {
            one.path.as_deref() == Some(bytes.path)
                && one.span.is_some_and(|span| usize::try_from(span.start) == Ok(bytes.start))
        })
    };
    let import = match error.kind {
        EvalErrorKind::ImportFailed { span, .. } => Some((span, "imported here".to_owned())),
        _ => None,
    };
    let mut frames = 0;
    for (span, text) in import.into_iter().chain(error.stack_trace.iter().rev().filter_map(runtime::frame)) {
        let Some(bytes) = world.bytes(spans, span) else { continue };
        if told(diagnostics, &bytes) {
            continue;
        }
        if frames == MAX_FRAMES {
            return;
        }
        frames += 1;
        let frame = bytes.mark(Diagnostic::info(text));
        diagnostics.push(frame);
    }
}

/// The innermost place in a file.
pub(crate) fn innermost<'w>(
    stack: &[Item],
    world: &'w World<'_, '_>,
    spans: &SpanManager,
) -> Option<Bytes<'w>> {
    stack.iter().rev().filter_map(item_span).find_map(|span| world.bytes(spans, span))
}

/// Where in the program's value the error is: the outermost steps are those
/// that nothing in a file has asked for.
fn output_place(stack: &[Item]) -> Option<Place> {
    let steps = stack.iter().map_while(|item| match item {
        Item::ObjectField { span: None, name } => Some(Step::Key(name.clone())),
        Item::ArrayItem { span: None, index } => Some(Step::Index(*index)),
        _ => None,
    });
    let place = Place(steps.collect());
    (!place.0.is_empty()).then_some(place)
}

fn mark(place: Option<Bytes<'_>>, diagnostic: Diagnostic) -> Diagnostic {
    match place {
        Some(place) => place.mark(diagnostic),
        None => diagnostic,
    }
}

fn item_span(item: &Item) -> Option<SpanId> {
    match item {
        Item::Expr { span } | Item::Variable { span, .. } | Item::Import { span } => Some(*span),
        Item::Call { span, .. } | Item::ArrayItem { span, .. } | Item::ObjectField { span, .. } => *span,
        Item::CompareArrayItem { .. }
        | Item::CompareObjectField { .. }
        | Item::ManifestArrayItem { .. }
        | Item::ManifestObjectField { .. } => None,
    }
}
