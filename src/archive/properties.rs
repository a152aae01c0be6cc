//! What holds of archives that came back from a remote, whatever is in them.

use std::io::Read as _;
use std::path::Component;

use super::pax::Told;
use super::{Compression, read_through};

/// No archive of these tests unpacks to more.
const MOST: u64 = 1024 * 1024;

/// An archive in any compression: it is whole and stays in its folder, or it is an error.
pub(crate) fn tar(bytes: &[u8]) {
    for compression in Compression::ALL {
        let Ok(decoder) = compression.decoder(bytes) else {
            continue;
        };
        // A few bytes may stand for gigabytes: that takes time, and is of no interest here.
        let mut unpacked = Vec::new();
        let _ = decoder.take(MOST).read_to_end(&mut unpacked);
        let mut read = 0;
        let found = read_through("x.tar", &*unpacked, Some(Compression::None), |count| {
            read += count;
            Ok(())
        });
        let Ok(contents) = found else { continue };
        assert_eq!(read, unpacked.len() as u64, "not all of it was read");
        assert!(contents.files + contents.links <= contents.entries);
        assert!(contents.entries <= read / 512);
        stays_inside(&unpacked);
    }
}

/// Another reader of the same archive finds no name in it that leads out, either.
fn stays_inside(archive: &[u8]) {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().into_iter().flatten().flatten() {
        let Ok(path) = entry.path() else { continue };
        let leads_out = |part| matches!(part, Component::ParentDir | Component::RootDir);
        assert!(!path.components().any(leads_out), "{}", path.display());
    }
}

/// The records before an entry: each says one thing, or is an error.
pub(crate) fn records(bytes: &[u8]) {
    let (mut told, mut twice) = (Told::default(), Told::default());
    let read = told.pax(bytes);
    assert_eq!(twice.pax(bytes), read);
    if read.is_ok() {
        assert_eq!(twice.pax(bytes), Ok(()), "it contradicts itself");
    }
    let longest = told.path.iter().chain(&told.link).map(Vec::len).max();
    assert!(longest <= Some(bytes.len()));
    let _ = Told::default().gnu_path(bytes);
    let _ = Told::default().gnu_link(bytes);
}
