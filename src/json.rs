//! JSON that others wrote, read within bounds.
//!
//! `serde_json` builds whatever it is given, and a few bytes of text can stand for a
//! hundred in memory. So the shape of a text is looked at before any of it is built.

use serde::Deserialize;
use serde_json::Value;

/// How deeply a document may be nested: ten times as deeply as any that is asked for.
pub const MAX_DEPTH: usize = 64;

/// How many values a document may have that is kept as a whole.
const MAX_VALUES: usize = 64 * 1024;

/// Reads a document into a type that says what is kept of it; `None` where it is none of that.
pub fn read<'text, T: Deserialize<'text>>(text: &'text [u8]) -> Option<T> {
    if !is_shallow(text) {
        return None;
    }
    serde_json::from_slice(text).ok()
}

/// Reads a document as a whole; `None` where it is none, or not one of a few thousand values.
pub fn tree(text: &[u8]) -> Option<Value> {
    is_modest(text).then(|| read(text))?
}

/// Whether a text may be kept as a whole: no deeper and of no more values than any that is asked for.
pub fn is_modest(text: &[u8]) -> bool {
    let shape = Shape::of(text);
    shape.depth <= MAX_DEPTH && shape.values <= MAX_VALUES
}

/// Whether a text is nested no more deeply than [`MAX_DEPTH`].
pub fn is_shallow(text: &[u8]) -> bool {
    Shape::of(text).depth <= MAX_DEPTH
}

/// What a text would become, as far as its punctuation tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shape {
    depth: usize,
    values: usize,
}

impl Shape {
    fn of(text: &[u8]) -> Self {
        let mut shape = Shape {
            depth: 0,
            values: 1,
        };
        let (mut open, mut in_string, mut is_escaped) = (0_usize, false, false);
        for byte in text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_string => is_escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'[' | b'{' => {
                    open += 1;
                    shape.depth = shape.depth.max(open);
                    shape.values += 1;
                }
                b']' | b'}' => open = open.saturating_sub(1),
                b',' => shape.values += 1,
                _ => {}
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_string_has_no_shape() {
        let text = br#"{"a": "[[[,,\"[[", "b": [1, [2, 3]], "\\": {}}"#;
        assert_eq!(Shape::of(text).depth, 3);
        assert_eq!(tree(text).unwrap()["b"][1][0], 2);
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_not_built() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(tree(nested(MAX_DEPTH).as_bytes()).is_some());
        assert!(tree(nested(MAX_DEPTH + 1).as_bytes()).is_none());
        assert!(read::<serde::de::IgnoredAny>(nested(MAX_DEPTH + 1).as_bytes()).is_none());
        let many = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert!(tree(many(1000).as_bytes()).is_some());
        assert!(tree(many(MAX_VALUES).as_bytes()).is_none());
    }
}
