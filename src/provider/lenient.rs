//! Reading of answers what nothing depends on, however it is written, and lists only as long
//! as they were asked for.
//!
//! Nothing is built of what is not wanted: an answer of a few megabytes may hold millions of values.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// More than a page has that was asked for a thousand.
pub(super) const MANY: usize = 10_000;

/// More than anything of which there is mostly one.
const FEW: usize = 64;

/// What nothing depends on may be written in any way: a file whose date cannot be read is there.
pub(super) fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    value: D,
) -> std::result::Result<Option<T>, D::Error> {
    let value = <&RawValue>::deserialize(value)?;
    Ok(serde_json::from_str(value.get()).ok())
}

/// As [`readable`], where there is something to be taken instead.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    value: D,
) -> std::result::Result<T, D::Error> {
    Ok(readable(value)?.unwrap_or_default())
}

/// A text, or a number or word as it is written; nothing else says anything.
pub(super) fn scalar<'de, D: Deserializer<'de>>(
    value: D,
) -> std::result::Result<Option<String>, D::Error> {
    let text = <&RawValue>::deserialize(value)?.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).ok(),
        Some(b'[' | b'{') | None => None,
        _ if text == "null" => None,
        _ => Some(text.to_owned()),
    })
}

/// A list that is no longer than [`MANY`]: whoever sends more was not asked for it.
pub(super) fn many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    list: D,
) -> std::result::Result<Vec<T>, D::Error> {
    list.deserialize_seq(UpTo(MANY, PhantomData))
}

/// A list of some names; one that is none, or too long, says nothing.
pub(super) fn few<'de, D: Deserializer<'de>>(
    list: D,
) -> std::result::Result<Vec<String>, D::Error> {
    let list = <&RawValue>::deserialize(list)?;
    let mut list = serde_json::Deserializer::from_str(list.get());
    Ok(list
        .deserialize_seq(UpTo(FEW, PhantomData))
        .unwrap_or_default())
}

/// Takes a list up to a length.
struct UpTo<T>(usize, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for UpTo<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {}", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Vec<T>, A::Error> {
        let mut taken = Vec::new();
        while let Some(value) = list.next_element()? {
            if taken.len() == self.0 {
                return Err(A::Error::invalid_length(taken.len() + 1, &self));
            }
            taken.push(value);
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Answer {
        #[serde(default, deserialize_with = "readable")]
        count: Option<u64>,
        #[serde(default, deserialize_with = "scalar")]
        uid: Option<String>,
        #[serde(default, deserialize_with = "few")]
        parents: Vec<String>,
        #[serde(default, deserialize_with = "many")]
        files: Vec<u8>,
    }

    fn read(text: &str) -> serde_json::Result<Answer> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_is_written_otherwise_says_nothing() {
        let found = read(r#"{"count": "3", "uid": [1], "parents": 7}"#).unwrap();
        assert_eq!(
            (found.count, found.uid, found.parents),
            (None, None, vec![])
        );
        for (uid, read_as) in [("12", "12"), (r#""a\n""#, "a\n"), ("1e3", "1e3")] {
            let found = read(&format!(r#"{{"uid": {uid}}}"#)).unwrap();
            assert_eq!(found.uid.as_deref(), Some(read_as));
        }
    }

    #[test]
    fn a_list_has_an_end() {
        let list = |key: &str, what: &str, count: usize| {
            read(&format!("{{\"{key}\": [{}]}}", vec![what; count].join(",")))
        };
        assert_eq!(list("files", "1", MANY).unwrap().files.len(), MANY);
        assert!(list("files", "1", MANY + 1).is_err());
        assert_eq!(list("parents", "\"a\"", FEW).unwrap().parents.len(), FEW);
        assert!(
            list("parents", "\"a\"", FEW + 1)
                .unwrap()
                .parents
                .is_empty()
        );
    }
}
