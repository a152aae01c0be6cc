//! What the sources themselves must keep to: text that becomes a command (S11), what is
//! linked (S15), and a fuzz target for each property.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::layering::{code, sources};
use crate::support::drive::Drive;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(file: &str) -> String {
    let path = root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What goes into the text of a statement and is no constant by its form.
const JUSTIFIED: [(&str, &str); 11] = [
    // `?1, ?2, …`, as many as there are columns.
    ("chain", ""),
    // The two that an old database lacks, from a list of constants.
    ("company", "column"),
    // Columns, or NULL for those that are missing; conditions of constants and `?1`.
    ("company", ""),
    // `id` or `name`: what calls it gives a text that stands in the sources.
    ("company", "key"),
    // `page_count` and `page_size`.
    ("create/database", "pragma"),
    // One of two conditions that stand below it.
    ("history/entry", "condition"),
    // The steps of the schema, which are files of ours, and their number.
    ("state", ""),
    // A number of ours; tables by names that stand in the sources; as many `?` as columns.
    ("state/check", "most"),
    ("state/check", "table"),
    ("state/repair", "table"),
    ("state/repair", "places"),
];

/// The first text in quotes, without what is before and behind it.
fn literal(code: &str) -> &str {
    let Some(start) = code.find('"') else {
        return "";
    };
    let text = &code[start + 1..];
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    &text[..end.unwrap_or(text.len())]
}

/// The names in braces.
fn places(text: &str) -> Vec<&str> {
    let inner = text.split('{').skip(1);
    inner
        .filter_map(|place| Some(place.split_once('}')?.0))
        .collect()
}

/// The sources, but for what only tests are made of.
fn shipped_sources() -> impl Iterator<Item = (String, String)> {
    let sources = sources().into_iter();
    sources.filter(|(name, _)| !name.contains("properties") && !name.ends_with("tests"))
}

fn is_sql(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_uppercase());
    let verbs = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "PRAGMA", "ALTER", "WHERE", "FROM", "ORDER",
    ];
    words.any(|word| verbs.contains(&word))
}

#[test]
fn s11_sql_is_put_together_from_constants_alone() {
    let mut found = 0;
    let mut used: BTreeSet<&(&str, &str)> = BTreeSet::new();
    for (name, text) in shipped_sources() {
        let code = code(&text).collect::<Vec<_>>().join("\n");
        for (start, _) in code.match_indices("format!(") {
            let statement = literal(&code[start..]);
            if !is_sql(statement) {
                continue;
            }
            found += 1;
            for place in places(statement) {
                let is_constant = |c: char| c.is_ascii_uppercase() || c == '_';
                let is_constant = !place.is_empty() && place.chars().all(is_constant);
                let justified = JUSTIFIED
                    .iter()
                    .find(|known| **known == (name.as_str(), place));
                used.extend(justified);
                assert!(
                    is_constant || justified.is_some(),
                    "{name} puts {{{place}}} into a statement: {statement}"
                );
            }
        }
        // Nor by hand.
        let by_hand = |line: &&str| {
            let adds = ["push_str(", ".concat()", "+ &", "+= "]
                .iter()
                .any(|way| line.contains(way));
            adds && is_sql(literal(line)) && line.contains('"')
        };
        assert_eq!(code.lines().find(by_hand), None, "{name}");
    }
    assert!(
        found > 10,
        "only {found} statements were found: are they written in another way now?"
    );
    assert_eq!(
        used.len(),
        JUSTIFIED.len(),
        "justified, and not there any more"
    );
}

#[test]
fn s11_searches_of_the_drive_are_written_in_one_place() {
    let drive = |(name, _): &(String, String)| name.starts_with("provider/google_drive");
    for (name, text) in shipped_sources().filter(drive) {
        let is_the_place = name == "provider/google_drive/query";
        for line in code(&text) {
            let is_search = [" in parents", "name = '", "mimeType =", "trashed ="].iter();
            let is_search = is_search.filter(|word| line.contains(**word)).count() > 0;
            assert!(
                !is_search || is_the_place || !line.contains('"'),
                "{name}: {line}"
            );
            if line.contains("(\"q\",") {
                assert!(line.contains("query.as_str()"), "{name}: {line}");
            }
        }
    }
}

