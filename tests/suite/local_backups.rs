//! The backups on this machine: `backup list`, `backup verify`, `backup rotate`.

use std::fs;

use serde_json::json;

use crate::support::{DB, STORAGE, Sandbox};

const FULL: &str = "full_backup_20250131_040000.json";
const SPLIT: &str = "storage_backup_20250130_030000.tar.gz";
const PART: &str = "storage_backup_20250130_030000.tar.part002.gz";

#[test]
fn whole_backups_are_listed_newest_first() {
    let sandbox = Sandbox::new();
    sandbox.write("backups/storage/notes.txt", "not a backup");
    let list = sandbox.json(0, ["backup", "list"]);
    let backups = list["backups"].as_array().unwrap();
    let names: Vec<_> = backups
        .iter()
        .map(|backup| backup["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!(names[0], FULL);
    let split = backups
        .iter()
        .find(|backup| backup["name"] == SPLIT)
        .unwrap();
    assert_eq!(split["parts"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&split["complete"], &split["size"]),
        (&json!(true), &json!(2_672_381))
    );
    let only = sandbox.json(0, ["backup", "list", "--type", "database"]);
    assert_eq!(only["count"], json!(2));
    fs::remove_file(sandbox.file("backups/storage").join(PART)).unwrap();
    let table = sandbox.run(["backup", "list"]).code(0).stdout;
    assert!(table.contains("part002 missing"), "{table}");
    sandbox
        .run(["backup", "list", "--backup-dir", "nowhere"])
        .code(4);
    sandbox.run(["backup", "list", "--type", "some"]).code(2);
}

#[test]
fn each_backup_is_compared_with_its_sidecar() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "backups/database/db_backup_20240101_000000.db",
        "no sidecar",
    );
    let verified = sandbox.json(0, ["backup", "verify"]);
    let of = |document: &serde_json::Value, name: &str| {
        let results = document["results"].as_array().unwrap().clone();
        results
            .into_iter()
            .find(|result| result["name"] == name)
            .unwrap()
    };
    assert_eq!(of(&verified, SPLIT)["result"], json!("ok"));
    assert_eq!(
        of(&verified, "db_backup_20240101_000000.db")["result"],
        json!("unproven")
    );

    // One other byte in a part of the same size.
    let part = sandbox.file("backups/storage").join(PART);
    let whole = fs::read(&part).unwrap();
    let mut bytes = whole.clone();
    bytes[1000] ^= 1;
    fs::write(&part, &bytes).unwrap();
    let verified = sandbox.json(7, ["backup", "verify"]);
    let split = of(&verified, SPLIT);
    assert_eq!(
        (&split["result"], &split["problems"]),
        (&json!("differs"), &json!(["checksum differs"]))
    );
    assert_eq!(verified["failed"], json!(1));
    // Any of its files stands for it.
    let one = sandbox.json(7, ["backup", "verify", part.to_str().unwrap()]);
    assert_eq!(
        (&one["count"], &one["results"][0]["name"]),
        (&json!(1), &json!(SPLIT))
    );
    fs::write(&part, &whole[..whole.len() - 1]).unwrap();
    let one = sandbox.json(7, ["backup", "verify", part.to_str().unwrap()]);
    assert_eq!(one["results"][0]["result"], json!("differs"));
    fs::remove_file(&part).unwrap();
    let one = sandbox.json(7, ["backup", "verify", "--type", "storage"]);
    assert_eq!(of(&one, SPLIT)["result"], json!("incomplete"));

    // A full backup is as good as its halves.
    let half = sandbox.file("backups/database").join(DB);
    let mut bytes = fs::read(&half).unwrap();
    bytes[5000] ^= 1;
    fs::write(&half, bytes).unwrap();
    let full = sandbox.json(7, ["backup", "verify", &format!("backups/full/{FULL}")]);
    assert_eq!(
        full["results"][0]["problems"],
        json!([format!("{DB}: checksum differs")])
    );
    sandbox.json(4, ["backup", "verify", "backups/database/none.db"]);
}

