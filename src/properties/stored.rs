//! Our own state, which others can write to: its rows, and the file that has them.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::params;

use super::text;
use crate::actor::Actor;
use crate::catalog::Place;
use crate::hash::random_id;
use crate::history::Query;
use crate::provider::{ProviderKind, Session};
use crate::remote_path::RemotePath;
use crate::sidecar::Facts;
use crate::state::State;

/// Rows whose texts somebody has changed: each is read, left out, or an error.
pub fn state_rows(bytes: &[u8]) {
    let text = text(bytes);
    let actor = Actor::from_json(&text);
    assert_eq!(Actor::from_json(&actor.to_json()), actor);
    let _ = actor.is_gone();
    if let Ok(session) = serde_json::from_str::<Session>(&text) {
        let written = serde_json::to_string(&session).unwrap_or_default();
        assert_eq!(
            serde_json::from_str::<Session>(&written).ok(),
            Some(session)
        );
    }
    let _ = serde_json::from_str::<Facts>(&text);
    thread_local! {
        static STATE: RefCell<Option<(Scratch, State)>> = const { RefCell::new(None) };
    }
    STATE.with_borrow_mut(|slot| {
        let (_, state) = slot.get_or_insert_with(|| {
            let scratch = Scratch::new();
            let state = State::open(&scratch.state()).expect("a state");
            (scratch, state)
        });
        let sql = |sql: &str| state.connection.execute_batch(sql).expect("a savepoint");
        sql("SAVEPOINT rows");
        write_rows(state, &text);
        read_all(state);
        sql("ROLLBACK TO rows; RELEASE rows");
    });
}

/// A row in each table, with a text in each of its columns, or with a part of it.
fn write_rows(state: &State, text: &str) {
    let parts: Vec<&str> = text.split('\n').collect();
    let part = |at: usize| *parts.get(at).unwrap_or(&text);
    let (company, provider, directory) = ("acme", "local", "/acme");
    let number: Option<i64> = part(0).parse().ok();
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        // What is no row of the table is none.
        let _ = state.connection.execute(sql, values);
    };
    run(
        "INSERT INTO objects (company_id, provider, directory, name, size, sha256, version, source, is_sidecar,
         stored_at, verified_at, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11)",
        params![company, provider, directory, part(0), number, part(1), part(2), part(3), part(4), part(5), part(6)],
    );
    run(
        "INSERT INTO uploads (company_id, provider, directory, handle, name, session, source, path, begun_at, sent_at,
         taken, taken_sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![company, part(1), part(2), part(3), part(4), text, part(5), part(6), part(7), part(8), number, part(9)],
    );
    run(
        "INSERT INTO sets (company_id, provider, directory, name, backup_type, created, stored_at, bytes, sha256,
         verified_at, tested_at, test_verdict) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![company, provider, directory, part(0), part(1), part(2), part(3), number, part(4), part(5), part(6), part(7)],
    );
    run(
        "INSERT INTO policies (company_id, backup_type, policy, changed_at) VALUES (?1, ?2, ?3, ?4)",
        params![company, part(1), text, part(2)],
    );
    run(
        "INSERT INTO history (seq, run, at, event, operation, company_id, target, verdict, detail, bytes, actor, previous,
         hash) VALUES (?1, ?2, ?3, 'started', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![number, part(1), part(2), part(3), company, part(4), part(5), part(6), part(7), text, part(8), part(9)],
    );
}

/// Everything that is read of a state.
fn read_all(state: &State) {
    let place = Place {
        company_id: "acme".to_owned(),
        provider: ProviderKind::Local,
        directory: RemotePath::parse("/acme").expect("a directory"),
    };
    let everything = Query {
        company_id: None,
        failed: false,
        since: None,
        limit: Some(100),
    };
    let mut told = 0;
    let _ = state.runs(&everything, |runs| {
        told += runs.len();
        Ok(())
    });
    assert!(Some(told) <= everything.limit);
    let _ = state.check_history(None);
    let _ = state.last_runs("acme", "sync");
    let _ = (state.known_objects(&place), state.known(&place, "x.db"));
    let _ = (
        state.known_sets(&place),
        state.totals(&place, Timestamp::now()),
        state.pins(&place),
    );
    let _ = (state.policies(), state.policies_for(Some("acme")));
    let _ = (
        state.identity("local"),
        state.download_origin(Path::new("/x")),
    );
    for upload in state.uploads("acme").unwrap_or_default() {
        let way = |part: &str| !matches!(part, "" | "." | "..");
        assert!(upload.place.directory.components().all(way));
        let _ = upload.is_wanted(None);
    }
}

/// The state file itself: whole if it begins as one, else our own with bytes changed in it,
/// four for the place of each and one for what is there instead.
pub fn state_file(bytes: &[u8]) {
    let scratch = Scratch::new();
    let path = scratch.state();
    if bytes.starts_with(b"SQLite format 3\0") {
        std::fs::write(&path, bytes).expect("a file");
    } else {
        let mut file = TEMPLATE.with(Clone::clone);
        for edit in bytes.chunks_exact(5) {
            let place = u32::from_le_bytes([edit[0], edit[1], edit[2], edit[3]]);
            let place = usize::try_from(place).unwrap_or_default() % file.len();
            file[place] = edit[4];
        }
        std::fs::write(&path, file).expect("a file");
    }
    if let Ok(Some(state)) = State::open_existing(&path) {
        read_all(&state);
    }
    if let Ok(state) = State::open(&path) {
        read_all(&state);
    }
}

thread_local! {
    /// A sound state with a row in each table.
    static TEMPLATE: Vec<u8> = {
        let scratch = Scratch::new();
        let state = State::open(&scratch.state()).expect("a state");
        write_rows(&state, "1\nx.db\n2025-01-31T04:00:00.000000Z");
        drop(state);
        std::fs::read(scratch.state()).expect("its file")
    };
}

/// A folder that goes when it is not needed any more.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let id = random_id().expect("a name");
        let folder = std::env::temp_dir().join(format!("vertex-backup-properties-{id}"));
        std::fs::create_dir(&folder).expect("a folder");
        Scratch(folder)
    }

    fn state(&self) -> PathBuf {
        self.0.join("state.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