#[test]
fn s11_no_shell_is_run() {
    let starts = |line: &str| {
        ["Command::new(", "process::Command"]
            .iter()
            .any(|word| line.contains(word))
    };
    for (name, text) in sources() {
        for line in code(&text) {
            // The command that gives a secret, by its words.
            let may = name == "credential/command";
            assert!(!starts(line) || may, "{name}: {line}");
            for shell in ["/bin/sh", "\"sh\"", "\"-c\"", "\"bash\""] {
                assert!(!line.contains(shell), "{name}: {line}");
            }
        }
    }
}

/// Names of the signs that mean something in a search, in any order.
fn names(count: usize) -> Vec<String> {
    let signs = [
        "'", "\\", "\"", "(", ")", "=", " ", "and", "or", "not", "trashed", "é", "🌼", "%", "{",
        "}",
    ];
    let mut state = 7_usize;
    let mut name = || {
        let mut name = String::new();
        for _ in 0..9 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            name += signs[(state >> 33) % signs.len()];
        }
        format!("{name}.db")
    };
    let mut names: Vec<String> = (0..count).map(|_| name()).collect();
    // The service does not tell names apart by case or blanks; these differ in more than that.
    names.sort();
    names.dedup();
    names
}

/// The parser of the fake refuses what the service would; what is asked for is found, and
/// nothing else is.
#[test]
fn s11_names_in_searches_of_the_drive_are_data() {
    let drive = Drive::unassigned();
    let directory = r"/it's\ or trashed = true/' and name != '/\\'";
    drive.assign("acme-corp", &["--remote-path", directory]);
    let parts: Vec<&str> = directory.split('/').skip(1).collect();
    let folder = drive.fake.make_folders(&parts);
    // With one file a page, a name is searched for by name.
    drive.fake.page_size(1);
    let names = names(40);
    for name in &names {
        drive.fake.put_file(&folder, name, name.as_bytes());
    }
    drive.fake.put_file(&folder, "kept.db", b"x");
    let delete = ["delete", "acme-corp", "--yes", "--permanent"];
    let words = delete.into_iter().chain(names.iter().map(String::as_str));
    let outcome = drive.call(words).run().code(0);
    assert_eq!(drive.fake.names(&parts), ["kept.db"], "{}", outcome.stdout);
}

/// Each property has its fuzz target, its seeds, and its place in the project of the targets.
#[test]
fn s14_each_property_has_its_fuzz_target() {
    let text = text_of("src/properties.rs");
    let table = text
        .split_once("= [\n")
        .unwrap()
        .1
        .split_once("];")
        .unwrap()
        .0;
    let properties: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(properties.len() >= 20, "{properties:?}");
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().path());
        names
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    let expected: BTreeSet<String> = properties.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed("fuzz/fuzz_targets"), expected);
    assert_eq!(listed("fuzz/seeds"), expected);
    let project = text_of("fuzz/Cargo.toml");
    for name in &properties {
        let target = text_of(&format!("fuzz/fuzz_targets/{name}.rs"));
        let call = format!("vertex_backup::properties::{name}(bytes)");
        assert!(target.contains(&call), "{name}: {target}");
        assert!(
            project.contains(&format!("name = \"{name}\"")),
            "{name} is not in fuzz/Cargo.toml"
        );
    }
    let targets = project.matches("[[bin]]").count();
    assert_eq!(targets, properties.len(), "targets in fuzz/Cargo.toml");
}

/// A package of `Cargo.lock`.
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

fn locked() -> Vec<Locked> {
    let text = text_of("Cargo.lock");
    let packages = text.split("[[package]]").skip(1).map(|package| {
        let value = |key: &str| {
            let line = package
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{key} = ")))?;
            Some(line.trim_matches('"').to_owned())
        };
        Locked {
            name: value("name").unwrap(),
            version: value("version").unwrap(),
            source: value("source"),
        }
    });
    packages.collect()
}

