//! The text that the engine reads: the one that was written, with insertions
//! where the engine reads the language in another way than OPA does. Places in
//! it lead back to the text that was written.

/// How much may be inserted: a long head stands before each of its bodies.
const MAX_INSERTED_BYTES: usize = 512 << 10;

/// A text with insertions.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) text: String,
    /// For each time that something was inserted: where, in the text after it, and how long it is.
    layers: Vec<Vec<(usize, usize)>>,
}

impl Code {
    pub(super) fn new(written: &str) -> Self {
        Self { text: written.to_owned(), layers: Vec::new() }
    }

    /// Inserts texts at bytes of the text as it is now.
    pub(super) fn insert(&mut self, mut insertions: Vec<(usize, String)>) {
        if insertions.is_empty() {
            return;
        }
        insertions.sort_by_key(|(at, _)| *at);
        let mut text = String::with_capacity(self.text.len());
        let mut layer = Vec::new();
        let mut done = 0;
        for (at, inserted) in insertions {
            let Some(between) = self.text.get(done..at) else { continue };
            text.push_str(between);
            done = at;
            layer.push((text.len(), inserted.len()));
            text.push_str(&inserted);
        }
        text.push_str(self.text.get(done..).unwrap_or_default());
        self.text = text;
        self.layers.push(layer);
    }

    /// The byte of the written text behind a byte of this one.
    pub(super) fn written(&self, byte: usize) -> usize {
        self.layers.iter().rev().fold(byte, |byte, layer| {
            let mut before = 0;
            for &(at, length) in layer {
                if byte < at {
                    break;
                }
                before += length.min(byte - at);
            }
            byte - before
        })
    }
}

/// What stands between the statements and bodies that OPA tells apart, and the
/// engine does not: a line that begins with `(` begins a statement, and is no
/// arguments of what stands before; and a second body of a set has its head.
pub(super) fn separators(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut open: Vec<u8> = Vec::new();
    // Where the head begins that a body may follow, and where the last body ended.
    let (mut head, mut ended): (usize, Option<String>) = (0, None);
    // The last byte that is neither blank nor comment.
    let mut last: Option<usize> = None;
    let (mut at, mut inserted) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'#' => at = super::nesting::end_of_line(bytes, at),
            b'\n' if open.is_empty() && ended.is_none() => head = at + 1,
            byte if byte.is_ascii_whitespace() => {}
            _ => {
                let before = last.map(|last| (last, text.get(last..at).unwrap_or_default()));
                if byte == b'('
                    && open.last() == Some(&b'{')
                    && before.is_some_and(|(end, gap)| begins_line(text, end, gap))
                {
                    found.push((at, ";".to_owned()));
                }
                match (byte, ended.take()) {
                    (b'{', Some(body_head)) if open.is_empty() => {
                        inserted += body_head.len();
                        if inserted > MAX_INSERTED_BYTES {
                            return found;
                        }
                        found.push((at, format!("\n{body_head} ")));
                        ended = Some(body_head);
                    }
                    (b'{', None) if open.is_empty() => {
                        let written = text.get(head..at).unwrap_or_default().trim();
                        // After `=` or `if` it is no body of its own.
                        let body = written.ends_with('}') || ends_term(written);
                        ended = body.then(|| written.to_owned());
                    }
                    (_, Some(body_head)) if !open.is_empty() => ended = Some(body_head),
                    (_, Some(_)) => head = at,
                    _ => {}
                }
                match byte {
                    b'"' => at = super::nesting::end_of_text(bytes, at),
                    b'`' => at = super::nesting::end_of_raw(bytes, at),
                    b'(' | b'[' | b'{' => open.push(byte),
                    b')' | b']' | b'}' => drop(open.pop()),
                    _ => {}
                }
                last = Some(at);
            }
        }
        at += 1;
    }
    found
}

/// Whether what follows `gap` begins a statement of its own: there is a line's
/// end in it, and what stands before it could be called.
fn begins_line(text: &str, end: usize, gap: &str) -> bool {
    gap.contains('\n') && ends_term(text.get(..=end).unwrap_or_default())
}

/// Whether a term ends here, and no operator or keyword.
fn ends_term(before: &str) -> bool {
    const KEYWORDS: [&str; 9] = ["if", "in", "not", "else", "contains", "some", "every", "with", "as"];
    let letters = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let word = before.rsplit(letters).next().unwrap_or_default();
    before.ends_with([')', ']', '"', '`']) || (!word.is_empty() && !KEYWORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_back_through_all_insertions() {
        let mut code = Code::new("abcd");
        code.insert(vec![(2, "XX".to_owned()), (1, "Y".to_owned())]);
        assert_eq!(code.text, "aYbXXcd");
        code.insert(vec![(6, "ZZZ".to_owned())]);
        assert_eq!(code.text, "aYbXXcZZZd");
        let written: Vec<usize> = (0..=10).map(|byte| code.written(byte)).collect();
        assert_eq!(written, [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4]);
    }

    #[test]
    fn statements_and_bodies_are_told_apart() {
        let adapted = |text: &str| {
            let mut code = Code::new(text);
            code.insert(separators(text));
            code.text
        };
        assert_eq!(adapted("p[x] { a\n  (b)\n}"), "p[x] { a\n  ;(b)\n}");
        assert_eq!(adapted("p[x] { a } { b }\nq { c }"), "p[x] { a } \np[x] { b }\nq { c }");
        assert_eq!(adapted("x = {1} { a } # {\n{ b }"), "x = {1} { a } # {\n\nx = {1} { b }");
        for same in [
            "p { f(\n(a)) }",
            "p { x := \"(\"; y := [1,\n(2)] }",
            "p if {\n  a\n}\nq if {\n  not\n (b)\n}",
            "p { a } else = {1} { b }",
            "x := {\"a\": {1}}\ny := {2}",
        ] {
            assert_eq!(adapted(same), same);
        }
    }
}
