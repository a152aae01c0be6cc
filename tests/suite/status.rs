//! What `status` tells of each company, in tables, JSON and metrics.

use rusqlite::{Connection, params};
use serde_json::json;

use crate::support::{DB, STORAGE, Sandbox};

#[test]
fn the_newest_of_each_type_and_the_whole_sets_are_counted() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp"]).code(0);
    let status = sandbox.json(0, ["status", "acme-corp", "--no-check"]);
    let company = &status["companies"][0];
    assert_eq!(company["sets"], json!(6));
    // The parts of a split backup are one, and a full backup's bytes are its halves'.
    assert_eq!(
        company["bytes"],
        json!(294_912 * 2 + 120_932 + 120_934 + 2_672_381 + 997)
    );
    let newest = company["newest"].as_array().unwrap();
    let names: Vec<_> = newest
        .iter()
        .map(|newest| newest["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, [DB, "full_backup_20250131_040000.json", STORAGE]);
    assert!(
        newest
            .iter()
            .all(|newest| newest["verified_at"].is_string())
    );
    assert_eq!(status["summary"]["by_provider"], json!({"local": 1}));
}

#[test]
fn a_backup_verified_again_is_no_newer_backup() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp"]).code(0);
    let state = rusqlite::Connection::open(sandbox.state()).unwrap();
    let old = "2026-01-01T00:00:00.000000Z";
    state
        .execute("UPDATE sets SET stored_at = ?1", params![old])
        .unwrap();
    let status = sandbox.json(9, ["status", "acme-corp", "--no-check", "--max-age", "26h"]);
    let company = &status["companies"][0];
    assert_eq!(
        (&company["health"], &company["last_backup"]),
        (&json!("stale"), &json!("2026-01-01T00:00:00Z"))
    );
}

#[test]
fn what_an_older_version_recorded_counts_by_whole_backups() {
    let sandbox = Sandbox::assigned();
    let state = Connection::open(sandbox.file("older.db")).unwrap();
    state
        .execute_batch(include_str!("../../src/state.sql"))
        .unwrap();
    state.pragma_update(None, "user_version", 1).unwrap();
    let insert = "INSERT INTO objects VALUES ('acme-corp', 'local', '/vertex-ar/acme-corp/backups', ?1, 5, '00', 'v',
        NULL, ?2, '2025-02-01T00:00:00Z', '2025-02-01T00:00:00Z')";
    for (name, is_sidecar) in [
        (DB, false),
        ("db_backup_20250131_040000.json", true),
        ("storage_backup_20250130_030000.tar.part001.gz", false),
        ("storage_backup_20250130_030000.tar.part100.gz", false),
    ] {
        state.execute(insert, params![name, is_sidecar]).unwrap();
    }
    drop(state);
    let words = ["status", "acme-corp", "--no-check", "--json"];
    let run = sandbox.command(words);
    let status = run
        .env("VERTEX_BACKUP_STATE", sandbox.file("older.db"))
        .run()
        .code(0)
        .json();
    let company = &status["companies"][0];
    assert_eq!(
        (&company["sets"], &company["bytes"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(company["newest"][0]["name"], json!(DB));
}

#[test]
fn metrics_are_prometheus_text() {
    let sandbox = Sandbox::assigned();
    sandbox
        .sql()
        .execute(
            "INSERT INTO companies (id, name) VALUES ('odd\"id\\', 'Odd')",
            [],
        )
        .unwrap();
    sandbox
        .run(["sync", "acme-corp", &format!("backups/database/{DB}")])
        .code(0);
    let text = sandbox.run(["status", "--metrics"]).code(0).stdout;
    let line = |start: &str| {
        text.lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start} in {text}"))
    };
    let acme = r#"{company="acme-corp",provider="local""#;
    assert_eq!(
        line(&format!("vertex_backup_sets{acme}")),
        format!("vertex_backup_sets{acme}}} 1")
    );
    assert_eq!(
        line(&format!("vertex_backup_size_bytes{acme}")),
        format!("vertex_backup_size_bytes{acme}}} 294912")
    );
    line(&format!(
        r#"vertex_backup_company_health{acme},health="ok"}} 1"#
    ));
    line(&format!(
        r#"vertex_backup_newest_timestamp_seconds{acme},type="database"}} 1738"#
    ));
    line(r#"vertex_backup_company_configured{company="odd\"id\\"} 0"#);
    line(r#"vertex_backup_provider_connected{provider="local"} 1"#);
    line(r#"vertex_backup_companies{provider="local"} 1"#);
    // Each metric is told of once, before all of its samples.
    let mut seen = Vec::new();
    for line in text.lines() {
        let name = line
            .split([' ', '{'])
            .find(|word| word.starts_with("vertex_"))
            .unwrap();
        if seen.last() != Some(&name) {
            assert!(!seen.contains(&name), "{name} is in two places");
            assert!(line.starts_with("# HELP "), "{line}");
            seen.push(name);
        }
    }
    // As with any status, the exit code tells of what is too old.
    sandbox
        .run(["status", "--metrics", "--max-age", "26h", "globex"])
        .code(9);
    sandbox.run(["status", "--metrics", "--json"]).code(2);
}
