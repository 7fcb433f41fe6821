//! Objects that are rendered already: a stream of YAML or JSON, such as
//! standard input.
//!
//! Takes the text; gives its objects, those of lists one by one, each with its
//! bytes in the text, and a renderer that returns them.

use std::io::Read;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;
use serde_saphyr::Options;
use sha2::{Digest as _, Sha256};

use super::super::folder::Folder;
use super::super::settings::{within, yaml_error};
use crate::dialect::of_kubernetes;
use crate::plugin::{Limits, PluginError, Receives, RenderRequest};
use crate::render::{Absent, Job, PluginId, RawManifest, RawOutput, RenderLimits, Renderer, Renderers};
use crate::source::memory_tree::MemoryTree;
use crate::source::trace::TracedTree;

/// What people and reports call standard input.
pub(super) const STDIN: &str = "<stdin>";

/// The most that is read of a stream, in bytes.
pub(super) const STREAM_BYTES: u64 = 32 << 20;

/// Most objects in a stream: what several Applications render to.
const MAX_OBJECTS: usize = 10_000;

/// Most documents, values and events in a stream of that size.
const MAX_DOCUMENTS: usize = MAX_OBJECTS;
const MAX_NODES: usize = 4_000_000;

/// An object of a stream.
pub(super) struct Item {
    pub(super) object: Value,
    /// Its bytes, end exclusive, where they are known.
    pub(super) span: Option<(u32, u32)>,
}

/// The whole text of a stream.
pub(super) fn text(source: impl Read, name: &str) -> anyhow::Result<String> {
    let read = || Ok::<_, anyhow::Error>(String::from_utf8(within(source, STREAM_BYTES)?)?);
    read().with_context(|| format!("read {name}"))
}

/// The objects of a stream, in their order.
pub(super) fn items(text: &str, name: &str) -> anyhow::Result<Vec<Item>> {
    let documents = match json_documents(text) {
        Some(documents) => documents,
        None => yaml_documents(text, name)?,
    };
    let mut items = Vec::new();
    for (mut document, spans) in documents {
        let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
            && document.pointer("/metadata/name").is_none();
        match document.get_mut("items") {
            Some(Value::Array(inner)) if is_list => {
                let spans = spans.map(|spans| spans.items).filter(|spans| spans.len() == inner.len());
                let inner = std::mem::take(inner).into_iter().enumerate();
                items.extend(inner.map(|(index, object)| Item {
                    object,
                    span: spans.as_ref().and_then(|spans| spans.get(index)).copied(),
                }));
            }
            _ => items.push(Item { object: document, span: spans.map(|spans| spans.whole) }),
        }
    }
    Ok(items)
}

type Documents = Vec<(Value, Option<Spans>)>;

/// `None` where it is not JSON, however it begins.
fn json_documents(text: &str) -> Option<Documents> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut documents = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut end = 0;
    while let Some(document) = stream.next() {
        let document = document.ok()?;
        let written = text.get(end..stream.byte_offset())?;
        let start = end + written.len() - written.trim_start().len();
        end = stream.byte_offset();
        documents.push((document, spans(text.get(start..end)?).pop().map(|spans| spans.moved(start))));
    }
    Some(documents)
}

fn yaml_documents(text: &str, name: &str) -> anyhow::Result<Documents> {
    let mut options = of_kubernetes(Options::default());
    if let Some(budget) = &mut options.budget {
        budget.max_documents = MAX_DOCUMENTS;
        budget.max_nodes = MAX_NODES;
        budget.max_events = 2 * MAX_NODES;
    }
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| yaml_error(name, &error))?;
    let documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    let spans = spans(text);
    // Another count is another opinion of what is empty: then no place is better than a wrong one.
    let is_same_count = spans.len() == documents.len();
    let spans = spans.into_iter().map(Some).filter(|_| is_same_count).chain(std::iter::repeat_with(|| None));
    Ok(documents.into_iter().zip(spans).collect())
}

/// Where a document stands in the text, in bytes.
struct Spans {
    whole: (u32, u32),
    /// Each entry of its `items`.
    items: Vec<(u32, u32)>,
}

impl Spans {
    /// In a text of which this one is a part.
    fn moved(mut self, by: usize) -> Self {
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        let spans = std::iter::once(&mut self.whole).chain(&mut self.items);
        spans.for_each(|(start, end)| (*start, *end) = (start.saturating_add(by), end.saturating_add(by)));
        self
    }
}

