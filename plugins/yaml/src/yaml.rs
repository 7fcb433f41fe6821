//! Reads YAML files: the parser's events become JSON, with keys as text, no key
//! twice, merge keys (`<<`) resolved, and aliases expanded within a budget.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};
use serde_json::{Map, Value};

use crate::document::{Document, MAX_DEPTH, Problem};
use crate::scalar;

/// What the aliases of one document may add to it, in bytes of JSON, roughly.
const MAX_EXPANSION_BYTES: usize = 4 << 20;

/// The documents of `text`. Empty ones are `null`.
pub(crate) fn documents(text: &str) -> Result<Vec<Document>, Problem> {
    let mut builder = Builder::default();
    // As libyaml does, which Kubernetes' tools read with.
    let options = granit_parser::options! { emit_comments: false, block_scalar_eof_without_line_feed: true };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or_default().min(text.len());
            Problem::at(error.info(), at..next_boundary(text, at))
        })?;
        builder.event(event, span.byte_range().unwrap_or_default())?;
    }
    Ok(builder.documents)
}

/// The end of the character at `at`, so that a span points at something.
fn next_boundary(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |next| at + next.len_utf8())
}

#[derive(Default)]
struct Builder {
    documents: Vec<Document>,
    /// The collections that are open, outermost first.
    open: Vec<Frame>,
    /// What anchors of this document name.
    anchors: HashMap<usize, Anchored>,
    /// What aliases have added to this document.
    expanded_bytes: usize,
    /// From the first byte of the document's content to the last so far.
    bytes: Option<Range<usize>>,
}

struct Frame {
    content: Content,
    anchor: usize,
    flow: bool,
}

enum Content {
    List(Vec<Value>),
    Object { fields: Map<String, Value>, key: Option<Key>, merged: Vec<Map<String, Value>> },
}

enum Key {
    Field(String),
    Merge,
}

struct Anchored {
    node: Node,
    bytes: usize,
    depth: usize,
}

