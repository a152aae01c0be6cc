//! The table of the matrix in [`super`]: each number, what it is, and its tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The numbers, and what goes wrong, or what has to hold.
const MATRIX: [(&str, &str); 63] = [
    ("N01", "connection reset at any byte of an upload, once"),
    ("N02", "connection reset for ever"),
    ("N03", "a stall in mid-body, or after the last byte"),
    ("N04", "5xx once or for ever, in any dress"),
    ("N05", "429 with any `Retry-After`"),
    ("N06", "a download cut short, also without a length"),
    ("N07", "lengths that do not agree"),
    (
        "N08",
        "odd answers to `Range`, an object replaced meanwhile",
    ),
    ("N09", "an encoding on the way"),
    ("N10", "redirects of all kinds"),
    ("N11", "TLS and captive portals"),
    ("N12", "names and addresses that lead nowhere"),
    ("N13", "proxies; endless headers and errors"),
    ("N14", "clocks that are wrong"),
    ("P15", "hashes that differ, lie, are late or absent"),
    ("P16", "no room, known before or found out"),
    ("P17", "credentials that end at any moment"),
    ("P18", "upload sessions lost, going back, standing still"),
    ("P19", "twins, and others' objects under our names"),
    (
        "P20",
        "work that the service goes on with: done, failed, never done",
    ),
    ("P21", "listings that lag, repeat, never end or break off"),
    ("P22", "answers lost after the work was done"),
    ("P23", "locks, parents that vanish, two who make one folder"),
    ("P24", "hostile answers"),
    ("L25", "a disk that is full, fails or lies at any step"),
    ("L26", "targets that cannot be written"),
    ("L27", "a source that changes while it is read"),
    ("L28", "a source that vanishes"),
    ("L29", "what is no regular file"),
    ("L30", "sizes at every limit"),
    ("L31", "names of every kind"),
    ("L32", "names and paths of every length"),
    ("L33", "poor file systems; a root that is not mounted"),
    ("L34", "live databases"),
    ("X35", "killed at any step of an upload"),
    (
        "X36",
        "killed at any step of a download, join or restore test",
    ),
    ("X37", "signals at any moment, a stop and a sleep"),
    ("X38", "many runs at once, killed holders, cleaned locks"),
    ("X39", "the application holds its database"),
    ("X40", "odd schemas and odd cells"),
    ("X41", "what is no database"),
    ("X42", "a database that may not be written"),
    (
        "X43",
        "the state missing, damaged, newer, locked, without room",
    ),
    ("X44", "the provider file in every condition"),
    ("X45", "standard streams closed or full"),
    (
        "X46",
        "poor surroundings: no home, few files, little memory",
    ),
    ("X47", "commands that are to print a secret"),
    ("X48", "remote directories that are one by another name"),
    ("S1", "no secret anywhere"),
    ("S2", "parsers quote no value"),
    ("S3", "credentials go to their service alone"),
    ("S4", "files are private and replaced as a whole"),
    ("S5", "secrets in memory"),
    ("S6", "credentials at rest"),
    ("S7", "TLS cannot be switched off"),
    ("S8", "nothing is written outside its destination"),
    ("S9", "nothing reaches a terminal raw"),
    ("S10", "companies are apart"),
    ("S11", "no injection"),
    ("S12", "the history is a chain"),
    ("S13", "who did it"),
    ("S14", "all input is bounded"),
    ("S15", "the supply chain"),
];

/// The number that a test's name begins with, such as `N07` of `n07_a_length_that_lies`.
fn number_of(test: &str) -> Option<&'static str> {
    let (begin, _) = test.split_once('_')?;
    let mut numbers = MATRIX.iter().map(|(number, _)| *number);
    numbers.find(|number| number.to_lowercase() == begin)
}

/// Every test of a source file, by name.
fn tests_in(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut tests = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("fn ")
            && std::mem::take(&mut is_test)
        {
            tests.push(rest.split('(').next().unwrap().to_owned());
        }
    }
    tests
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The table as the tests' names make it.
fn table() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests/suite"), &mut files);
    files.sort();
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for path in files {
        let place = path.strip_prefix(root).unwrap().display().to_string();
        let place = place.trim_start_matches("tests/suite/");
        for test in tests_in(&path) {
            if let Some(number) = number_of(&test) {
                let tests = found.entry(number).or_default();
                tests.push(format!("`{place}` {test}"));
            }
        }
    }
    let mut table = String::from("//! | | what goes wrong | tests |\n//! |---|---|---|\n");
    for (number, gist) in MATRIX {
        let tests = found.remove(number).unwrap_or_default();
        assert!(!tests.is_empty(), "{number} ({gist}) has no test");
        let row = [number, gist, &tests.join(", ")].join(" | ");
        table.extend(["//! | ", &row, " |\n"]);
    }
    table
}

#[test]
fn the_table_names_the_tests_of_every_number() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/matrix/mod.rs");
    let text = fs::read_to_string(&path).unwrap();
    let table = table();
    let mut stands = String::new();
    for row in text.lines().filter(|line| line.starts_with("//! |")) {
        stands.extend([row, "\n"]);
    }
    if std::env::var_os("VERTEX_BACKUP_REGENERATE").is_some() {
        fs::write(&path, text.replace(&stands, &table)).unwrap();
        return;
    }
    assert!(
        stands == table,
        "the table is stale: VERTEX_BACKUP_REGENERATE=1 cargo test the_table_names_the_tests"
    );
}