/// Of each document that says something.
fn spans(text: &str) -> Vec<Spans> {
    let mut bytes = Offsets::new(text);
    let mut all: Vec<Spans> = Vec::new();
    // How deep the next node is, and, on the first level, whether it is the value of `items`.
    let (mut depth, mut begins, mut is_key, mut in_items) = (0_u32, false, true, false);
    let mut last_key = String::new();
    let mut start = 0;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let (from, to) = (bytes.at(span.start.index()), bytes.at(span.end.index()));
        if matches!(event, Event::DocumentStart(_)) {
            (depth, begins, is_key, in_items) = (0, true, true, false);
            continue;
        }
        if std::mem::take(&mut begins) {
            let is_nothing = matches!(&event, Event::Scalar(word, ScalarStyle::Plain, ..)
                if matches!(&**word, "" | "~" | "null" | "Null" | "NULL"));
            if is_nothing {
                continue;
            }
            all.push(Spans { whole: (from, to), items: Vec::new() });
        }
        let Some(document) = all.last_mut() else { continue };
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if depth == 1 {
                    in_items = !is_key && last_key == "items" && matches!(event, Event::SequenceStart(..));
                    is_key = !is_key;
                }
                if depth == 2 {
                    start = from;
                }
                depth += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                if depth == 2 && in_items {
                    document.items.push((start, to));
                }
                if depth == 0 {
                    document.whole.1 = to;
                }
            }
            Event::Scalar(..) | Event::Alias(_) if depth == 2 && in_items => document.items.push((from, to)),
            Event::Scalar(word, ..) if depth == 1 => {
                if is_key {
                    last_key = word.into_owned();
                }
                is_key = !is_key;
            }
            Event::Alias(_) if depth == 1 => is_key = !is_key,
            _ => {}
        }
    }
    all
}

/// From characters to bytes, for places that mostly only go on.
struct Offsets<'t> {
    text: &'t str,
    /// A place whose number of characters is known.
    characters: usize,
    bytes: usize,
}

impl<'t> Offsets<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, characters: 0, bytes: 0 }
    }

    fn at(&mut self, characters: usize) -> u32 {
        if characters < self.characters {
            let back = self.text[..self.bytes].char_indices().rev().nth(self.characters - characters - 1);
            self.bytes = back.map_or(0, |(offset, _)| offset);
        } else {
            let on = self.text[self.bytes..].char_indices().nth(characters - self.characters);
            self.bytes = on.map_or(self.text.len(), |(offset, _)| self.bytes + offset);
        }
        self.characters = characters;
        u32::try_from(self.bytes).unwrap_or(u32::MAX)
    }
}

/// A stream in place of a folder and its renderer.
pub(super) struct Stream {
    text: String,
    made: Arc<Given>,
}

impl Stream {
    pub(super) fn new(text: String) -> anyhow::Result<Self> {
        let raw = |item: Item| RawManifest {
            object: Bytes::from(item.object.to_string()),
            path: Some(STDIN.to_owned()),
            span: item.span,
            changed_by: Vec::new(),
        };
        let manifests = items(&text, STDIN)?.into_iter().map(raw).collect();
        let id = PluginId { name: "stdin".to_owned(), digest: hex::encode(Sha256::digest(&text)) };
        Ok(Self { text, made: Arc::new(Given { id, manifests }) })
    }

    /// The text as a file of its own.
    pub(super) fn folder(&self) -> Folder {
        Folder::in_memory(MemoryTree::new().file(STDIN, self.text.clone()), "")
    }

    /// What there is to do with it: nothing but to check what was returned.
    pub(super) fn job(&self, said: Job) -> Job {
        let limits = RenderLimits {
            objects: MAX_OBJECTS,
            file_bytes: STREAM_BYTES,
            total_bytes: STREAM_BYTES,
            ..RenderLimits::default()
        };
        Job {
            renderer: Some(self.made.id.name.clone()),
            limits,
            target_namespace: said.target_namespace,
            ..Job::new(&said.namespace, &said.name, "")
        }
    }
}

impl Renderers for Stream {
    fn renderer(&self, _: &str) -> Result<Arc<dyn Renderer>, Absent> {
        Ok(Arc::clone(&self.made) as Arc<dyn Renderer>)
    }

    fn detecting(&self) -> Vec<Arc<dyn Renderer>> {
        Vec::new()
    }
}

/// Returns what it was given.
struct Given {
    id: PluginId,
    manifests: Vec<RawManifest>,
}

impl Renderer for Given {
    fn id(&self) -> PluginId {
        self.id.clone()
    }

    fn detects(&self) -> &[String] {
        &[]
    }

    fn receives(&self) -> &Receives {
        static NOTHING: Receives = Receives { values: None, kube_version: None, api_versions: None };
        &NOTHING
    }

    fn limits(&self) -> Limits {
        let bytes = usize::try_from(STREAM_BYTES).unwrap_or(usize::MAX);
        Limits {
            time: std::time::Duration::MAX,
            memory_bytes: bytes,
            output_bytes: bytes,
            host_calls: u64::MAX,
        }
    }

    fn render(
        &self,
        _: &RenderRequest,
        _: &Value,
        tree: &Arc<TracedTree>,
        _: i64,
    ) -> Result<RawOutput, PluginError> {
        // Lines are counted in what was read.
        tree.read(STDIN).map_err(|error| PluginError::Contract(error.to_string()))?;
        Ok(RawOutput { manifests: self.manifests.clone(), diagnostics: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
