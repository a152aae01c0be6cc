//! The sidecar of a file on the remote.

use std::io::Read as _;

use crate::backup::{MAX_SIDECAR_BYTES, Sidecar, sidecar_name};
use crate::failure::{Code, Failure};
use crate::installation::Remote;
use crate::name::FileName;
use crate::provider::ObjectKind;
use crate::text::system_reason;

/// A remote sidecar: its name, its bytes and what they say.
pub type RemoteSidecar = (FileName, Vec<u8>, Sidecar);

/// The sidecar of a remote file, unless it names another file that is there.
///
/// # Errors
/// As the provider fails.
pub fn sidecar_of(remote: &Remote, name: &FileName) -> anyhow::Result<Option<RemoteSidecar>> {
    let beside = sidecar_name(name.as_str()).and_then(|name| FileName::new(&name).ok());
    let Some(beside) = beside else {
        return Ok(None);
    };
    let provider = &remote.provider;
    let found = provider.stat(&beside).map_err(Failure::from)?;
    let found =
        found.filter(|object| object.kind == ObjectKind::File && object.size <= MAX_SIDECAR_BYTES);
    let Some(object) = found else { return Ok(None) };
    let mut text = Vec::new();
    let read = provider
        .read(&object, 0)
        .map_err(Failure::from)?
        .read_to_end(&mut text);
    read.map_err(|error| {
        let detail = format!(
            "cannot read '{beside}' on {}: {}",
            remote.place.provider,
            system_reason(&error)
        );
        Failure::new(Code::LocalIo, detail)
    })?;
    let Some(sidecar) = Sidecar::parse(&text) else {
        return Ok(None);
    };
    let other = sidecar
        .of_file
        .as_deref()
        .filter(|of_file| *of_file != name.as_str());
    let other = other.and_then(|of_file| FileName::new(of_file).ok());
    let is_theirs = match other {
        Some(other) => provider.stat(&other).map_err(Failure::from)?.is_some(),
        None => false,
    };
    Ok((!is_theirs).then_some((beside, text, sidecar)))
}
