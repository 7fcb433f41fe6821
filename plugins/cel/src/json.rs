//! JSON as a flat list of nodes over its text: read once, nothing copied, and
//! only what an expression asks for becomes a value.

mod head;

pub(crate) use head::head;

/// How deep objects and lists may stand in each other.
const MAX_DEPTH: usize = 128;

/// A text of JSON, taken apart.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Of a list or an object, how many members it has; else where the text of
    /// the value starts, of a string without its quotes.
    start: u32,
    end: u32,
    /// The node after this one and all that it holds.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    False,
    True,
    Whole,
    Float,
    Text,
    /// A string with escapes.
    Escaped,
    List,
    Object,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Content<'a> {
    Null,
    Bool(bool),
    Whole(&'a str),
    Float(&'a str),
    Text(&'a str),
    Owned(String),
    List(Json<'a>),
    Object(Json<'a>),
}

/// A list or an object of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a> {
    document: &'a Document<'a>,
    at: u32,
}

impl<'a> Document<'a> {
    /// Takes `json` apart.
    ///
    /// # Errors
    /// Why it is not JSON, or what limit it exceeds.
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(json).map_err(|_| "the JSON is not UTF-8")?;
        if u32::try_from(json.len()).is_err() {
            return Err("the JSON is larger than 4 GiB");
        }
        let mut reader = Reader { bytes: json, at: 0, nodes: Vec::with_capacity(json.len() / 12 + 8) };
        reader.value(0)?;
        reader.space();
        if reader.at < json.len() {
            return Err("the JSON does not end with its value");
        }
        Ok(Self { text, nodes: reader.nodes })
    }

    /// The whole of it.
    pub(crate) fn root(&'a self) -> Content<'a> {
        self.content(0)
    }

    fn node(&self, at: u32) -> Node {
        self.nodes[at as usize]
    }

    fn text(&self, node: Node) -> &'a str {
        self.text.get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    fn content(&'a self, at: u32) -> Content<'a> {
        let node = self.node(at);
        match node.kind {
            Kind::Null => Content::Null,
            Kind::False => Content::Bool(false),
            Kind::True => Content::Bool(true),
            Kind::Whole => Content::Whole(self.text(node)),
            Kind::Float => Content::Float(self.text(node)),
            Kind::Text => Content::Text(self.text(node)),
            Kind::Escaped => Content::Owned(unescape(self.text(node))),
            Kind::List => Content::List(Json { document: self, at }),
            Kind::Object => Content::Object(Json { document: self, at }),
        }
    }
}

impl<'a> Json<'a> {
    /// How many members it has.
    pub(crate) fn len(self) -> usize {
        self.document.node(self.at).start as usize
    }

    /// The member of an object.
    pub(crate) fn get(self, key: &str) -> Option<Content<'a>> {
        let end = self.document.node(self.at).next;
        let mut at = self.at + 1;
        while at < end {
            let name = self.document.node(at);
            let found = match name.kind {
                Kind::Text => self.document.text(name) == key,
                _ => unescape(self.document.text(name)) == key,
            };
            if found {
                return Some(self.document.content(at + 1));
            }
            at = self.document.node(at + 1).next;
        }
        None
    }

    /// The element of a list.
    pub(crate) fn at(self, index: usize) -> Option<Content<'a>> {
        self.elements().nth(index)
    }

    /// The elements of a list.
    pub(crate) fn elements(self) -> impl Iterator<Item = Content<'a>> {
        let end = self.document.node(self.at).next;
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let content = self.document.content(at);
            at = self.document.node(at).next;
            Some(content)
        })
    }

    /// The members of an object.
    pub(crate) fn members(self) -> impl Iterator<Item = (Content<'a>, Content<'a>)> {
        let mut parts = self.parts();
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// Keys and values of an object in turn: a key is a node without children.
    fn parts(self) -> impl Iterator<Item = Content<'a>> {
        self.elements()
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
}

impl Reader<'_> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let next = narrow(self.nodes.len() + 1);
        self.nodes.push(Node { kind, start: narrow(start), end: narrow(end), next });
    }

    fn value(&mut self, depth: usize) -> Result<(), &'static str> {
        self.space();
        match self.bytes.get(self.at) {
            Some(b'"') => self.string(),
            Some(b'{') => self.members(depth, Kind::Object, b'}'),
            Some(b'[') => self.members(depth, Kind::List, b']'),
            Some(b't') => self.word(b"true", Kind::True),
            Some(b'f') => self.word(b"false", Kind::False),
            Some(b'n') => self.word(b"null", Kind::Null),
            Some(b'-' | b'0'..=b'9') => {
                self.number();
                Ok(())
            }
            _ => Err("the JSON lacks a value"),
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), &'static str> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err("the JSON has a word that is none");
        }
        self.push(kind, self.at, self.at + word.len());
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) {
        let start = self.at;
        let mut kind = Kind::Whole;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'0'..=b'9' | b'-' | b'+' => {}
                b'.' | b'e' | b'E' => kind = Kind::Float,
                _ => break,
            }
            self.at += 1;
        }
        self.push(kind, start, self.at);
    }

    fn string(&mut self) -> Result<(), &'static str> {
        self.at += 1;
        let start = self.at;
        let mut kind = Kind::Text;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
                None => return Err("the JSON has a text without an end"),
            }
        }
        self.push(kind, start, self.at);
        self.at += 1;
        Ok(())
    }

    fn members(&mut self, depth: usize, kind: Kind, close: u8) -> Result<(), &'static str> {
        if depth >= MAX_DEPTH {
            return Err("the JSON nests deeper than 128 levels");
        }
        let open = self.nodes.len();
        self.push(kind, 0, 0);
        self.at += 1;
        let mut count = 0_usize;
        loop {
            self.space();
            if count == 0 && self.bytes.get(self.at) == Some(&close) {
                break;
            }
            if kind == Kind::Object {
                if self.bytes.get(self.at) != Some(&b'"') {
                    return Err("the JSON lacks a key");
                }
                self.string()?;
                self.space();
                if self.bytes.get(self.at) != Some(&b':') {
                    return Err("the JSON lacks a `:`");
                }
                self.at += 1;
            }
            self.value(depth + 1)?;
            count += 1;
            self.space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(byte) if *byte == close => break,
                _ => return Err("the JSON has a list or an object without an end"),
            }
        }
        self.at += 1;
        let next = narrow(self.nodes.len());
        let node = &mut self.nodes[open];
        node.start = narrow(count);
        node.next = next;
        Ok(())
    }
}

/// Texts are shorter than 4 GiB: `parse` has looked.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The text that an escaped one means. What is no escape stands for nothing.
fn unescape(text: &str) -> String {
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_default()
}
