//! Retention as operators live with it: policies, plans, prunes and pins.

use std::fs;
use std::os::unix::fs::symlink;

use jiff::Zoned;
use serde_json::{Value, json};
use vertex_backup::failure::{Code, Failure};
use vertex_backup::hash::Sha256;
use vertex_backup::installation::{Installation, Remote};
use vertex_backup::lock::{Lock, Locks};
use vertex_backup::name::FileName;
use vertex_backup::provider::error::{Error, Kind, Result as Answer};
use vertex_backup::provider::{Deletion, Provider};
use vertex_backup::prune::{Fate, Plan, Pruned, carry_out, plan, rules};
use vertex_backup::settings::{Flags, Settings, Surroundings};
use vertex_backup::state::State;

use crate::support::forward::forward;
use crate::support::{Sandbox, keys};

/// Made-up database backups of these days of January 2025, on acme's remote.
fn stored(days: &[u32]) -> Sandbox {
    let sandbox = Sandbox::assigned();
    for day in days {
        let path = sandbox.write(
            &format!("backups/database/{}", db(*day)),
            format!("day {day}"),
        );
        sandbox
            .run(["sync", "acme-corp", path.to_str().unwrap(), "-q"])
            .code(0);
    }
    sandbox
}

fn db(day: u32) -> String {
    format!("db_backup_202501{day:02}_040000.db")
}

/// A sidecar as the application writes it.
fn sidecar(kind: &str, name: &str, content: &[u8], parts: &[String]) -> Value {
    json!({
        "type": kind, "backup_path": format!("/old/backups/{kind}/{name}"), "file_size": content.len(),
        "checksum": Sha256::of(content).to_string(), "split_files": parts,
    })
}

/// Stores a full backup of a day: a database, a storage in two parts, and the manifest.
fn store_full(sandbox: &Sandbox, day: u32) {
    let stamp = format!("202501{day:02}_040000");
    let (database, storage) = (db(day), format!("storage_backup_{stamp}.tar.gz"));
    let content = format!("storage of day {day}");
    let parts = [1, 2].map(|n| format!("storage_backup_{stamp}.tar.part00{n}.gz"));
    let of_db = sidecar("database", &database, b"a database", &[]);
    let of_storage = sidecar("storage", &storage, content.as_bytes(), &parts);
    sandbox.write(&format!("backups/database/{database}"), "a database");
    let json = database.replace(".db", ".json");
    sandbox.write(&format!("backups/database/{json}"), of_db.to_string());
    let (first, second) = content.split_at(5);
    for (part, content) in parts.iter().zip([first, second]) {
        sandbox.write(&format!("backups/storage/{part}"), content);
    }
    let json = parts[0].replace(".gz", ".json");
    sandbox.write(&format!("backups/storage/{json}"), of_storage.to_string());
    let manifest = json!({ "type": "full", "database": of_db, "storage": of_storage });
    let path = format!("backups/full/full_backup_{stamp}.json");
    let path = sandbox.write(&path, manifest.to_string());
    sandbox
        .run(["sync", "acme-corp", path.to_str().unwrap(), "-q"])
        .code(0);
}

fn on_remote(sandbox: &Sandbox) -> Vec<String> {
    Sandbox::files_below(&sandbox.remote("acme-corp"))
}

fn set(sandbox: &Sandbox, words: &[&str]) {
    sandbox
        .run(["retention", "set"].iter().chain(words).chain(&["-q"]))
        .code(0)
        .stderr("");
}

/// `name action result` of a plan.
fn told(report: &Value) -> Vec<String> {
    let rows = report["plan"].as_array().unwrap().iter();
    rows.map(|row| {
        let result = row["result"].as_str().unwrap_or("-");
        format!(
            "{} {} {result}",
            row["name"].as_str().unwrap(),
            row["action"].as_str().unwrap()
        )
    })
    .collect()
}

