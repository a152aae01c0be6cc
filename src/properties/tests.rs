//! Each property with a few hundred inputs: what is there, and what becomes of it when
//! somebody turns a bit, cuts it off, puts two together, nests it or counts too far.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::ALL;

/// Seeds lie beside the fuzz targets: a folder for each property.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds
}

/// One thing that somebody does to a text.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Splice(Index, Index, Index),
    Repeat(Index, u16),
    Put(Index, &'static [u8]),
    Digits(u8),
    Nest(u16),
    Noise(Index, Vec<u8>),
}

/// What stands where nobody expects it.
const ODD: [&[u8]; 18] = [
    b"\0",
    b"\"",
    b"\\",
    b"\n",
    b"\x1b]52;c;eA==\x07",
    b"\xc2\x9b31m",
    "\u{202e}".as_bytes(),
    b"\xff\xfe",
    b"../",
    b"-1",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775808",
    b"1e400",
    b"null",
    b"[]",
    b"{}",
    b",,",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, bits)| Change::Flip(at, bits)),
        at().prop_map(Change::Cut),
        (at(), at(), at()).prop_map(|(other, from, to)| Change::Splice(other, from, to)),
        (at(), 2..200_u16).prop_map(|(at, times)| Change::Repeat(at, times)),
        (at(), prop::sample::select(&ODD[..])).prop_map(|(at, odd)| Change::Put(at, odd)),
        (0..ODD.len()).prop_map(|odd| Change::Digits(u8::try_from(odd).unwrap())),
        (1..300_u16).prop_map(Change::Nest),
        (at(), prop::collection::vec(any::<u8>(), 1..24))
            .prop_map(|(at, noise)| Change::Noise(at, noise)),
    ]
}

impl Change {
    fn apply(&self, mut text: Vec<u8>, seeds: &[Vec<u8>]) -> Vec<u8> {
        let place = |at: &Index, text: &[u8]| at.index(text.len() + 1);
        match self {
            Change::Flip(at, bits) if !text.is_empty() => {
                let at = at.index(text.len());
                text[at] ^= bits;
            }
            Change::Flip(..) => {}
            Change::Cut(at) => text.truncate(place(at, &text)),
            Change::Splice(other, from, to) => {
                let other = &seeds[other.index(seeds.len())];
                text.truncate(place(to, &text));
                text.extend_from_slice(&other[place(from, other)..]);
            }
            Change::Repeat(at, times) => {
                let at = place(at, &text);
                let end = text.len().min(at + 24);
                let piece = text[at..end].repeat(usize::from(*times));
                text.splice(at..end, piece);
            }
            Change::Put(at, odd) => {
                let at = place(at, &text);
                text.splice(at..at, odd.iter().copied());
            }
            Change::Digits(odd) => {
                // The first number becomes another.
                let odd = ODD[usize::from(*odd)];
                if let Some(start) = text.iter().position(u8::is_ascii_digit) {
                    let rest = text[start..].iter();
                    let count = rest.take_while(|byte| byte.is_ascii_digit()).count();
                    text.splice(start..start + count, odd.iter().copied());
                }
            }
            Change::Nest(depth) => {
                let depth = usize::from(*depth);
                text = [b"[".repeat(depth), text, b"]".repeat(depth)].concat();
            }
            Change::Noise(at, noise) => {
                let at = place(at, &text);
                text.splice(at..at, noise.iter().copied());
            }
        }
        text
    }
}

/// The same few hundred inputs for each property every time; `PROPTEST_CASES` asks for another
/// number, and for other inputs.
fn runner() -> TestRunner {
    let usual = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return TestRunner::new(usual);
    }
    let config = Config {
        cases: 200,
        ..usual
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Whatever becomes of what is there, nothing that reads it breaks.
fn holds(name: &str) {
    let (_, property) = ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds(name);
    for seed in &seeds {
        property(seed);
        // Cut at every length, or at a few hundred of them.
        for length in (0..seed.len()).step_by(seed.len() / 200 + 1) {
            property(&seed[..length]);
        }
    }
    for bomb in ["[", "{\"a\":", "[{\"a\":"] {
        property(bomb.repeat(20_000).as_bytes());
    }
    let input = (any::<Index>(), prop::collection::vec(change(), 1..6));
    let tested = runner().run(&input, |(seed, changes)| {
        let seed = seeds[seed.index(seeds.len())].clone();
        let change = |text, change: &Change| change.apply(text, &seeds);
        property(&changes.iter().fold(seed, change));
        Ok(())
    });
    if let Err(why) = tested {
        panic!("{why}");
    }
}

/// A test for each property, of its name.
macro_rules! tested {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            holds(stringify!($name));
        })*

        #[test]
        fn none_is_left_out() {
            assert_eq!([$(stringify!($name)),*], ALL.map(|(name, _)| name));
        }
    };
}

tested! {
    addresses config_file drive_answers drive_query durations headers key_file listing manifest
    names oauth_answers pax provider_file remote_paths sidecar state_file state_rows tar terminal
    yandex_answers
}