/// A finished value. `merge` is a plain `<<`, which as a key is not a key.
#[derive(Clone)]
struct Node {
    value: Value,
    merge: bool,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, at: Range<usize>) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                self.expanded_bytes = 0;
                self.bytes = None;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar(&text, style, tag.as_deref())
                    .map_err(|message| Problem::at(message, at.clone()))?;
                self.cover(&at);
                self.finish(node, anchor, at)?;
            }
            Event::Alias(anchor) => {
                self.cover(&at);
                let node = self.expand(anchor, &at)?;
                self.finish(node, 0, at)?;
            }
            Event::SequenceStart(style, anchor, _) => {
                self.start(Content::List(Vec::new()), anchor, style, at)?;
            }
            Event::MappingStart(style, anchor, _) => {
                let content = Content::Object { fields: Map::new(), key: None, merged: Vec::new() };
                self.start(content, anchor, style, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at)?,
            _ => {}
        }
        Ok(())
    }

    /// Adds to the document's span. The end of a block collection is not seen
    /// here: it stands where the next thing begins.
    fn cover(&mut self, at: &Range<usize>) {
        let start = self.bytes.as_ref().map_or(at.start, |bytes| bytes.start);
        self.bytes = Some(start..at.end);
    }

    fn start(
        &mut self,
        content: Content,
        anchor: usize,
        style: StructureStyle,
        at: Range<usize>,
    ) -> Result<(), Problem> {
        if self.open.len() == MAX_DEPTH {
            return Err(too_deep(at));
        }
        if self.bytes.is_none() {
            self.bytes = Some(at.start..at.start);
        }
        self.open.push(Frame { content, anchor, flow: matches!(style, StructureStyle::Flow) });
        Ok(())
    }

    fn end(&mut self, at: Range<usize>) -> Result<(), Problem> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        if frame.flow {
            self.cover(&at);
        }
        let value = match frame.content {
            Content::List(items) => Value::Array(items),
            Content::Object { mut fields, merged, .. } => {
                for source in merged {
                    for (key, value) in source {
                        // What the object says itself wins, and then what was merged first.
                        if !fields.contains_key(&key) {
                            fields.insert(key, value);
                        }
                    }
                }
                Value::Object(fields)
            }
        };
        self.finish(Node { value, merge: false }, frame.anchor, at)
    }

    fn expand(&mut self, anchor: usize, at: &Range<usize>) -> Result<Node, Problem> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(Problem::at("an alias names what contains it", at.clone()));
        };
        self.expanded_bytes = self.expanded_bytes.saturating_add(anchored.bytes);
        if self.expanded_bytes > MAX_EXPANSION_BYTES {
            let message = format!("the document's aliases expand to more than {MAX_EXPANSION_BYTES} bytes");
            return Err(Problem::at(message, at.clone()));
        }
        if self.open.len() + anchored.depth > MAX_DEPTH {
            return Err(too_deep(at.clone()));
        }
        Ok(anchored.node.clone())
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, at: Range<usize>) -> Result<(), Problem> {
        if anchor != 0 {
            let (bytes, depth) = measure(&node.value);
            self.anchors.insert(anchor, Anchored { node: node.clone(), bytes, depth });
        }
        let Some(frame) = self.open.last_mut() else {
            self.documents.push(Document { content: node.value, bytes: self.bytes.take().unwrap_or(at) });
            return Ok(());
        };
        match &mut frame.content {
            Content::List(items) => items.push(node.value),
            Content::Object { fields, key, merged } => match key.take() {
                None => {
                    let name = if node.merge { Key::Merge } else { field_name(node.value, &at)? };
                    if let Key::Field(name) = &name
                        && fields.contains_key(name)
                    {
                        return Err(Problem::at(format!("the key `{name}` stands twice"), at));
                    }
                    *key = Some(name);
                }
                Some(Key::Field(name)) => {
                    fields.insert(name, node.value);
                }
                Some(Key::Merge) => merge_sources(node.value, merged, &at)?,
            },
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Node, String> {
    let value = match tag {
        Some(tag) => match tag.core_suffix().or_else(|| own_tag(tag)) {
            Some(name) => scalar::tagged(name, text)?,
            None => Value::String(text.to_owned()),
        },
        None if matches!(style, ScalarStyle::Plain) => {
            if text == "<<" {
                return Ok(Node { value: text.into(), merge: true });
            }
            scalar::plain(text)?
        }
        None => Value::String(text.to_owned()),
    };
    Ok(Node { value, merge: false })
}

/// YAML 1.1's tags that the core schema of 1.2 has not.
fn own_tag(tag: &Tag) -> Option<&'static str> {
    if tag.handle() != "tag:yaml.org,2002:" {
        return None;
    }
    ["binary", "timestamp"].into_iter().find(|name| tag.suffix() == *name)
}

/// JSON's keys are text; Kubernetes' tools write whole numbers and booleans as
/// text too.
fn field_name(value: Value, at: &Range<usize>) -> Result<Key, Problem> {
    let name: Cow<'static, str> = match value {
        Value::String(name) => name.into(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::Number(number) if !number.is_f64() => number.to_string().into(),
        Value::Number(number) => {
            return Err(Problem::at(
                format!("the key {number} is a number with a fraction; quote it"),
                at.clone(),
            ));
        }
        Value::Null => return Err(Problem::at("a key is empty", at.clone())),
        Value::Array(_) | Value::Object(_) => {
            return Err(Problem::at("a key is a list or an object", at.clone()));
        }
    };
    Ok(Key::Field(name.into_owned()))
}

fn merge_sources(
    value: Value,
    merged: &mut Vec<Map<String, Value>>,
    at: &Range<usize>,
) -> Result<(), Problem> {
    match value {
        Value::Object(source) => merged.push(source),
        Value::Array(sources) => {
            for source in sources {
                match source {
                    Value::Object(source) => merged.push(source),
                    _ => return Err(Problem::at("`<<` merges something that is no object", at.clone())),
                }
            }
        }
        _ => return Err(Problem::at("`<<` merges something that is no object", at.clone())),
    }
    Ok(())
}

/// About how many bytes of JSON a value is, and how deep it nests.
fn measure(value: &Value) -> (usize, usize) {
    let all = |parts: &mut dyn Iterator<Item = (usize, usize)>| {
        parts.fold((2, 1), |(bytes, depth), (more, inner)| (bytes + more, depth.max(inner + 1)))
    };
    match value {
        Value::Array(items) => all(&mut items.iter().map(measure)),
        Value::Object(fields) => all(&mut fields.iter().map(|(key, value)| {
            let (bytes, depth) = measure(value);
            (bytes + key.len() + 4, depth)
        })),
        Value::String(text) => (text.len() + 2, 0),
        Value::Null | Value::Bool(_) | Value::Number(_) => (8, 0),
    }
}

fn too_deep(at: Range<usize>) -> Problem {
    Problem::at(format!("objects and lists nest deeper than {MAX_DEPTH}"), at)
}

#[cfg(test)]
mod tests;