#[test]
fn policies_from_set_to_unset() {
    let sandbox = Sandbox::assigned();
    sandbox
        .run(["retention", "list"])
        .code(0)
        .stdout("No retention policies: nothing is ever pruned\n");
    sandbox
        .run([
            "retention",
            "set",
            "--default",
            "--keep-last",
            "7",
            "--keep-monthly",
            "12",
        ])
        .code(0)
        .stdout("Retention of all companies without one of their own: last 7, monthly 12\n");
    set(
        &sandbox,
        &["--default", "--type", "storage", "--keep-last", "2"],
    );
    set(
        &sandbox,
        &[
            "Acme Corporation",
            "--type",
            "database",
            "--keep-within",
            "30d",
        ],
    );
    sandbox
        .run(["retention", "get", "acme-corp"])
        .code(0)
        .stdout(
            "TYPE      KEPT                POLICY OF\n\
         database  within 30d          the company, this type\n\
         storage   last 2              default, this type\n\
         full      last 7, monthly 12  default\n",
        );
    // The company's own, for all types, comes before every default.
    set(&sandbox, &["acme-corp", "--keep-daily", "14"]);
    let report = sandbox.json(0, ["retention", "get", "acme-corp"]);
    let sources: Vec<&Value> = (0..3).map(|at| &report["policies"][at]["source"]).collect();
    assert_eq!(sources, ["company_type", "company", "company"]);
    let policy = &report["policies"][0]["policy"];
    assert_eq!(
        keys(policy),
        [
            "keep_last",
            "keep_within",
            "keep_daily",
            "keep_weekly",
            "keep_monthly"
        ]
    );
    assert_eq!(
        (&policy["keep_within"], &policy["keep_last"]),
        (&json!("30d"), &json!(0))
    );
    assert_eq!(
        sandbox.json(0, ["retention", "get", "--default"])["policies"][2]["source"],
        "default"
    );
    assert_eq!(sandbox.json(0, ["retention", "get", "globex"])["count"], 3);
    assert_eq!(sandbox.json(0, ["retention", "list"])["count"], 4);

    let unset = ["retention", "unset", "acme-corp", "--type", "database"];
    assert_eq!(sandbox.json(0, unset)["skipped"], false);
    assert_eq!(sandbox.json(0, unset)["skipped"], true);
    sandbox
        .run(["retention", "unset", "--default", "-q"])
        .code(0)
        .stdout("");
    let report = sandbox.json(0, ["retention", "get", "globex"]);
    assert_eq!(
        (&report["count"], &report["policies"][0]["policy"]),
        (&json!(1), &Value::Null)
    );
    let runs = sandbox.json(0, ["history", "--limit", "3"]);
    let verdicts: Vec<_> = (0..3)
        .map(|at| (&runs["runs"][at]["operation"], &runs["runs"][at]["verdict"]))
        .collect();
    let unset = json!("retention unset");
    assert_eq!(
        verdicts,
        [
            (&unset, &json!("ok")),
            (&unset, &json!("skipped")),
            (&unset, &json!("ok"))
        ]
    );
}

#[test]
fn a_policy_that_says_nothing_is_refused() {
    let sandbox = Sandbox::assigned();
    let refused: [&[&str]; 6] = [
        &["acme-corp"],
        &["acme-corp", "--keep-last", "0", "--keep-within", "0"],
        &["acme-corp", "--keep-within", "soon"],
        &["acme-corp", "--keep-last", "3", "--type", "everything"],
        &["--keep-last", "3"],
        &["acme-corp", "--default", "--keep-last", "3"],
    ];
    for words in refused {
        let words = ["retention", "set"].iter().chain(words);
        assert_eq!(sandbox.json(2, words)["code"], "usage");
    }
    sandbox
        .run(["retention", "set", "nobody", "--keep-last", "3"])
        .code(4);
    assert_eq!(sandbox.json(0, ["retention", "list"])["count"], 0);
    // Without a database nothing is made beside it.
    let empty = Sandbox::empty();
    empty
        .run([
            "--db",
            "x.db",
            "retention",
            "set",
            "--default",
            "--keep-last",
            "3",
        ])
        .code(4);
    assert!(Sandbox::files_below(&empty.app()).is_empty());
}