#[test]
fn what_is_no_sidecar_proves_nothing() {
    let sandbox = Sandbox::new();
    let beside = sandbox.file("backups/storage/storage_backup_20250131_040000.tar.json");
    let another = fs::read(sandbox.file("backups/storage/storage_backup_20250129_030000.tar.json"));
    for (text, problem) in [
        (
            b"{broken".to_vec(),
            "the JSON file beside it is not its sidecar",
        ),
        (
            another.unwrap(),
            "size differs: 120934 bytes, the sidecar says 120932",
        ),
    ] {
        fs::write(&beside, text).unwrap();
        let path = format!("backups/storage/{STORAGE}");
        let verified = sandbox.json(7, ["backup", "verify", &path]);
        assert_eq!(verified["results"][0]["problems"], json!([problem]));
    }
}

#[test]
fn a_folder_without_backups_is_told_so() {
    let sandbox = Sandbox::new();
    sandbox.without_backups();
    for (command, told) in [
        ("verify", "0 backups compared with their sidecars\n"),
        ("rotate", "Nothing to remove, 0 backups kept\n"),
    ] {
        sandbox.run(["backup", command]).code(0).stdout(told);
    }
    sandbox
        .run(["backup", "verify", "none.db"])
        .code(4)
        .stdout("1 backup compared with their sidecars: 1 failed\n");
}

#[test]
fn rotation_removes_whole_backups_and_keeps_what_full_ones_need() {
    let sandbox = Sandbox::new();
    let before = Sandbox::files_below(&sandbox.file("backups"));
    let plan = sandbox.json(0, ["backup", "rotate", "--keep-last", "1", "--dry-run"]);
    assert_eq!(Sandbox::files_below(&sandbox.file("backups")), before);
    let removed: Vec<_> = plan["plan"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["action"] == "remove")
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        removed,
        [
            SPLIT,
            "storage_backup_20250129_030000.tar.gz",
            "db_backup_20250129_020000.db"
        ]
    );
    // Nobody can be asked.
    sandbox
        .run(["backup", "rotate", "--keep-last", "1"])
        .code(10);
    assert_eq!(Sandbox::files_below(&sandbox.file("backups")), before);
    let done = sandbox.json(0, ["backup", "rotate", "--keep-last", "1", "--yes"]);
    assert_eq!((&done["removed"], &done["kept"]), (&json!(3), &json!(3)));
    let left = Sandbox::files_below(&sandbox.file("backups"));
    assert!(
        left.iter().all(|name| name.contains("20250131_040000")),
        "{left:?}"
    );
    assert_eq!(left.len(), 5);
    let runs = sandbox.json(0, ["history"]);
    assert_eq!(runs["runs"][0]["operation"], json!("backup rotate"));
    // The history names each.
    let told = sandbox.run(["history"]).code(0).stdout;
    for name in removed {
        assert!(told.contains(&name), "{told}");
    }
    assert_eq!(
        sandbox.json(0, ["backup", "rotate", "--yes"])["removed"],
        json!(0)
    );
    sandbox
        .run(["backup", "rotate", "--keep-last", "0"])
        .code(2);
}

#[test]
fn rotation_keeps_what_is_not_whole_or_from_the_future_out_of_the_count() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "backups/database/db_backup_20990101_000000.db",
        "from the future",
    );
    fs::remove_file(sandbox.file("backups/storage").join(PART)).unwrap();
    let plan = sandbox.json(0, ["backup", "rotate", "--keep-last", "1", "--dry-run"]);
    let action = |name: &str| {
        let rows = plan["plan"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap()["action"].clone()
    };
    assert_eq!(action("db_backup_20990101_000000.db"), json!("keep"));
    assert_eq!(action(DB), json!("keep"));
    assert_eq!(action("db_backup_20250129_020000.db"), json!("remove"));
}
