//! Which files are one backup, and what is said where something is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::sidecar::Manifest;
use proptest::prelude::*;

fn sidecar(of_file: &str, size: u64, parts: &[&str]) -> Sidecar {
    Sidecar {
        of_file: Some(of_file.into()),
        size: Some(size),
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
        ..Sidecar::default()
    }
}

/// Groups names of ten bytes each.
fn sets(names: &[&str], facts: &[(&str, Facts)]) -> Vec<Set> {
    let listing = names.iter().map(|name| ((*name).to_owned(), 10));
    let learn = |name: &str, _| -> Result<Learnt, ()> {
        let known = facts.iter().find(|(of, _)| *of == name);
        Ok(known.map_or(Learnt::Neither("other".into()), |(_, facts)| {
            Learnt::Facts(facts.clone())
        }))
    };
    group(listing, learn).unwrap()
}

fn split(names: &[&str], size: u64, parts: &[&str]) -> Set {
    let facts = [(
        "x.tar.part001.json",
        Facts::Sidecar(sidecar("x.tar.gz", size, parts)),
    )];
    let found = sets(names, &facts);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

const PARTS: [&str; 3] = ["x.tar.part001.gz", "x.tar.part002.gz", "x.tar.part003.gz"];
const JSON: &str = "x.tar.part001.json";

#[test]
fn a_file_and_its_sidecar_are_one() {
    let facts = [("x.json", Facts::Sidecar(sidecar("x.db", 10, &[])))];
    let found = sets(&["x.db", "x.json", "y.db"], &facts);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(Set::is_complete));
    assert_eq!(find(&found, "x.json").unwrap().name, "x.db");
    assert!(find(&found, "y.db").unwrap().json.is_none());
}

#[test]
fn parts_are_ordered_by_number_and_counted_by_the_sidecar() {
    let mixed = [PARTS[2], PARTS[0], PARTS[1]];
    let set = split(&[PARTS[1], PARTS[2], JSON, PARTS[0]], 30, &mixed);
    assert_eq!(set.name, "x.tar.gz");
    let names: Vec<_> = set.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((names.as_slice(), set.is_complete()), (&PARTS[..], true));
    assert_eq!(set.own_size(), 30);
}

#[test]
fn what_is_missing_is_said() {
    let set = split(&[PARTS[0], PARTS[2], JSON], 30, &PARTS);
    assert_eq!(in_words(&set.problems), "part002 missing");
    let set = split(&[PARTS[0], PARTS[2], JSON], 20, &[PARTS[0], PARTS[2]]);
    assert_eq!(in_words(&set.problems), "part002 missing");
    let found = sets(&[PARTS[0], PARTS[2]], &[]);
    assert_eq!(
        in_words(&found[0].problems),
        "part002 missing, sidecar missing"
    );
    let set = split(&[PARTS[0], PARTS[1], PARTS[2], JSON], 31, &PARTS);
    assert_eq!(
        in_words(&set.problems),
        "size differs: 30 bytes, the sidecar says 31"
    );
    let set = split(
        &[PARTS[0], PARTS[1], JSON],
        20,
        &[PARTS[0], PARTS[1], PARTS[1]],
    );
    assert_eq!(
        in_words(&set.problems),
        "the sidecar lists x.tar.part002.gz twice"
    );
    let facts = [("x.json", Facts::Sidecar(sidecar("x.db", 10, &[])))];
    assert_eq!(
        in_words(&sets(&["x.json"], &facts)[0].problems),
        "x.db missing"
    );
}

#[test]
fn a_sidecar_claims_no_other_backups_files() {
    let listed = [PARTS[0], "y.db", "passwd", ".."];
    let facts = [(JSON, Facts::Sidecar(sidecar("x.tar.gz", 10, &listed)))];
    let found = sets(&[PARTS[0], JSON, "y.db"], &facts);
    let set = find(&found, "x.tar.gz").unwrap();
    assert_eq!(
        in_words(&set.problems),
        "the sidecar lists y.db, which is no part of this backup, passwd missing, .. missing"
    );
    assert!(find(&found, "y.db").unwrap().is_complete());
    // One that speaks of another file is still the one beside it: its checksum decides.
    let facts = [("x.json", Facts::Sidecar(sidecar("y.db", 10, &[])))];
    let found = sets(&["x.db", "x.json", "y.db"], &facts);
    assert!(find(&found, "x.db").unwrap().json.is_some());
    assert!(find(&found, "y.db").unwrap().json.is_none());
    // Beside nothing, it is nobody's.
    let facts = [("z.json", Facts::Sidecar(sidecar("y.db", 10, &[])))];
    assert!(
        !find(&sets(&["z.json", "y.db"], &facts), "z.json")
            .unwrap()
            .recognised
    );
}