#[test]
fn a_prune_shows_its_plan_and_removes_what_it_showed() {
    let sandbox = stored(&[1, 2, 3, 4]);
    let all = on_remote(&sandbox);
    let error = sandbox.json(5, ["prune", "acme-corp", "--yes"]);
    assert_eq!(error["code"], "no_retention_policy");
    set(&sandbox, &["acme-corp", "--keep-last", "2"]);
    sandbox.run(["prune", "globex", "--yes"]).code(5);

    let rows = sandbox.json(0, ["history"])["count"].clone();
    let plan = sandbox.json(0, ["prune", "acme-corp", "--dry-run"]);
    assert_eq!(
        told(&plan),
        [
            format!("{} keep -", db(4)),
            format!("{} keep -", db(3)),
            format!("{} remove -", db(2)),
            format!("{} remove -", db(1)),
        ]
    );
    assert_eq!(
        plan["message"],
        "2 backups would be removed, 2 kept, 10 B freed"
    );
    assert_eq!(
        plan["plan"][0]["reasons"],
        json!(["newest verified database backup", "last 2"])
    );
    assert_eq!(plan["plan"][3]["reasons"], json!(["no rule keeps it"]));
    assert_eq!(sandbox.json(0, ["history"])["count"], rows);

    // Nobody can be asked.
    let refused = sandbox.run(["prune", "acme-corp"]).code(10);
    assert!(
        refused
            .stdout
            .contains("remove  db_backup_20250101_040000.db"),
        "{}",
        refused.stdout
    );
    let error = sandbox.json(10, ["prune", "acme-corp", "--max-delete", "1", "--yes"]);
    assert!(
        error["hint"].as_str().unwrap().contains("--max-delete"),
        "{error}"
    );
    assert_eq!(on_remote(&sandbox), all);

    let report = sandbox.json(0, ["prune", "acme-corp", "--yes", "--max-delete", "2"]);
    let first = [
        "success",
        "message",
        "company_id",
        "company_name",
        "provider",
        "remote_path",
        "plan",
        "removed",
        "kept",
        "freed",
        "dry_run",
    ];
    assert_eq!(keys(&report)[..first.len()], first);
    assert_eq!(
        (&report["removed"], &report["kept"], &report["freed"]),
        (&json!(2), &json!(2), &json!(10))
    );
    assert_eq!(told(&report)[3], format!("{} remove removed", db(1)));
    assert_eq!(on_remote(&sandbox), [db(3), db(4)]);
    let runs = sandbox.json(0, ["history", "--limit", "3"]);
    let run = |at: usize, key: &str| runs["runs"][at][key].clone();
    assert_eq!(
        (run(0, "target"), run(0, "detail")),
        (Value::Null, json!("2 backups removed, 2 kept, 10 B freed"))
    );
    assert_eq!(
        run(1, "target"),
        format!("/vertex-ar/acme-corp/backups/{}", db(2))
    );
    assert_eq!(
        (run(2, "target"), run(2, "detail"), run(2, "bytes")),
        (
            json!(format!("/vertex-ar/acme-corp/backups/{}", db(1))),
            json!("no rule keeps it"),
            json!(5)
        )
    );

    // Nothing is left to do, so nobody need be asked.
    sandbox
        .run(["prune", "acme-corp", "-q"])
        .code(0)
        .stdout("")
        .stderr("");
    let again = sandbox.json(0, ["prune", "acme-corp"]);
    assert_eq!(
        (&again["message"], &again["skipped"]),
        (&json!("Nothing to remove, 2 backups kept"), &json!(true))
    );
    assert_eq!(
        sandbox.json(0, ["status", "acme-corp", "--no-check"])["companies"][0]["sets"],
        2
    );
}

#[test]
fn the_plan_is_a_table_with_its_reasons() {
    let sandbox = stored(&[1, 2]);
    set(&sandbox, &["--default", "--keep-daily", "1"]);
    let table = sandbox
        .run(["prune", "acme-corp", "--dry-run"])
        .code(0)
        .stdout;
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(lines[0], "ACTION NAME TYPE CREATED SIZE REASON");
    assert!(
        lines[1].starts_with("keep db_backup_20250102_040000.db database 2025-01-02 04:00 ("),
        "{table}"
    );
    assert!(
        lines[1].ends_with("ago) 5 B newest verified database backup, daily 2025-01-02"),
        "{table}"
    );
    assert!(
        lines[2].starts_with("remove db_backup_20250101_040000.db database"),
        "{table}"
    );
    assert_eq!(lines[4], "1 backup would be removed, 1 kept, 5 B freed");
}

