//! Finds the entries in JSON of any size while it streams by: in an array, in an array inside objects (`{"items":[…]}`), one object a
//! line, or texts in an array. Only one entry is held at a time.

use super::limits::{JSON_DEPTH_MAX, JSON_KEY_BYTES_MAX, RECORD_BYTES_MAX};

/// One entry, or why there is none.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// The text of an object.
    Object { line: u64, text: Vec<u8> },
    /// A text in an array, with its quotes, and the name of the array.
    Text { line: u64, text: Vec<u8>, array: String },
    /// JSON is broken here.
    Broken { line: u64 },
    /// Longer than any entry.
    TooLong { line: u64 },
}

/// Arrays beside the entries, or inside them, that hold other things.
const OTHER_ARRAYS: [&str; 8] =
    ["lists", "links", "tags", "paging", "errors", "attribs", "meta", "campaigns"];

/// Arrays of texts whose texts are entries; an array without a name is, too.
const TEXT_ARRAYS: [&str; 8] =
    ["domains", "recipient_emails", "emails", "addresses", "recipients", "suppressions", "items", "results"];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Object,
    Array,
}

struct Frame {
    kind: Kind,
    /// Under which key it stands.
    name: String,
}

/// Takes bytes, gives entries.
pub(crate) struct Entries {
    /// What is open around the entry.
    outer: Vec<Frame>,
    /// What is open since the entry began; the first frame is the entry itself.
    inner: Vec<Frame>,
    text: Vec<u8>,
    text_line: u64,
    /// The string that is being read, or was read last.
    string: String,
    in_string: bool,
    escaped: bool,
    string_is_entry: bool,
    /// The key that the next value stands under.
    key: String,
    line: u64,
    too_long: bool,
}

impl Entries {
    pub(crate) fn new() -> Self {
        Self {
            outer: Vec::new(),
            inner: Vec::new(),
            text: Vec::new(),
            text_line: 1,
            string: String::new(),
            in_string: false,
            escaped: false,
            string_is_entry: false,
            key: String::new(),
            line: 1,
            too_long: false,
        }
    }