#[test]
fn s15_one_tls_stack_one_cryptography_and_one_registry() {
    let packages = locked();
    for package in &packages {
        let Locked {
            name,
            version,
            source,
        } = package;
        for banned in [
            "openssl",
            "openssl-sys",
            "native-tls",
            "aws-lc-rs",
            "aws-lc-sys",
            "boring",
            "mbedtls",
            "hyper-tls",
        ] {
            assert_ne!(name, banned);
        }
        let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
        match source {
            Some(source) => assert_eq!(source, crates_io, "{name} {version}"),
            None => assert_eq!(name, "vertex-backup"),
        }
    }
    for one in [
        "rustls",
        "ring",
        "rustls-webpki",
        "ureq",
        "rusqlite",
        "libsqlite3-sys",
        "serde_json",
    ] {
        let versions: Vec<_> = packages
            .iter()
            .filter(|package| package.name == one)
            .collect();
        assert_eq!(
            versions.len(),
            1,
            "{one} is there more than once, or not at all"
        );
    }
}

/// What cargo itself says of the packages, without a network; the lock file must be as it would be.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "Cargo.lock is not up to date: {said}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Those that are linked into the command, or run to build it; not what only tests use, nor
/// what is for other systems alone.
fn shipped(metadata: &Value) -> Vec<Value> {
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let mut waiting = vec![metadata["resolve"]["root"].as_str().unwrap()];
    let mut met = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !met.insert(id) {
            continue;
        }
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let is_shipped = |kind: &Value| {
                let target = kind["target"].as_str().unwrap_or("unix");
                let elsewhere = [
                    "windows", "wasm", "macos", "apple", "android", "hermit", "wasi", "ios",
                    "redox",
                ];
                kind["kind"] != "dev"
                    && (target.contains("not(")
                        || !elsewhere.iter().any(|system| target.contains(system)))
            };
            if kinds.iter().any(is_shipped) {
                waiting.push(dependency["pkg"].as_str().unwrap());
            }
        }
    }
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| met.contains(package["id"].as_str().unwrap()))
        .cloned()
        .collect()
}

/// `1.89` as numbers.
fn version(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = text
        .split('.')
        .map(|number| number.parse().unwrap())
        .collect();
    numbers.resize(3, 0);
    numbers
}

#[test]
fn s15_what_is_linked_may_be_and_builds_with_the_oldest_compiler() {
    let metadata = metadata();
    let allowed: BTreeSet<String> = allowed_licences();
    let ours = metadata["packages"].as_array().unwrap().iter();
    let ours = ours
        .clone()
        .find(|package| package["name"] == "vertex-backup")
        .unwrap()
        .clone();
    let msrv = version(ours["rust_version"].as_str().unwrap());
    let shipped = shipped(&metadata);
    assert!(shipped.len() > 50, "{}", shipped.len());
    for package in &shipped {
        let name = package["name"].as_str().unwrap();
        let needs = package["rust_version"].as_str().map(version);
        assert!(
            needs.as_ref() <= Some(&msrv),
            "{name} needs Rust {needs:?}, we say {msrv:?}"
        );
        let licence = package["license"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no licence"));
        let is_allowed = |one: &str| allowed.contains(one.trim().trim_matches(['(', ')']));
        // One of what is offered, and all of what is demanded.
        let offers = licence.replace('/', " OR ");
        let fits = offers
            .split(" AND ")
            .all(|part| part.split(" OR ").any(is_allowed));
        let exception = format!("crate = \"{name}\", allow = [\"{licence}\"]");
        let is_exempt = text_of("deny.toml").contains(&exception);
        assert!(fits || is_exempt, "{name}: {licence} is not in deny.toml");
    }
}

/// The list in `deny.toml`, so that both agree.
fn allowed_licences() -> BTreeSet<String> {
    let text = text_of("deny.toml");
    let list = text
        .split_once("\nallow = [")
        .unwrap()
        .1
        .split_once(']')
        .unwrap()
        .0;
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn s15_no_unsafe_code_and_no_newer_compiler_than_we_say() {
    let manifest = text_of("Cargo.toml");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for (name, text) in sources() {
        let allows =
            |line: &str| line.contains("allow(unsafe_code") || line.contains("incompatible_msrv");
        assert!(!code(&text).any(allows), "{name}");
    }
    // The lint that knows since when the standard library has what.
    assert!(manifest.contains("incompatible_msrv = \"deny\""));
    let ignored = text_of(".gitignore");
    assert!(!ignored.contains("Cargo.lock"));
    for path in ["deny.toml", "Cargo.lock", "fuzz/Cargo.lock"] {
        assert!(PathBuf::from(root()).join(path).is_file(), "{path}");
    }
}