#[test]
fn sets_are_counted_and_not_their_parts() {
    let sandbox = Sandbox::assigned();
    for day in [1, 2, 3] {
        store_full(&sandbox, day);
    }
    set(
        &sandbox,
        &["acme-corp", "--type", "full", "--keep-last", "1"],
    );
    // A database of the first day stays by its pin, the one of the second goes with its manifest.
    sandbox
        .run(["pin", "acme-corp", "db_backup_20250101_040000.json", "-q"])
        .code(0);
    let report = sandbox.json(0, ["prune", "acme-corp", "--yes"]);
    assert_eq!(report["removed"], 5);
    let storage = "storage_backup_20250103_040000.tar.part00";
    assert_eq!(
        on_remote(&sandbox),
        [
            "db_backup_20250101_040000.db".to_owned(),
            "db_backup_20250101_040000.json".into(),
            "db_backup_20250103_040000.db".into(),
            "db_backup_20250103_040000.json".into(),
            "full_backup_20250103_040000.json".into(),
            format!("{storage}1.gz"),
            format!("{storage}1.json"),
            format!("{storage}2.gz"),
        ]
    );
    // A policy of their own does not part halves from the full backup that stays.
    set(
        &sandbox,
        &["acme-corp", "--type", "database", "--keep-last", "1"],
    );
    sandbox.run(["unpin", "acme-corp", &db(1), "-q"]).code(0);
    let report = sandbox.json(0, ["prune", "acme-corp", "--yes", "--type", "database"]);
    assert_eq!(
        (&report["removed"], &report["kept"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(
        report["plan"][1]["name"],
        "full_backup_20250103_040000.json"
    );
    assert_eq!(
        report["plan"][1]["reasons"],
        json!(["newest verified full backup"])
    );
}

#[test]
fn what_a_prune_left_half_done_is_finished_by_the_next() {
    let sandbox = Sandbox::assigned();
    for day in [1, 2, 3] {
        store_full(&sandbox, day);
    }
    set(&sandbox, &["--default", "--keep-last", "1"]);
    let remote = sandbox.remote("acme-corp");
    // Cut short behind the first sidecar, and once behind a whole half.
    fs::remove_file(remote.join("storage_backup_20250101_040000.tar.part001.json")).unwrap();
    for end in ["db", "json"] {
        fs::remove_file(remote.join(format!("db_backup_20250102_040000.{end}"))).unwrap();
    }
    let report = sandbox.json(0, ["prune", "acme-corp", "--yes"]);
    let why: Vec<&Value> = report["plan"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["action"] == "remove")
        .map(|row| &row["reasons"][0])
        .collect();
    assert!(
        why.contains(&&json!("incomplete: sidecar missing")),
        "{why:?}"
    );
    assert!(
        why.contains(&&json!("incomplete: db_backup_20250102_040000.db missing")),
        "{why:?}"
    );
    assert!(
        on_remote(&sandbox)
            .iter()
            .all(|name| name.contains("20250103")),
        "{:?}",
        on_remote(&sandbox)
    );

    // What is broken and newer than all that is whole may be somebody's only hope.
    fs::remove_file(remote.join("storage_backup_20250103_040000.tar.part002.gz")).unwrap();
    let report = sandbox.json(0, ["prune", "acme-corp", "--yes"]);
    assert_eq!(report["removed"], 0);
}

#[test]
fn n14_others_files_and_the_future_are_left_alone() {
    let sandbox = stored(&[1, 2, 3]);
    let remote = sandbox.remote("acme-corp");
    fs::write(remote.join("notes.txt"), "do not lose").unwrap();
    fs::write(remote.join("settings.json"), "{}").unwrap();
    let future = sandbox.write("db_backup_29990101_040000.db", "made by a wrong clock");
    sandbox
        .run(["sync", "acme-corp", future.to_str().unwrap(), "-q"])
        .code(0);
    set(&sandbox, &["acme-corp", "--keep-last", "1"]);
    let report = sandbox.json(0, ["prune", "acme-corp", "--yes"]);
    assert_eq!(report["plan"][0]["reasons"], json!(["from the future"]));
    assert_eq!(report["plan"].as_array().unwrap().len(), 4);
    let left = [
        db(3),
        "db_backup_29990101_040000.db".into(),
        "notes.txt".into(),
        "settings.json".into(),
    ];
    assert_eq!(on_remote(&sandbox), left);
}

#[test]
fn a_listing_in_doubt_removes_nothing() {
    let sandbox = stored(&[1, 2]);
    set(&sandbox, &["acme-corp", "--keep-last", "1"]);
    let remote = sandbox.remote("acme-corp");
    let aside = sandbox.path().join("aside");
    fs::rename(&remote, &aside).unwrap();
    symlink(&aside, &remote).unwrap();
    assert_eq!(
        sandbox.json(5, ["prune", "acme-corp", "--yes"])["code"],
        "remote_path_conflict"
    );
    assert_eq!(sandbox.json(3, ["prune", "--all", "--yes"])["failed"], 1);
    assert_eq!(Sandbox::files_below(&aside), [db(1), db(2)]);
    let runs = sandbox.json(0, ["history", "--failed"]);
    assert_eq!(runs["runs"][0]["operation"], "prune");
    // An empty folder in the place of the NAS is not what was used before.
    fs::remove_file(&remote).unwrap();
    fs::rename(&aside, &remote).unwrap();
    sandbox.run(["prune", "acme-corp", "--yes", "-q"]).code(0);
    assert_eq!(on_remote(&sandbox), [db(2)]);
}

#[test]
fn all_companies_one_after_another() {
    let sandbox = stored(&[1, 2, 3]);
    for company in ["globex", "widget-inc"] {
        sandbox
            .run(["config", "set", company, "--provider", "local", "-q"])
            .code(0);
        for day in [1, 2] {
            let file = format!("backups/database/{}", db(day));
            sandbox.run(["sync", company, &file, "-q"]).code(0);
        }
    }
    assert_eq!(sandbox.json(0, ["prune", "--all"])["skipped"], 3);
    set(&sandbox, &["acme-corp", "--keep-last", "1"]);
    set(&sandbox, &["globex", "--keep-last", "1"]);
    // Three of two companies are more than two, though neither has more.
    sandbox
        .run(["prune", "--all", "--yes", "--max-delete", "2"])
        .code(10);
    sandbox.run(["prune", "--all"]).code(10);
    assert_eq!(on_remote(&sandbox).len(), 3);

    // One that fails does not stop the others.
    let broken = sandbox.remote("globex");
    fs::rename(&broken, sandbox.path().join("aside")).unwrap();
    symlink(sandbox.path().join("aside"), &broken).unwrap();
    let report = sandbox.json(3, ["prune", "--all", "--yes"]);
    let counts: Vec<&Value> = ["succeeded", "failed", "skipped"]
        .map(|key| &report[key])
        .into();
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!(
        report["message"],
        "2 backups of 1 company removed, 10 B freed, some companies failed"
    );
    assert_eq!(on_remote(&sandbox), [db(3)]);
    let only = sandbox
        .run(["prune", "--all", "--provider", "yandex_disk"])
        .code(0);
    only.stdout("Nothing to remove\n").stderr("");
    let said = sandbox.run(["prune", "--all", "--yes"]).code(3);
    assert!(
        said.stderr
            .contains("note: without a retention policy, left alone: Widget Inc\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_prune_and_a_pin_wait_for_nobody_at_work() {
    let sandbox = stored(&[1, 2]);
    set(&sandbox, &["acme-corp", "--keep-last", "1"]);
    let locks = Locks::beside(&sandbox.state());
    let held = locks
        .acquire("Company 'acme-corp'", "sync", std::time::Duration::ZERO)
        .unwrap();
    assert_eq!(
        sandbox.json(8, ["prune", "acme-corp", "--yes"])["code"],
        "locked"
    );
    assert_eq!(
        sandbox.json(8, ["pin", "acme-corp", &db(1)])["code"],
        "locked"
    );
    // Looking is free.
    assert_eq!(
        sandbox.json(0, ["prune", "acme-corp", "--dry-run"])["removed"],
        1
    );
    drop(held);
    sandbox.run(["prune", "acme-corp", "--yes", "-q"]).code(0);
}

#[test]
fn a_pinned_backup_stays_until_it_is_unpinned() {
    let sandbox = stored(&[1, 2, 3]);
    set(&sandbox, &["acme-corp", "--keep-last", "1"]);
    let path = format!("/vertex-ar/acme-corp/backups/{}", db(1));
    sandbox
        .run(["pin", "acme-corp", &db(1)])
        .code(0)
        .stdout(&format!("Backup pinned: {path}\n"));
    let again = sandbox.json(0, ["pin", "acme-corp", &db(1)]);
    assert_eq!(
        keys(&again),
        [
            "success",
            "message",
            "company_id",
            "company_name",
            "provider",
            "remote_path",
            "pinned",
            "skipped"
        ]
    );
    assert_eq!(
        (&again["pinned"], &again["skipped"]),
        (&json!(true), &json!(true))
    );
    let files = sandbox.run(["files", "acme-corp"]).code(0).stdout;
    assert_eq!(files.matches("yes, pinned").count(), 1, "{files}");
    let report = sandbox.json(0, ["prune", "acme-corp", "--yes"]);
    assert_eq!(report["plan"][2]["reasons"], json!(["pinned"]));
    assert_eq!(on_remote(&sandbox), [db(1), db(3)]);

    // Deleting it is allowed, and asked about by that name.
    let asked = sandbox.run(["delete", "acme-corp", &db(1)]).code(10);
    asked.stderr_has(&format!("Delete '{0}' ('{0}' is pinned)", db(1)));
    sandbox
        .run(["delete", "acme-corp", &db(1), "--yes", "-q"])
        .code(0);
    // A pin outlives its backup; it can still be taken back.
    assert_eq!(
        sandbox.json(0, ["unpin", "acme-corp", &db(1)])["message"],
        "Backup unpinned"
    );
    assert_eq!(
        sandbox.json(4, ["unpin", "acme-corp", &db(1)])["code"],
        "remote_file_not_found"
    );
    assert_eq!(
        sandbox.json(4, ["pin", "acme-corp", &db(1)])["code"],
        "remote_file_not_found"
    );
    let both = sandbox.json(3, ["pin", "acme-corp", &db(3), &db(1)]);
    assert_eq!(
        (&both["succeeded"], &both["failed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        sandbox.json(0, ["unpin", "acme-corp", &db(3)])["pinned"],
        false
    );
    assert_eq!(
        sandbox.json(0, ["unpin", "acme-corp", &db(3)])["skipped"],
        true
    );
}

/// The library at work, for what happens between the plan and the act.
struct Desk {
    remote: Remote,
    state: State,
    lock: Lock,
}

impl Desk {
    fn new(sandbox: &Sandbox) -> Self {
        let flags = Flags {
            db: Some(sandbox.db()),
            ..Flags::default()
        };
        let world = Surroundings {
            variable: &|_| None,
            config_dir: None,
            data_dir: Some(sandbox.path().join("home/.local/share")),
        };
        let installation = Installation::new(Settings::resolve(flags, &world).unwrap());
        let company = installation.companies().find("acme-corp").unwrap();
        let registry = installation.providers().unwrap().registry;
        let state = installation.state().unwrap();
        let remote = installation
            .remote(&registry, &company, Some(&state))
            .unwrap();
        let lock = installation.lock_company(&company, "test").unwrap();
        Desk {
            remote,
            state,
            lock,
        }
    }

    fn plan(&self) -> Plan {
        let rules = rules(Some(&self.state), "acme-corp", None).unwrap();
        plan(&self.remote, Some(&self.state), &rules, &Zoned::now()).unwrap()
    }

    fn carry_out(&mut self, plan: &mut Plan) -> anyhow::Result<Pruned> {
        let rules = rules(Some(&self.state), "acme-corp", None).unwrap();
        let Desk {
            remote,
            state,
            lock,
        } = self;
        carry_out(remote, state, lock, plan, &rules, Deletion::Trash)
    }
}

fn fates(plan: &Plan) -> Vec<Option<Fate>> {
    plan.rows.iter().map(|row| row.result).collect()
}

#[test]
fn what_changes_between_plan_and_act_is_not_removed() {
    let sandbox = stored(&[1, 2, 3, 4, 5]);
    set(&sandbox, &["acme-corp", "--keep-last", "1"]);
    let remote = sandbox.remote("acme-corp");
    let mut desk = Desk::new(&sandbox);
    let mut plan = desk.plan();
    fs::remove_file(remote.join(db(1))).unwrap();
    fs::write(remote.join(db(2)), "another one").unwrap();
    desk.state.pin(&desk.remote.place, &db(3)).unwrap();
    let pruned = desk.carry_out(&mut plan).unwrap();
    let (gone, left, removed) = (
        Some(Fate::AlreadyGone),
        Some(Fate::Left),
        Some(Fate::Removed),
    );
    assert_eq!(fates(&plan), [None, removed, left, left, gone]);
    assert_eq!((pruned.removed, pruned.errors.len()), (1, 0));
    assert_eq!(on_remote(&sandbox), [db(2), db(3), db(5)]);

    // What was not shown is not removed either: it is the next plan's.
    let mut plan = desk.plan();
    desk.state.unpin(&desk.remote.place, &db(3)).unwrap();
    desk.carry_out(&mut plan).unwrap();
    assert_eq!(on_remote(&sandbox), [db(3), db(5)]);
    // A remote that cannot be listed any more loses nothing.
    let mut plan = desk.plan();
    fs::rename(&remote, sandbox.path().join("aside")).unwrap();
    symlink(sandbox.path().join("aside"), &remote).unwrap();
    assert!(desk.carry_out(&mut plan).is_err());
    assert_eq!(fates(&plan), [None, None]);
}

/// A provider that cannot delete one of its files.
struct Stubborn(Box<dyn Provider>, String);

impl Provider for Stubborn {
    forward!(0: kind capabilities check claim quota stat list_page read begin send inspect publish settle discard);

    fn delete(&self, name: &FileName, deletion: Deletion) -> Answer<bool> {
        if name.as_str() == self.1 {
            return Err(Error::new(self.kind(), Kind::Disk(None), "hands off"));
        }
        self.0.delete(name, deletion)
    }
}

#[test]
fn a_set_that_cannot_be_removed_stops_no_other() {
    let sandbox = Sandbox::assigned();
    for day in [1, 2, 3] {
        store_full(&sandbox, day);
    }
    set(&sandbox, &["acme-corp", "--keep-last", "1"]);
    let mut desk = Desk::new(&sandbox);
    let mut plan = desk.plan();
    let inner = desk.remote.provider;
    desk.remote.provider = Box::new(Stubborn(inner, db(1)));
    let pruned = desk.carry_out(&mut plan).unwrap();
    assert_eq!(pruned.removed, 4);
    let [(name, error)] = &pruned.errors[..] else {
        panic!("{:?}", pruned.errors)
    };
    assert_eq!(
        (name, Failure::of(error).unwrap().code()),
        (&db(1), Code::LocalIo)
    );
    // Its manifest waits for it, so that the next prune knows whose half it is.
    let old: Vec<String> = on_remote(&sandbox)
        .into_iter()
        .filter(|name| !name.contains("20250103"))
        .collect();
    assert_eq!(old, [db(1), "full_backup_20250101_040000.json".into()]);
    drop(desk);
    sandbox.run(["prune", "acme-corp", "--yes", "-q"]).code(0);
    assert_eq!(on_remote(&sandbox).len(), 6);
}
