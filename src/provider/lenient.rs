//! Reading of answers what nothing depends on, however it is written.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// What nothing depends on may be written in any way: a file whose date cannot be read is there.
pub(super) fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    value: D,
) -> std::result::Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(serde_json::from_value(value).ok())
}

/// As [`readable`], where there is something to be taken instead.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    value: D,
) -> std::result::Result<T, D::Error> {
    Ok(readable(value)?.unwrap_or_default())
}
