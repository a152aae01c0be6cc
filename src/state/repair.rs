//! Making the state, and moving a damaged one aside.
//!
//! A state is only moved while nobody uses it: whoever may write holds a shared
//! lock on it, and whoever makes or moves one needs that lock alone. Nothing is
//! ever deleted: the file and its companions get another name, and what of it is
//! whole is taken over.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{MIGRATIONS, State, is_absent, is_damaged};
use crate::database::{Access, connect};
use crate::dir::{Dir, folder_of, give_like, who_may_write};
use crate::failure::{Code, Failure};
use crate::history::{Intent, Outcome, Verdict};
use crate::lock::{Hold, Lock, Locks};
use crate::text::system_reason;

/// What is locked.
pub(super) const THE_STATE: &str = "The state";

/// How the history names it.
const OPERATION: &str = "state";

/// The tables that are taken over where they are whole, and what they are called.
/// The history is not: its chain stays with the file.
const TABLES: [(&str, &str); 7] = [
    ("objects", "known files"),
    ("sets", "known backups"),
    ("uploads", "unfinished uploads"),
    ("downloads", "unfinished downloads"),
    ("storages", "storages"),
    // Policies without the pins would remove what is pinned: see `take_over`.
    ("pins", "pins"),
    ("policies", "retention policies"),
];