    /// Takes bytes and hands out what they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8], found: &mut Vec<Found>) {
        for byte in bytes {
            if *byte == b'\n' {
                self.line += 1;
            }
            self.step(*byte, found);
        }
    }

    /// There is no more.
    pub(crate) fn end(&mut self, found: &mut Vec<Found>) {
        if self.in_string || !self.inner.is_empty() || !self.outer.is_empty() {
            found.push(Found::Broken { line: self.line });
        }
    }

    fn step(&mut self, byte: u8, found: &mut Vec<Found>) {
        if self.in_string {
            return self.step_in_string(byte, found);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string.clear();
                self.string_is_entry = self.begins_text_entry();
                if self.string_is_entry {
                    self.become_outer();
                    self.begin_text();
                }
                self.keep(byte);
            }
            b'{' => self.open_object(byte, found),
            b'[' => self.open(Kind::Array, byte, found),
            b'}' => self.close(Kind::Object, byte, found),
            b']' => self.close(Kind::Array, byte, found),
            b':' => {
                self.key = std::mem::take(&mut self.string);
                self.keep(byte);
            }
            b',' => {
                self.key.clear();
                self.keep(byte);
            }
            _ => self.keep(byte),
        }
    }

    fn step_in_string(&mut self, byte: u8, found: &mut Vec<Found>) {
        if byte == b'\n' && !self.escaped {
            // JSON has no line ends in strings: here something was cut off. The next line begins anew.
            found.push(Found::Broken { line: self.line - 1 });
            self.in_string = false;
            self.inner.clear();
            self.text.clear();
            return;
        }
        self.keep(byte);
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
            if self.string_is_entry {
                self.string_is_entry = false;
                let array = self.outer.last().map_or(String::new(), |frame| frame.name.clone());
                self.emit(found, |line, text| Found::Text { line, text, array });
            }
        } else if self.string.len() < JSON_KEY_BYTES_MAX && byte.is_ascii() {
            self.string.push(char::from(byte));
        }
    }

    /// All open frames lead, by objects and one array at the end, to where an entry could stand.
    fn in_entry_array(&self) -> bool {
        let mut frames = self.outer.iter().chain(&self.inner).rev();
        let Some(last) = frames.next() else { return false };
        last.kind == Kind::Array
            && !OTHER_ARRAYS.contains(&last.name.as_str())
            && frames.all(|frame| frame.kind == Kind::Object)
            && (self.inner.is_empty() || self.outer.is_empty())
    }

    fn begins_text_entry(&self) -> bool {
        let name = self.inner.last().or(self.outer.last()).map_or("", |frame| frame.name.as_str());
        self.in_entry_array() && (name.is_empty() || TEXT_ARRAYS.contains(&name))
    }

    /// What looked like an entry stands around the entries.
    fn become_outer(&mut self) {
        self.outer.append(&mut self.inner);
        self.text.clear();
        self.too_long = false;
    }

    fn begin_text(&mut self) {
        self.text.clear();
        self.text_line = self.line;
        self.too_long = false;
    }

    fn open_object(&mut self, byte: u8, found: &mut Vec<Found>) {
        if self.in_entry_array() {
            self.become_outer();
        }
        if self.inner.is_empty() && (self.outer.is_empty() || self.in_entry_array()) {
            self.begin_text();
            self.inner.push(Frame { kind: Kind::Object, name: String::new() });
            self.key.clear();
            self.keep(byte);
            return;
        }
        self.open(Kind::Object, byte, found);
    }

    fn open(&mut self, kind: Kind, byte: u8, found: &mut Vec<Found>) {
        if self.outer.len() + self.inner.len() >= JSON_DEPTH_MAX {
            found.push(Found::Broken { line: self.line });
            self.outer.clear();
            self.inner.clear();
            self.text.clear();
            return;
        }
        let frame = Frame { kind, name: std::mem::take(&mut self.key) };
        if self.inner.is_empty() {
            self.outer.push(frame);
        } else {
            self.inner.push(frame);
        }
        self.keep(byte);
    }

    fn close(&mut self, kind: Kind, byte: u8, found: &mut Vec<Found>) {
        self.key.clear();
        if self.inner.is_empty() {
            if self.outer.last().is_some_and(|frame| frame.kind == kind) {
                self.outer.pop();
            } else {
                found.push(Found::Broken { line: self.line });
                self.outer.clear();
            }
            return;
        }
        self.keep(byte);
        if self.inner.last().is_some_and(|frame| frame.kind == kind) {
            self.inner.pop();
            if self.inner.is_empty() {
                self.emit(found, |line, text| Found::Object { line, text });
            }
        } else {
            found.push(Found::Broken { line: self.line });
            self.inner.clear();
            self.text.clear();
        }
    }

    /// Keeps a byte of the entry.
    fn keep(&mut self, byte: u8) {
        if self.inner.is_empty() && !self.string_is_entry {
            return;
        }
        if self.text.len() < RECORD_BYTES_MAX {
            self.text.push(byte);
        } else {
            self.too_long = true;
        }
    }

    fn emit(&mut self, found: &mut Vec<Found>, entry: impl FnOnce(u64, Vec<u8>) -> Found) {
        let text = std::mem::take(&mut self.text);
        found.push(if self.too_long {
            Found::TooLong { line: self.text_line }
        } else {
            entry(self.text_line, text)
        });
        self.too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let (mut entries, mut found) = (Entries::new(), Vec::new());
        // In pieces of every size the same.
        for piece in text.as_bytes().chunks(3) {
            entries.feed(piece, &mut found);
        }
        entries.end(&mut found);
        found
            .into_iter()
            .map(|found| match found {
                Found::Object { line, text } => format!("{line} {}", String::from_utf8_lossy(&text)),
                Found::Text { line, text, array } => {
                    format!("{line} {} in {array:?}", String::from_utf8_lossy(&text))
                }
                Found::Broken { line } => format!("{line} broken"),
                Found::TooLong { line } => format!("{line} too long"),
            })
            .collect()
    }

    #[test]
    fn entries_are_found_wherever_services_put_them() {
        assert_eq!(
            found(r#"[{"a":1},{"a":{"b":[{"c":2}]}}]"#),
            [r#"1 {"a":1}"#, r#"1 {"a":{"b":[{"c":2}]}}"#]
        );
        assert_eq!(found("{\"a\":1}\n{\"a\":2}\n"), [r#"1 {"a":1}"#, r#"2 {"a":2}"#]);
        assert_eq!(
            found(r#"{"data":{"results":[{"a":"}"},{"lists":[{"x":1}]}],"total":2}}"#),
            [r#"1 {"a":"}"}"#, r#"1 {"lists":[{"x":1}]}"#]
        );
        assert_eq!(found(r#"{"results":[{"a":1}],"links":[{"href":"x"}],"n":1}"#)[0], r#"1 {"a":1}"#);
        assert_eq!(found(r#"{"results":[{"a":1}],"links":[{"href":"x"}],"n":1}"#).len(), 1);
        // One subscriber a line, whose lists are not entries.
        assert_eq!(
            found(r#"{"email":"a@b.c","lists":[{"id":1}]}"#),
            [r#"1 {"email":"a@b.c","lists":[{"id":1}]}"#]
        );
    }

    #[test]
    fn texts_in_arrays_are_entries() {
        assert_eq!(found(r#"["a@b.c","d@e.f"]"#), [r#"1 "a@b.c" in """#, r#"1 "d@e.f" in """#]);
        assert_eq!(found(r#"{"domains":["b.c"]}"#), [r#"1 "b.c" in "domains""#]);
        assert_eq!(found(r#"{"email":"a@b.c","tags":["x"]}"#), [r#"1 {"email":"a@b.c","tags":["x"]}"#]);
    }

    #[test]
    fn broken_json_costs_an_entry_and_not_the_file() {
        assert_eq!(found("{\"a\":\"x\n{\"a\":2}\n"), ["1 broken", r#"2 {"a":2}"#]);
        assert_eq!(found("[{\"a\":1},{\"a\""), [r#"1 {"a":1}"#, "1 broken"]);
        assert_eq!(found("}{\"a\":1}"), ["1 broken", r#"1 {"a":1}"#]);
        assert_eq!(found(&"[".repeat(100)).len(), 2);
    }
}
