//! Files of the Disk in our words.

use super::api::Resource;
use super::refusal::astray;
use crate::hash::{Md5, Sha256};
use crate::name::is_temporary;
use crate::provider::error::Result;
use crate::provider::{Object, ObjectKind, Session};

/// A resource in our words.
pub(super) fn object(resource: Resource, doing: &str) -> Result<Object> {
    let bad = |what: &str| astray(format!("it tells of a file without {what} ({doing})"));
    let name = resource.name.ok_or_else(|| bad("a name"))?;
    let kind = match resource.kind.as_deref() {
        Some("file") if is_temporary(&name) => ObjectKind::Temporary,
        Some("file") => ObjectKind::File,
        Some(_) => ObjectKind::Other,
        None => return Err(bad("a kind")),
    };
    let size = match (kind, resource.size) {
        (ObjectKind::Other, size) => size.unwrap_or(0),
        (_, Some(size)) => size,
        (_, None) => return Err(bad("a size")),
    };
    // What is no digest is none: it may still be on its way.
    let sha256: Option<Sha256> = resource.sha256.and_then(|text| text.parse().ok());
    let md5: Option<Md5> = resource.md5.and_then(|text| text.parse().ok());
    let version = match (&sha256, &md5, resource.revision) {
        (Some(sha256), _, _) => sha256.to_string(),
        (None, Some(md5), _) => md5.to_string(),
        (None, None, revision) => format!("revision {}", revision.unwrap_or(0)),
    };
    Ok(Object {
        name,
        kind,
        size,
        modified: resource.modified,
        sha256,
        md5,
        version: format!("{size}:{version}"),
    })
}

/// Whether nothing more is to be waited for: it is whole, and its SHA-256 is known.
pub(super) fn is_final(object: &Object, session: &Session) -> bool {
    object.kind != ObjectKind::Other && object.size == session.size && object.sha256.is_some()
}

/// Whether what has the final name is what was staged. Of what had no hash, and was read
/// back instead, the size must do.
pub(super) fn is_same(there: &Object, staged: &Object) -> bool {
    let same_hash = match (there.sha256, staged.sha256) {
        (Some(there), Some(staged)) => there == staged,
        (_, None) if staged.md5.is_none() => true,
        _ => staged.md5.is_some() && there.md5 == staged.md5,
    };
    there.kind != ObjectKind::Other && there.size == staged.size && same_hash
}
