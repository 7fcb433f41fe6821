//! How a plugin without a single import says why it panicked.
//!
//! Takes requests for memory that no plugin could ever mean: 2 GiB and some
//! 64 KiB pages. Gives the text that the odd pages spell. The panic hook of a
//! policy or health rule asks for `0x8100` pages to begin, then for
//! `0x8000 + byte` pages for each byte of its message (UTF-8), and traps. Each
//! request is refused, so a plugin gains nothing by it; one that doesn't know
//! of it is described by its trap alone.

/// WebAssembly's page.
const PAGE_BYTES: usize = 64 << 10;

/// Pages that begin a message.
const BEGIN: usize = 0x8100;

/// Pages that stand for the byte 0; the next 255 for the others.
const FIRST_BYTE: usize = 0x8000;

/// The most that is kept of a message.
const MESSAGE_BYTES: usize = 4 << 10;

/// The message so far.
#[derive(Default)]
pub(crate) struct PanicMessage {
    begun: bool,
    bytes: Vec<u8>,
}

impl PanicMessage {
    /// Whether a request for `more` bytes of memory is a part of a message.
    pub(crate) fn takes(&mut self, more: usize) -> bool {
        if !more.is_multiple_of(PAGE_BYTES) {
            return false;
        }
        let pages = more / PAGE_BYTES;
        if pages == BEGIN {
            self.begun = true;
            self.bytes.clear();
            return true;
        }
        let Some(byte) = pages.checked_sub(FIRST_BYTE).and_then(|byte| u8::try_from(byte).ok()) else {
            return false;
        };
        if self.begun && self.bytes.len() < MESSAGE_BYTES {
            self.bytes.push(byte);
        }
        self.begun
    }

    /// The message, if one came, without control characters.
    pub(crate) fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_the_begin_and_bytes_the_text_is_what_they_spell() {
        let mut message = PanicMessage::default();
        assert!(message.takes(BEGIN * PAGE_BYTES));
        for byte in "größer\n".bytes() {
            assert!(message.takes((FIRST_BYTE + usize::from(byte)) * PAGE_BYTES));
        }
        assert_eq!(message.text().as_deref(), Some("größer"));
    }

    #[test]
    fn an_ordinary_request_for_memory_is_no_message() {
        let mut message = PanicMessage::default();
        assert!(!message.takes(17 * PAGE_BYTES));
        assert!(!message.takes((FIRST_BYTE + 65) * PAGE_BYTES));
        assert_eq!(message.text(), None);
    }

    #[test]
    fn a_message_without_end_keeps_a_bounded_part() {
        let mut message = PanicMessage::default();
        message.takes(BEGIN * PAGE_BYTES);
        for _ in 0..2 * MESSAGE_BYTES {
            message.takes((FIRST_BYTE + 65) * PAGE_BYTES);
        }
        assert_eq!(message.text().unwrap().len(), MESSAGE_BYTES);
    }
}
