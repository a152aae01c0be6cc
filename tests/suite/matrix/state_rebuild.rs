//! What becomes of a state after a fault (X43): taken over, checked, rebuilt from the remotes.

use std::fs;

use rusqlite::Connection;
use serde_json::json;

use super::state::{PAGE, SIDECAR, SYNC, first_run, kept, known, replace_state, settled};
use crate::support::invariants::grounds;
use crate::support::{DB, Sandbox, keys};

/// The fixture's backup in parts.
const SPLIT: &str = "storage_backup_20250130_030000.tar.gz";

/// Where a table begins in the file.
fn page_of(sandbox: &Sandbox, table: &str) -> usize {
    let state = Connection::open(sandbox.state()).unwrap();
    let sql = "SELECT rootpage FROM sqlite_master WHERE name = ?1";
    let root: usize = state
        .query_row(sql, [table], |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    (root - 1) * PAGE
}

#[test]
fn x43_the_remotes_tell_again_what_the_state_knew() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        sandbox.write("alone.db", "nothing speaks for this one");
        ground.call(&["sync", "acme-corp", "-q"]).run().code(0);
        let alone = ["sync", "acme-corp", "alone.db", "-q"];
        ground.call(&alone).run().code(0);
        let (mut before, stored) = (known(&*ground), ground.stored());
        replace_state(sandbox, b"no database");
        let run = ground.call(&["state", "rebuild", "acme-corp", "--json"]);
        let run = run.run().code(0).stderr_has("was damaged: it is now");
        let told = run.json();
        // Of parts the clouds know the hashes, and of the whole nobody does without reading it.
        let unproven: &[&str] = match provider {
            "local" => &["alone.db"],
            _ => &["alone.db", SPLIT],
        };
        assert_eq!(
            (&told["success"], &told["summary"]["unproven"]),
            (&json!(true), &json!(unproven.len())),
            "{provider}: {told}"
        );
        assert_eq!(ground.stored(), stored, "{provider}");
        // The one that nothing speaks for is there, and not verified.
        for newest in before["newest"].as_array_mut().unwrap() {
            if newest[0] == "alone.db" {
                newest[1] = json!(false);
            }
        }
        assert_eq!(known(&*ground), before, "{provider}");
        let check = sandbox.json(0, ["state", "check"]);
        assert_eq!(check["sets"], before["sets"], "{provider}");
        let runs = sandbox.json(0, ["history"]);
        assert_eq!(runs["runs"][0]["operation"], "state rebuild", "{provider}");

        let files = ground.call(&["files", "acme-corp", "--json"]).run().json();
        for file in files["files"].as_array().unwrap() {
            let is_verified = file["verified_at"].is_string();
            let name = file["name"].as_str().unwrap();
            let is_unproven = unproven.contains(&name);
            assert_eq!(is_verified, !is_unproven, "{provider}: {file}");
        }
        // What was not proven is now, from what lies here; and nothing is sent for that.
        ground.call(&["sync", "acme-corp", "-q"]).run().code(0);
        assert_eq!(ground.stored(), stored, "{provider}");
        let sync = ground.call(&["sync", "acme-corp"]).run().code(0);
        assert!(
            sync.stdout
                .contains("Nothing to do: no remote lacks a backup"),
            "{provider}: {}",
            sync.stdout
        );
        let sync = ground.call(&[&alone[..3], &["--json"]].concat()).run();
        assert_eq!(sync.code(0).json()["skipped"], true, "{provider}");
        assert_eq!(ground.stored(), stored, "{provider}");
        // Retention keeps the newest that is verified, as before.
        for words in [
            &["retention", "set", "--default", "--keep-last", "1"][..],
            &["prune", "acme-corp", "--yes"],
        ] {
            ground.call(&[words, &["-q"]].concat()).run().code(0);
        }
        let left = ground.call(&["files", "acme-corp", "--json"]).run().json();
        let left = left["files"].as_array().unwrap();
        assert!(left.iter().any(|file| file["name"] == DB), "{provider}");
    }
}

