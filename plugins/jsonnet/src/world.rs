//! What a program can reach: the files that it imports, and `std.trace`.

use std::collections::BTreeMap;
use std::rc::Rc;

use rsjsonnet_lang::interner::InternedStr;
use rsjsonnet_lang::program::{
    Callbacks, EvalStackTraceItem, ImportError, NativeError, Program, Thunk, Value,
};
use rsjsonnet_lang::span::{SpanContextId, SpanId, SpanManager};
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};

use crate::explain;
use crate::nesting;
use crate::sources::{Missing, Sources};

/// How many messages of `std.trace` are passed on.
const MAX_TRACES: usize = 50;
/// The longest of them, in bytes.
const MAX_TRACE_BYTES: usize = 1 << 10;

/// The files of a program, and what it said.
pub(crate) struct World<'p, 's> {
    sources: &'s Sources<'s>,
    programs: BTreeMap<String, Thunk<'p>>,
    /// Which file each source of the program is.
    paths: BTreeMap<SpanContextId, String>,
    /// Why the last import failed.
    failure: Option<Diagnostics>,
    traces: Diagnostics,
    traces_left_out: usize,
}

/// Bytes of a file.
pub(crate) struct Bytes<'a> {
    pub(crate) path: &'a str,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Bytes<'_> {
    pub(crate) fn mark(&self, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.in_file(self.path).at_bytes(self.start..self.end)
    }
}

impl<'p, 's> World<'p, 's> {
    pub(crate) fn new(sources: &'s Sources<'s>) -> Self {
        Self {
            sources,
            programs: BTreeMap::new(),
            paths: BTreeMap::new(),
            failure: None,
            traces: Diagnostics::new(),
            traces_left_out: 0,
        }
    }

    /// The program in a file; each file is one, however often it is imported.
    ///
    /// # Errors
    /// What is wrong with its text.
    pub(crate) fn load(
        &mut self,
        program: &mut Program<'p>,
        path: &str,
        content: &[u8],
    ) -> Result<Thunk<'p>, Diagnostics> {
        if let Some(thunk) = self.programs.get(path) {
            return Ok(thunk.clone());
        }
        nesting::check(content)
            .map_err(|(excess, bytes)| Diagnostic::error(excess.to_string()).in_file(path).at_bytes(bytes))?;
        let (source, _) = program.span_manager_mut().insert_source_context(content.len());
        self.paths.insert(source, path.to_owned());
        let thunk = program
            .load_source(source, content, true, path)
            .map_err(|error| explain::load_error(&error, self, program.span_manager()))?;
        self.programs.insert(path.to_owned(), thunk.clone());
        Ok(thunk)
    }

    /// Where a span lies, if it does in a file and not in the standard library.
    pub(crate) fn bytes(&self, spans: &SpanManager, span: SpanId) -> Option<Bytes<'_>> {
        let (context, start, end) = spans.get_span(span);
        Some(Bytes { path: self.paths.get(&context)?, start, end })
    }

    /// Why the import failed that the program ended at.
    pub(crate) fn take_failure(&mut self) -> Option<Diagnostics> {
        self.failure.take()
    }

    /// What the program said.
    pub(crate) fn into_traces(mut self) -> Diagnostics {
        if self.traces_left_out > 0 {
            self.traces.push(Diagnostic::warning(format!(
                "{} more messages of `std.trace` are left out",
                self.traces_left_out
            )));
        }
        self.traces
    }

    fn find(
        &mut self,
        program: &Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<(String, Rc<[u8]>), ImportError> {
        let importer = self.bytes(program.span_manager(), from);
        let found = self.sources.import(importer.as_ref().map_or("", |bytes| bytes.path), path);
        found.map_err(|missing| {
            let message = match missing {
                Missing::Nowhere(tried) => {
                    format!("`{path}` is not found; these were tried: {}", tried.join(", "))
                }
                Missing::Outside => format!("`{path}` leads out of the repository"),
                Missing::Unreadable(file, problem) => format!("`{file}` can't be read: {problem}"),
            };
            self.fail(program, from, Diagnostic::error(message).into())
        })
    }

    /// Keeps `why`; what has no place yet is at the import itself.
    fn fail(&mut self, program: &Program<'p>, from: SpanId, why: Diagnostics) -> ImportError {
        let importer = self.bytes(program.span_manager(), from);
        let why = why.into_iter().map(|diagnostic| match &importer {
            Some(bytes) if diagnostic.path.is_none() => bytes.mark(diagnostic),
            _ => diagnostic,
        });
        self.failure = Some(why.collect());
        ImportError
    }
}

impl<'p> Callbacks<'p> for World<'p, '_> {
    fn import(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<Thunk<'p>, ImportError> {
        let (file, content) = self.find(program, from, path)?;
        self.load(program, &file, &content).map_err(|why| self.fail(program, from, why))
    }

    fn import_str(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<String, ImportError> {
        let (file, content) = self.find(program, from, path)?;
        std::str::from_utf8(&content).map(ToOwned::to_owned).map_err(|_| {
            let why = Diagnostics::error(format!("`{file}` is not UTF-8; `importbin` takes any bytes"));
            self.fail(program, from, why)
        })
    }

    fn import_bin(
        &mut self,
        program: &mut Program<'p>,
        from: SpanId,
        path: &str,
    ) -> Result<Vec<u8>, ImportError> {
        self.find(program, from, path).map(|(_, content)| content.to_vec())
    }

    fn trace(&mut self, program: &mut Program<'p>, message: &str, stack: &[EvalStackTraceItem]) {
        if self.traces.iter().len() == MAX_TRACES {
            self.traces_left_out += 1;
            return;
        }
        let end = message.floor_char_boundary(MAX_TRACE_BYTES);
        let more = if end < message.len() { "…" } else { "" };
        let warning = Diagnostic::warning(format!("trace: {}{more}", &message[..end]));
        let place = explain::innermost(stack, self, program.span_manager());
        let warning = match place {
            Some(place) => place.mark(warning),
            None => warning,
        };
        self.traces.push(warning);
    }

    fn native_call(
        &mut self,
        _: &mut Program<'p>,
        _: InternedStr<'p>,
        _: &[Value<'p>],
    ) -> Result<Value<'p>, NativeError> {
        // None is registered, so `std.native` refuses every name before.
        Err(NativeError)
    }
}
