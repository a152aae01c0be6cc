//! The chain of the history (S12): no change of it goes unseen.

use rusqlite::{Connection, params};
use serde_json::{Value, json};
use vertex_backup::hash::Hasher;
use vertex_backup::state::State;

use crate::support::Sandbox;

const ROWS: i64 = 1000;

const COLUMNS: [&str; 16] = [
    "seq",
    "run",
    "at",
    "event",
    "operation",
    "company_id",
    "company_name",
    "provider",
    "target",
    "verdict",
    "code",
    "detail",
    "bytes",
    "actor",
    "previous",
    "hash",
];

/// A history of a thousand rows, chained as the program chains them.
fn thousand_rows(sandbox: &Sandbox) -> Connection {
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
        .code(0);
    let state = Connection::open(sandbox.state()).unwrap();
    // What is tampered with here need not survive a power cut.
    state
        .execute_batch(
            "PRAGMA synchronous = OFF; DROP TRIGGER history_keeps_rows;
             DROP TRIGGER history_keeps_values; DELETE FROM history; BEGIN;",
        )
        .unwrap();
    let mut previous = String::new();
    for seq in 1..=ROWS {
        let event = if seq % 2 == 1 { "started" } else { "finished" };
        let run = format!("run-{}", (seq + 1) / 2);
        let fields: Vec<String> = COLUMNS[1..14]
            .iter()
            .map(|column| match *column {
                "run" => run.clone(),
                "at" => format!("2026-01-01T00:{:02}:{:02}.000000Z", seq / 60, seq % 60),
                "event" => event.to_owned(),
                "bytes" => seq.to_string(),
                column => format!("{column} {seq}"),
            })
            .collect();
        let mut hasher = Hasher::new();
        hasher.update(&seq.to_be_bytes());
        for field in fields.iter().chain([&previous]) {
            hasher.update(&[1]);
            hasher.update(&(field.len() as u64).to_be_bytes());
            hasher.update(field.as_bytes());
        }
        let hash = hasher.finish().to_string();
        let places: Vec<String> = (1..=16).map(|place| format!("?{place}")).collect();
        let insert = format!("INSERT INTO history VALUES ({})", places.join(", "));
        let seq_text = seq.to_string();
        let values = [&seq_text]
            .into_iter()
            .chain(&fields)
            .chain([&previous, &hash]);
        state
            .execute(&insert, rusqlite::params_from_iter(values))
            .unwrap();
        previous = hash;
    }
    state
        .execute(
            "UPDATE history_head SET seq = ?1, hash = ?2",
            params![ROWS, previous],
        )
        .unwrap();
    state.execute_batch("COMMIT").unwrap();
    state
}

/// Whether the chain is found broken.
fn is_broken(sandbox: &Sandbox) -> bool {
    let state = State::open_existing(&sandbox.state()).unwrap().unwrap();
    state.check_history(None).is_err()
}

