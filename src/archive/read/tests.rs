//! Archives that are whole, cut short, damaged or hostile, and what is said of each.

use std::io::Write as _;

use proptest::prelude::*;
use tar::Builder;

use super::super::Encoder;
use super::*;

const ALL: [Compression; 4] = [
    Compression::None,
    Compression::Gz,
    Compression::Bz2,
    Compression::Xz,
];

fn read(bytes: &[u8], compression: Option<Compression>) -> anyhow::Result<Contents> {
    read_through("x.tar", bytes, compression, |_| Ok(()))
}

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    let error = read(bytes, None).unwrap_err();
    let failure = Failure::of(&error).unwrap();
    assert_eq!(failure.code(), Code::IntegrityFailed, "{failure}");
    failure.to_string()
}

fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

/// An entry as it stands in a tar, whatever it says.
fn entry(kind: EntryType, name: &[u8], link: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut header = header(kind, name, bytes.len() as u64);
    header.set_link_name_literal(link).unwrap();
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend(bytes);
    entry.resize(entry.len().next_multiple_of(BLOCK), 0);
    entry
}

fn tar_of(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = entries.concat();
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(compression, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn small() -> Vec<u8> {
    tar_of(&[
        entry(EntryType::Directory, b"storage/", b"", b""),
        entry(EntryType::Regular, b"storage/a", b"", b"hello"),
        entry(EntryType::Symlink, b"storage/l", b"a", b""),
        entry(EntryType::Link, b"storage/b", b"storage/a", b""),
    ])
}

#[test]
fn a_whole_archive_is_read_whatever_compressed_it() {
    let expected = Contents {
        entries: 4,
        files: 2,
        links: 1,
        bytes: 5,
    };
    for compression in ALL {
        let bytes = compressed(compression, &small());
        let mut seen = 0;
        let told = read_through("x", bytes.as_slice(), Some(compression), |count| {
            seen += count;
            Ok(())
        });
        assert_eq!(told.unwrap(), expected);
        assert_eq!(seen, bytes.len() as u64);
        assert_eq!(read(&bytes, None).unwrap(), expected, "{compression}");
    }
}

#[test]
fn an_archive_of_several_streams_is_one() {
    for compression in &ALL[1..] {
        let (first, second) = (&small()[..700], &small()[700..]);
        let bytes = [first, second].map(|half| compressed(*compression, half));
        assert_eq!(read(&bytes.concat(), None).unwrap().entries, 4);
        // Only zeros follow the end of the tar, but in a stream of their own that is cut short.
        let more = compressed(*compression, &[0; 9000]);
        let cut = [
            compressed(*compression, &small()),
            more[..more.len() - 1].to_vec(),
        ];
        refused(&cut.concat());
    }
}

#[test]
fn cut_short_anywhere_it_is_damaged() {
    for compression in ALL {
        let bytes = compressed(compression, &small());
        for length in 0..bytes.len() {
            let error = read(&bytes[..length], Some(compression)).unwrap_err();
            let code = Failure::of(&error).map(Failure::code);
            assert_eq!(code, Some(Code::IntegrityFailed), "{compression} {length}");
        }
    }
}

#[test]
fn what_follows_the_end_is_damage() {
    let zeros = [small(), vec![0; 9000]].concat();
    assert_eq!(read(&zeros, None).unwrap().entries, 4);
    for compression in ALL {
        for rest in [&b"garbage"[..], &[1; 700]] {
            refused(&[compressed(compression, &small()), rest.to_vec()].concat());
        }
        refused(&compressed(compression, &[small(), small()].concat()));
    }
    let alone = [entry(EntryType::Regular, b"a", b"", b""), vec![0; BLOCK]].concat();
    assert!(refused(&alone).contains("the mark of its end is cut short"));
    assert!(refused(b"no archive at all").contains("cut short"));
    assert!(refused(&[7; 2048]).contains("it is no tar archive"));
    refused(b"");
}

#[test]
fn entries_that_would_escape_are_named() {
    use EntryType as Kind;
    for (kind, name, link) in [
        (Kind::Regular, &b"../x"[..], &b""[..]),
        (Kind::Regular, b"/x", b""),
        (Kind::Directory, b"storage/../../x", b""),
        (Kind::Symlink, b"storage/x", b"/etc/passwd"),
        (Kind::Symlink, b"storage/x", b"../../x"),
        (Kind::Symlink, b"storage/x", b"a/../../../x"),
        (Kind::Link, b"storage/x", b"/etc/passwd"),
        (Kind::Link, b"storage/x", b"../x"),
        (Kind::Char, b"storage/null", b""),
        (Kind::Block, b"storage/sda", b""),
    ] {
        let why = refused(&tar_of(&[entry(kind, name, link, b"")]));
        let shown = String::from_utf8_lossy(name);
        assert!(why.contains(&format!("its entry '{shown}' ")), "{why}");
    }
    let behind = tar_of(&[
        entry(Kind::Symlink, b"storage/d/up", b"../..", b""),
        entry(Kind::Symlink, b"storage/d/up/out", b"../../..", b""),
    ]);
    assert!(refused(&behind).contains("'storage/d/up/out' lies behind a link"));
    let hidden = tar_of(&[entry(Kind::Symlink, b"storage/x", b"a", &[0; 512])]);
    assert!(refused(&hidden).contains("has bytes, which its kind cannot have"));
}

#[test]
fn long_names_are_checked_too() {
    let long = [b"storage/".to_vec(), vec![b'n'; 300]].concat();
    let record = [long, vec![0]].concat();
    let file = entry(EntryType::Regular, b"short", b"", b"x");
    let name = entry(EntryType::GNULongName, b"././@LongLink", b"", &record);
    assert_eq!(read(&tar_of(&[name, file.clone()]), None).unwrap().files, 1);
    let name = entry(EntryType::GNULongName, b"././@LongLink", b"", b"../x\0");
    assert!(refused(&tar_of(&[name, file.clone()])).contains("'../x'"));
    for kind in [EntryType::XHeader, EntryType::XGlobalHeader] {
        let name = entry(kind, b"pax", b"", b"12 path=/etc\n");
        refused(&tar_of(&[name, file.clone()]));
        let name = entry(kind, b"pax", b"", b"13 path=/etc\n");
        let why = refused(&tar_of(&[name, file.clone()]));
        assert!(why.contains("'/etc' has an absolute name"), "{why}");
    }
}

#[test]
fn a_huge_record_is_refused_before_it_is_read() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let header = header(kind, b"x", 1 << 40);
        let endless = header.as_bytes().chain(io::repeat(b'a'));
        let error = read_through("x.tar", endless, None, |_| Ok(())).unwrap_err();
        assert!(
            error.to_string().contains("a name of 1099511627776 bytes"),
            "{error}"
        );
    }
}