/// Locks the state; `None` in a folder where nothing can be locked, and so nothing moved.
pub(super) fn lock(path: &Path, hold: Hold, wait: Duration) -> Result<Option<Lock>, Failure> {
    match Locks::beside(path).hold(THE_STATE, hold, wait) {
        Ok(lock) => Ok(Some(lock)),
        Err(failure) if failure.code() == Code::LocalIo => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Makes a state where there is none, unless somebody else does meanwhile.
pub(super) fn make(path: &Path, wait: Duration) -> Result<(), Failure> {
    let started = Instant::now();
    let lock = loop {
        match lock(path, Hold::Alone, Duration::ZERO) {
            // Whoever made it may use it for hours by now.
            _ if !is_absent(path) => return Ok(()),
            Err(failure) if failure.code() == Code::Locked && started.elapsed() < wait => {
                crate::interrupt::check()?;
                std::thread::sleep(Duration::from_millis(5));
            }
            lock => break lock?,
        }
    };
    let was_made = lock.as_ref().is_some_and(Lock::is_signed);
    // Its companions without the file: they would be taken for those of the new one.
    let aside = move_aside(path, "left")?;
    let mut state = make_new(path, wait, lock)?;
    if was_made {
        let kept = aside.map_or_else(String::new, |aside| {
            format!("; what was left of it is '{}'", aside.display())
        });
        let text = format!(
            "the state '{}' was gone, and a new one was made{kept}. The history begins anew; what is \
             on the remotes becomes known again with: vertex-backup state rebuild --all",
            path.display()
        );
        log::error!("{text}");
        record(&mut state, path, text)?;
    }
    Ok(())
}

/// Moves a damaged state aside and makes a new one, unless somebody else did.
///
/// # Errors
/// The damage, when others use the state for long or it cannot be moved.
pub fn replace(path: &Path, wait: Duration, damage: &Failure) -> Result<(), Failure> {
    let alone = lock(path, Hold::Alone, wait);
    let lock = match alone {
        Ok(Some(lock)) => lock,
        Ok(None) => return Err(damage.again()),
        Err(failure) if failure.code() == Code::Locked => {
            return Err(damage.again().caused_by(failure));
        }
        Err(failure) => return Err(failure),
    };
    if is_whole(path, wait)? {
        return Ok(());
    }
    if !is_ours(path, &lock) {
        return Err(damage
            .again()
            .hint("if it is one of vertex-backup, move it away; else name another with VERTEX_BACKUP_STATE"));
    }
    let Some(aside) = move_aside(path, "damaged")? else {
        return Ok(());
    };
    let mut state = make_new(path, wait, Some(lock))?;
    let (taken, lost) = take_over(&aside, &mut state);
    let text = format!(
        "the state '{}' was damaged: it is now '{}', and a new one was made. The history begins anew; \
         taken over: {}; lost: {}. What is on the remotes becomes known again with: \
         vertex-backup state rebuild --all",
        path.display(),
        aside.display(),
        in_words(&taken),
        in_words(&lost)
    );
    log::error!("{text}");
    record(&mut state, &aside, text)
}

fn in_words(words: &[&str]) -> String {
    if words.is_empty() {
        return "nothing".into();
    }
    words.join(", ")
}

/// Whether every page of the state can be read and fits.
fn is_whole(path: &Path, wait: Duration) -> Result<bool, Failure> {
    if is_absent(path) {
        return Ok(false);
    }
    match State::open_bare(path, wait).and_then(|state| state.integrity(1)) {
        Ok(problems) => Ok(problems.is_empty()),
        Err(failure) if is_damaged(&failure) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Whether a file that no longer says what it is was a state: by its name, or because
/// one was made there. A setting may name any file, and nobody else's is to be moved.
fn is_ours(path: &Path, lock: &Lock) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    lock.is_signed() || name.ends_with("backup-state.db")
}

/// Gives the state's files other names; that of the first of them, if there was any.
fn move_aside(path: &Path, why: &str) -> Result<Option<PathBuf>, Failure> {
    let failed = |error: std::io::Error| {
        let detail = format!(
            "cannot move the state '{}' aside: {}",
            path.display(),
            system_reason(&error)
        );
        Failure::new(Code::LocalIo, detail)
            .hint("make its folder writable, or put it elsewhere with VERTEX_BACKUP_STATE")
    };
    let (Some(name), folder) = (
        path.file_name().and_then(|name| name.to_str()),
        folder_of(path),
    ) else {
        return Ok(None);
    };
    let Ok(dir) = Dir::open(folder) else {
        return Ok(None);
    };
    let time = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let mut number = 0;
    let aside = loop {
        number += 1;
        let end = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let aside = format!("{name}.{why}-{time}{end}");
        let mut companions = COMPANIONS.iter().map(|end| format!("{aside}{end}"));
        if companions.all(|name| matches!(dir.entry(&name), Ok(None))) {
            break aside;
        }
    };
    let mut first = None;
    for end in COMPANIONS {
        let (from, to) = (format!("{name}{end}"), format!("{aside}{end}"));
        let is_there = dir.entry(&from).map_err(failed)?;
        // A file nothing was written to is one that has yet to be written.
        if is_there.is_some_and(|entry| entry.stamp.size > 0) {
            dir.rename_new(&from, &to).map_err(failed)?;
            first.get_or_insert_with(|| folder.join(&to));
        }
    }
    dir.sync().map_err(failed)?;
    Ok(first)
}

/// The ends of the names of a database's files; the file itself goes first.
const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// Makes a state; from then on the lock's file tells that there is one.
fn make_new(path: &Path, wait: Duration, lock: Option<Lock>) -> Result<State, Failure> {
    create_private(path)?;
    let mut state = State::open_bare(path, wait)?;
    if let Some(mut lock) = lock {
        // That it was made is known by its being there, too.
        let _ = lock.sign("making the state");
        state.in_use = Some(lock);
    }
    Ok(state)
}

/// Copies the tables that are whole; those that were, and those that were not. Without policies
/// nothing is pruned.
fn take_over(aside: &Path, state: &mut State) -> (Vec<&'static str>, Vec<&'static str>) {
    let old = connect(aside, Access::Read, Duration::ZERO).ok();
    let old = old.filter(|old| {
        let version = old.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        version.is_ok_and(|version| usize::try_from(version) == Ok(MIGRATIONS.len()))
    });
    let (mut taken, mut lost) = (Vec::new(), Vec::new());
    for (table, words) in TABLES {
        let is_safe = table != "policies" || taken.contains(&"pins");
        let copied = is_safe && old.as_ref().is_some_and(|old| copy(old, table, state));
        if copied { &mut taken } else { &mut lost }.push(words);
    }
    lost.push("history");
    (taken, lost)
}

/// Copies one table, all of it or nothing.
fn copy(old: &Connection, table: &str, state: &mut State) -> bool {
    let sound = old.query_row(&format!("PRAGMA integrity_check({table})"), [], |row| {
        row.get::<_, String>(0)
    });
    if sound.as_deref() != Ok("ok") {
        return false;
    }
    let copied = state.transaction(|new| {
        let mut rows = old.prepare(&format!("SELECT * FROM {table}"))?;
        let columns = rows.column_count();
        let places = vec!["?"; columns].join(", ");
        let mut insert = new.prepare(&format!("INSERT INTO {table} VALUES ({places})"))?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|index| row.get::<_, Value>(index));
            let values = values.collect::<rusqlite::Result<Vec<_>>>()?;
            insert.execute(rusqlite::params_from_iter(values))?;
        }
        Ok(())
    });
    copied.is_ok()
}

/// Begins the new history with what became of the old one.
fn record(state: &mut State, target: &Path, text: String) -> Result<(), Failure> {
    let intent = Intent {
        operation: OPERATION.into(),
        target: Some(target.display().to_string()),
        ..Intent::default()
    };
    let run = state.start(intent, None)?;
    state.finish(&run, &Outcome::done(Verdict::Ok, text, 0))
}

/// Makes an empty file, 0600 from the first moment, owned as its folder is; `SQLite` gives its companions the same.
fn create_private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // Looking first: opening the file would drop locks this process holds on it.
    if path.exists() {
        return Ok(());
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made.and_then(|file| give_like(&file, folder_of(path))) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let detail = format!(
                "cannot make the state '{}': {}",
                path.display(),
                system_reason(&error)
            );
            let way_out = "make its folder writable, or put it elsewhere with VERTEX_BACKUP_STATE";
            let who = who_may_write(folder_of(path), &error);
            let hint = who.map_or_else(|| way_out.to_owned(), |who| format!("{who}; {way_out}"));
            Err(Failure::new(Code::LocalIo, detail).hint(hint))
        }
    }
}