/// Every third row altered in one column, each column in many rows; then rows removed,
/// swapped and put in. A unit test of the chain alters every column of all thousand.
#[test]
fn s12_whatever_is_done_to_any_of_a_thousand_rows_is_found() {
    let sandbox = Sandbox::new();
    let state = thousand_rows(&sandbox);
    let check = sandbox.json(0, ["history", "--check"]);
    assert_eq!(check["rows"], ROWS);
    let columns = COLUMNS.join(", ");
    let others = COLUMNS[1..].join(", ");
    let mut altered = [0; COLUMNS.len()];
    state
        .execute_batch("CREATE TEMP TABLE kept AS SELECT * FROM history")
        .unwrap();
    let found = |what: String, change: &str| {
        state
            .execute_batch(&format!("BEGIN; {change}; COMMIT"))
            .unwrap();
        assert!(is_broken(&sandbox), "{what}");
        let restore = "BEGIN; DELETE FROM history; INSERT INTO history SELECT * FROM kept; COMMIT";
        state.execute_batch(restore).unwrap();
    };
    for seq in (1..=ROWS).step_by(3) {
        let index = usize::try_from(seq).unwrap() % COLUMNS.len();
        let column = COLUMNS[index];
        altered[index] += 1;
        let change = match column {
            "seq" => format!("UPDATE history SET seq = -seq WHERE seq = {seq}"),
            column => format!("UPDATE history SET {column} = {column} || ' ' WHERE seq = {seq}"),
        };
        // One row at a time is put back, not all of them.
        state.execute_batch(&change).unwrap();
        assert!(is_broken(&sandbox), "{change}");
        let restore = match column {
            "seq" => format!("UPDATE history SET seq = -seq WHERE seq = -{seq}"),
            column => format!(
                "UPDATE history SET {column} = (SELECT {column} FROM kept WHERE seq = {seq}) WHERE seq = {seq}"
            ),
        };
        state.execute_batch(&restore).unwrap();
    }
    assert!(altered.iter().all(|count| *count >= 20), "{altered:?}");
    assert!(!is_broken(&sandbox), "what was altered was put back");
    for seq in (1..ROWS).step_by(37) {
        let next = seq + 1;
        found(
            format!("row {seq} removed"),
            &format!("DELETE FROM history WHERE seq = {seq}"),
        );
        found(
            format!("row {seq} removed, and the rest moved up"),
            &format!(
                "DELETE FROM history WHERE seq = {seq};
                 UPDATE history SET seq = -seq WHERE seq > {seq};
                 UPDATE history SET seq = -seq - 1 WHERE seq < 0"
            ),
        );
        let far = 1 + (seq * 7 + 500) % ROWS;
        for other in [next, far].into_iter().filter(|other| *other != seq) {
            found(
                format!("rows {seq} and {other} swapped"),
                &format!(
                    "UPDATE history SET seq = 0 WHERE seq = {seq};
                     UPDATE history SET seq = {seq} WHERE seq = {other};
                     UPDATE history SET seq = {other} WHERE seq = 0"
                ),
            );
        }
        found(
            format!("a row put in after {seq}"),
            &format!(
                "UPDATE history SET seq = -seq - 1 WHERE seq > {seq};
                 UPDATE history SET seq = -seq WHERE seq < 0;
                 INSERT INTO history ({columns}) SELECT {next}, {others} FROM history WHERE seq = {seq}"
            ),
        );
    }
    found(
        "the last row dropped".into(),
        &format!("DELETE FROM history WHERE seq = {ROWS}"),
    );
    sandbox.run(["history", "--check"]).code(0);
}

#[test]
fn s12_the_head_that_status_tells_shows_a_tail_that_was_dropped() {
    let sandbox = Sandbox::new();
    let state = thousand_rows(&sandbox);
    let status = sandbox.json(0, ["status", "--no-check"]);
    let head = status["history"]["head"].as_str().unwrap().to_owned();
    assert_eq!(status["history"]["rows"], ROWS);
    assert_eq!(
        sandbox.json(0, ["history", "--check"])["head"],
        head.as_str()
    );
    sandbox
        .run(["status", "--no-check", "-v"])
        .code(0)
        .stderr_has(&format!("history: {ROWS} rows, head {head}"));
    let check = ["history", "--check", "--head", &head];
    sandbox.run(check).code(0);
    // By somebody who can write the file, and leaves a chain that holds.
    state
        .execute_batch(
            "DELETE FROM history WHERE seq = 1000;
             UPDATE history_head SET seq = 999, hash = (SELECT hash FROM history WHERE seq = 999)",
        )
        .unwrap();
    sandbox.run(["history", "--check"]).code(0);
    let error = sandbox.json(7, check);
    assert_eq!(error["code"], "history_broken");
    // Where there is no history there is no head.
    let empty = Sandbox::new();
    assert_eq!(empty.json(0, ["status"])["history"], Value::Null);
}

#[test]
fn s12_all_of_the_history_is_exported() {
    let sandbox = Sandbox::new();
    thousand_rows(&sandbox);
    let runs = sandbox.json(0, ["history", "--limit", "0"]);
    assert_eq!(runs["count"], 500);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 500);
    let seqs: Vec<_> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["seq"])
        .collect();
    assert_eq!((seqs[0], seqs[499]), (&json!(999), &json!(1)));
    let table = sandbox.run(["history", "--limit", "0"]).code(0).stdout;
    assert_eq!(table.lines().count(), 501);
    assert_eq!(sandbox.json(0, ["history"])["count"], 50);
    assert_eq!(sandbox.json(0, ["history", "--limit", "499"])["count"], 499);
}