#[test]
fn the_readers_own_error_is_no_damage() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }
    for compression in ALL {
        let bytes = compressed(compression, &small());
        let reader = bytes[..bytes.len() / 2].chain(Fails);
        let error = read_through("x", reader, Some(compression), |_| Ok(())).unwrap_err();
        assert_eq!(Failure::of(&error).unwrap().code(), Code::LocalIo);
    }
    let stop = |_| Err(smuggle(Failure::new(Code::Interrupted(2), "stop").into()));
    let error = read_through("x", small().as_slice(), None, stop).unwrap_err();
    assert_eq!(Failure::of(&error).unwrap().code(), Code::Interrupted(2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever one byte is changed to, the reader answers and does not panic.
    #[test]
    fn no_bytes_make_it_panic(at in 0..3000_usize, byte: u8, which in 0..4_usize) {
        let mut bytes = compressed(ALL[which], &small());
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(&bytes, Some(ALL[which]));
        let _ = read(&bytes[at..], None);
    }

    #[test]
    fn what_another_writes_is_read(sizes in proptest::collection::vec(0..3000_usize, 0..6)) {
        let mut builder = Builder::new(Vec::new());
        for (number, size) in sizes.iter().enumerate() {
            let mut header = Header::new_ustar();
            header.set_size(*size as u64);
            header.set_mode(0o644);
            let path = format!("storage/{number}");
            builder.append_data(&mut header, path, vec![1; *size].as_slice()).unwrap();
        }
        let contents = read(&builder.into_inner().unwrap(), None).unwrap();
        prop_assert_eq!(contents.files, sizes.len() as u64);
        prop_assert_eq!(contents.bytes, sizes.iter().sum::<usize>() as u64);
    }
}