#[test]
fn x43_a_rebuild_proves_what_verify_would_and_no_more() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        ground.call(&SYNC).run().code(0);
        let words = ["state", "rebuild", "acme-corp", "romashka", "--json"];
        assert_eq!(ground.call(&words).run().code, 5, "{provider}");
        ground
            .call(&["state", "rebuild", "nobody"])
            .run()
            .code(4)
            .stdout("");
        ground.call(&["state", "rebuild"]).run().code(2);
        let rebuild = ["state", "rebuild", "acme-corp", "--json"];
        let told = ground.call(&rebuild).run().code(0).json();
        let named = ["success", "message", "results", "count"];
        assert_eq!(keys(&told)[..4], named, "{provider}");
        assert_eq!(told["results"][0]["result"], "ok", "{provider}");
        // The sidecar on the remote says something else: the copy is not what it should be.
        replace_state(sandbox, b"");
        let lies = fs::read_to_string(sandbox.file("backups/database").join(SIDECAR)).unwrap();
        let lies = lies.replace("a4eeb5ce", "00000000");
        if provider == "local" {
            fs::write(sandbox.remote("acme-corp").join(SIDECAR), lies).unwrap();
            let told = ground.call(&rebuild).run().code(7).json();
            assert_eq!(told["results"][0]["result"], "differs");
            assert_eq!(known(&*ground)["newest"], json!([[DB, false]]));
        }
    }
}

#[test]
fn x43_a_check_finds_what_does_not_fit() {
    let sandbox = kept();
    let sound = sandbox.json(0, ["state", "check"]);
    assert_eq!(
        (&sound["state"], &sound["problems"]),
        (&json!("ok"), &json!([]))
    );
    assert_eq!(sound["version"], sound["current_version"]);
    let state = Connection::open(sandbox.state()).unwrap();
    state
        .execute("DELETE FROM objects WHERE name = ?1", [DB])
        .unwrap();
    let told = sandbox.json(7, ["state", "check"]);
    assert_eq!(told["state"], "inconsistent");
    assert!(told["problems"].to_string().contains(DB), "{told}");
    sandbox.run(["state", "rebuild", "acme-corp", "-q"]).code(0);
    sandbox.run(["state", "check"]).code(0).stderr("");
    state
        .execute_batch(
            "DROP TRIGGER history_keeps_values; UPDATE history SET detail = 'x' WHERE seq = 2",
        )
        .unwrap();
    let told = sandbox.json(7, ["state", "check"]);
    assert_eq!(told["state"], "broken");
}

#[test]
fn x43_what_is_whole_of_a_damaged_state_is_taken_over() {
    let sandbox = kept();
    let before = known(&sandbox);
    let page = {
        settled(&sandbox);
        page_of(&sandbox, "history")
    };
    let mut torn = settled(&sandbox);
    torn[page..page + PAGE].fill(0xff);
    replace_state(&sandbox, &torn);
    sandbox
        .run(["state", "rebuild", "acme-corp", "--quiet"])
        .code(12);
    sandbox
        .run(["sync", "acme-corp"])
        .code(0)
        .stdout_has("Nothing to do: no remote lacks a backup");
    assert_eq!(known(&sandbox), before);
    let first = first_run(&sandbox);
    let detail = first["detail"].as_str().unwrap();
    let kept = "taken over: known files, known backups, unfinished uploads, unfinished downloads, \
                storages, pins, retention policies; lost: history.";
    assert!(detail.contains(kept), "{detail}");
    let prune = sandbox.json(0, ["prune", "acme-corp", "--dry-run"]);
    let plan = prune["plan"].as_array().unwrap();
    let pinned = plan.iter().find(|planned| planned["name"] == DB).unwrap();
    assert!(pinned["reasons"].to_string().contains("pinned"), "{pinned}");
}