#[test]
fn what_cannot_be_read_is_not_taken_for_nothing() {
    let learn = |_: &str, _| -> Result<Learnt, ()> { Ok(Learnt::Unreadable("read error".into())) };
    let names = ["x.db", "x.json", "full_backup_1.json", "notes.json"];
    let found = group(names.map(|name| (name.to_owned(), 10)), learn).unwrap();
    let words = |name| in_words(&find(&found, name).unwrap().problems);
    assert_eq!(words("x.db"), "x.json cannot be read: read error");
    assert_eq!(
        words("full_backup_1.json"),
        "full_backup_1.json cannot be read: read error"
    );
    assert!(!find(&found, "notes.json").unwrap().recognised);
}

#[test]
fn a_thousand_parts_keep_their_order() {
    let names: Vec<String> = (1..=1100).map(|n| format!("x.tar.part{n:03}.gz")).collect();
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    let parts = all.clone();
    all.push(JSON);
    let set = split(&all, 11_000, &parts);
    assert!(set.is_complete());
    assert_eq!(set.files[1099].name, "x.tar.part1100.gz");
}

#[test]
fn joined_parts_leave_no_second_set() {
    let facts = [
        (JSON, Facts::Sidecar(sidecar("x.tar.gz", 10, &PARTS))),
        ("x.tar.json", Facts::Sidecar(sidecar("x.tar.gz", 10, &[]))),
    ];
    let found = sets(&["x.tar.gz", "x.tar.json", JSON], &facts);
    assert_eq!(found.iter().filter(|set| set.recognised).count(), 1);
    // With the parts still there, both are sets, under names of their own.
    let found = sets(&["x.tar.gz", "x.tar.json", JSON, PARTS[0]], &facts);
    assert_eq!(
        found.iter().filter(|set| set.recognised).count(),
        2,
        "{found:?}"
    );
    assert!(find(&found, "x.tar.gz").unwrap().is_complete());
}

#[test]
fn a_full_backup_is_its_manifest_and_two_others() {
    let half = |name| Some(sidecar(name, 10, &[]));
    let manifest = |storage| {
        Facts::Manifest(Manifest {
            database: half("d.db"),
            storage,
        })
    };
    let facts = [("f.json", manifest(half("s.tar.gz")))];
    let found = sets(&["d.db", "f.json", "s.tar.gz"], &facts);
    let full = find(&found, "f.json").unwrap();
    assert!(full.is_full() && full.is_complete());
    assert_eq!(
        (found.len(), full.halves.as_slice()),
        (3, &["d.db".to_owned(), "s.tar.gz".into()][..])
    );
    let found = sets(&["f.json", "s.tar.gz"], &facts);
    assert_eq!(
        in_words(&find(&found, "f.json").unwrap().problems),
        "d.db missing"
    );
    let found = sets(&["d.db", "f.json"], &[("f.json", manifest(None))]);
    let full = find(&found, "f.json").unwrap();
    assert_eq!(
        in_words(&full.problems),
        "the manifest has no storage backup"
    );
}

fn a_name() -> impl Strategy<Value = String> {
    let stem = prop_oneof![
        Just("x"),
        Just("db_backup_1"),
        Just("storage_backup_1"),
        Just("notes")
    ];
    let end = prop_oneof![
        Just(".db".to_owned()),
        Just(".json".into()),
        Just(".tar.gz".into()),
        Just(".tar.json".into()),
        Just(".tar.part001.json".into()),
        (0u32..5).prop_map(|n| format!(".tar.part{n:03}.gz")),
    ];
    (stem, end).prop_map(|(stem, end)| format!("{stem}{end}"))
}

proptest! {
    #[test]
    fn every_order_gives_the_same_sets_and_each_file_one_place(
        listing in prop::collection::vec((a_name(), 0u64..100), 0..12).prop_shuffle(),
        listed in prop::collection::vec(a_name(), 0..4),
        of_file in a_name(),
    ) {
        let unique: BTreeMap<String, u64> = listing.into_iter().collect();
        let learn = |_: &str, _| -> Result<Learnt, ()> {
            let parts = listed.clone();
            let of_file = Some(of_file.clone());
            Ok(Learnt::Facts(Facts::Sidecar(Sidecar { of_file, parts, size: Some(50), ..Sidecar::default() })))
        };
        let sorted = group(unique.clone(), learn).unwrap();
        let turned = group(unique.clone().into_iter().rev(), learn).unwrap();
        prop_assert_eq!(&sorted, &turned);
        let mut seen = BTreeSet::new();
        for member in sorted.iter().flat_map(Set::members) {
            prop_assert!(unique.contains_key(&member.name), "{} is not listed", member.name);
            prop_assert!(seen.insert(member.name.clone()), "{} is in two sets", member.name);
        }
        prop_assert_eq!(seen.len(), unique.len());
        let names: BTreeSet<_> = sorted.iter().map(|set| &set.name).collect();
        prop_assert_eq!(names.len(), sorted.len());
    }
}
