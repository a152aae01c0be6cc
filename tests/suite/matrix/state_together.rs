//! Runs that meet (X38): many at once, one that hangs, one that was killed, a cleaner, root.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::{Value, json};

use crate::support::invariants::{Watch, grounds};
use crate::support::{Call, DB, NOBODY, Outcome, Sandbox, fixtures, give_to_nobody};

const FILE: &str = "backups/database/db_backup_20250131_040000.db";
const SIDECAR: &str = "db_backup_20250131_040000.json";

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixtures().join("vertex-ar/backups/database").join(name)).unwrap()
}

/// Starts all, and waits for each.
fn at_once<'a>(sandbox: &Sandbox, calls: impl IntoIterator<Item = Call<'a>>) -> Vec<Outcome> {
    let children: Vec<Child> = calls.into_iter().map(Call::spawn).collect();
    let ended = children.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        Outcome::of(&output, sandbox)
    });
    ended.collect()
}

/// Operation, company and verdict of every run, oldest first.
fn told(sandbox: &Sandbox) -> Vec<[String; 3]> {
    let history = sandbox.json(0, ["history", "--limit", "0"]);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let runs = history["runs"].as_array().unwrap().iter().rev();
    runs.map(|run| ["operation", "company_id", "verdict"].map(|key| text(&run[key])))
        .collect()
}

fn count(runs: &[[String; 3]], operation: &str, verdicts: &[&str]) -> usize {
    let counted = runs
        .iter()
        .filter(|[name, _, verdict]| name == operation && verdicts.contains(&verdict.as_str()));
    counted.count()
}

#[test]
fn x38_of_ten_runs_for_one_company_one_wins_and_the_others_say_who() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let watch = Watch::over(&*ground)
            .may_store(DB, &bytes(DB))
            .may_store(SIDECAR, &bytes(SIDECAR));
        let sync = ["sync", "acme-corp", FILE, "--json"];
        let runs = at_once(sandbox, (0..10).map(|_| ground.call(&sync)));
        let (mut won, mut refused) = (0, 0);
        for run in &runs {
            match run.code {
                0 => won += 1,
                8 => {
                    let error = run.json();
                    assert_eq!(error["code"], "locked", "{provider}");
                    // Who holds it may not have said so yet; who has said it tells all.
                    if error["pid"].is_u64() {
                        assert_eq!(error["command"], "sync", "{provider}");
                        assert!(error["age_seconds"].is_u64(), "{provider}");
                    }
                    refused += 1;
                }
                _ => panic!("{provider}: {run:?}"),
            }
            watch.holds_after(run);
        }
        assert!(won >= 1, "{provider}");
        let sent = runs.iter().filter(|run| run.code == 0);
        let sent = sent.filter(|run| run.json()["skipped"] == false).count();
        assert_eq!(sent, 1, "{provider}: it was sent {sent} times");
        // Each has its rows, whatever it came to.
        let history = told(sandbox);
        assert_eq!(
            count(&history, "sync", &["ok", "skipped"]),
            won,
            "{provider}"
        );
        assert_eq!(count(&history, "sync", &["refused"]), refused, "{provider}");
        watch.settles(&["sync", "acme-corp", FILE]);
    }
}

#[test]
fn x38_ten_runs_that_wait_come_one_after_another() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let sync = ["sync", "acme-corp", FILE, "--lock-wait", "120s", "--json"];
        let runs = at_once(sandbox, (0..10).map(|_| ground.call(&sync)));
        let skipped = runs
            .into_iter()
            .map(|run| run.code(0).json()["skipped"] == true);
        let skipped = skipped.filter(|skipped| *skipped).count();
        assert_eq!(skipped, 9, "{provider}");
        let history = told(sandbox);
        assert_eq!(count(&history, "sync", &["ok"]), 1, "{provider}");
        assert_eq!(count(&history, "sync", &["skipped"]), 9, "{provider}");
        sandbox.run(["history", "--check"]).code(0);
    }
}

/// Ends the application's work, also when the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The application's writer goes on meanwhile, with its own patience, and never fails.
#[test]
fn x38_ten_companies_at_once_do_not_disturb_each_other_nor_the_application() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let ids: Vec<String> = (0..10).map(|number| format!("firm-{number}")).collect();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let application = scope.spawn(|| {
                let mut writer = sandbox.sql();
                writer.busy_timeout(Duration::from_secs(5)).unwrap();
                let mut count = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let write = writer
                        .transaction_with_behavior(TransactionBehavior::Immediate)
                        .unwrap();
                    let name = format!("Globex {count}");
                    let sql = "UPDATE companies SET name = ?1 WHERE id = 'globex'";
                    assert_eq!(write.execute(sql, [name]).unwrap(), 1);
                    write.commit().unwrap();
                    count += 1;
                    // A busy application, and not one that does nothing but write.
                    std::thread::sleep(Duration::from_millis(10));
                }
                count
            });
            let over = Over(&is_over);
            let add = |id: &String| {
                let words = ["company", "add", id, "--name", id, "--provider", provider];
                ground.call(&words)
            };
            for run in at_once(sandbox, ids.iter().map(add)) {
                assert_eq!(run.code, 0, "{provider}: {run:?}");
            }
            let sync = |id: &String| ground.call(&["sync", id, FILE, "--json"]);
            for run in at_once(sandbox, ids.iter().map(sync)) {
                assert_eq!(run.code, 0, "{provider}: {run:?}");
                assert_eq!(run.json()["skipped"], false, "{provider}");
            }
            drop(over);
            assert!(application.join().unwrap() > 0);
        });
        let stored = ground.stored();
        for id in &ids {
            let path = format!("/vertex-ar/{id}/backups/{DB}");
            let copies = stored.iter().filter(|(name, _)| *name == path);
            let copies: Vec<_> = copies.map(|(_, bytes)| bytes).collect();
            assert_eq!(copies, [&bytes(DB)], "{provider}: {path}");
        }
        let history = told(sandbox);
        assert_eq!(count(&history, "company add", &["ok"]), 10, "{provider}");
        assert_eq!(count(&history, "sync", &["ok"]), 10, "{provider}");
        assert_eq!(history.len(), 21, "{provider}: {history:?}");
        sandbox.run(["history", "--check"]).code(0);
        assert_eq!(sandbox.json(0, ["state", "check"])["running"], 0);
    }
}

#[test]
fn x38_a_state_that_ten_make_at_once_is_one_state() {
    let sandbox = Sandbox::new();
    let add = |number: usize| {
        let id = format!("firm-{number}");
        sandbox.command(["company", "add", &id, "--name", &id])
    };
    for run in at_once(&sandbox, (0..10).map(add)) {
        assert_eq!(run.code, 0, "{run:?}");
        assert!(!run.stderr.contains("state"), "{}", run.stderr);
    }
    assert_eq!(count(&told(&sandbox), "company add", &["ok"]), 10);
    assert_eq!(sandbox.json(0, ["history", "--check"])["rows"], 20);
    // Found damaged by ten at once, it is moved aside once.
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", sandbox.state().display()));
    }
    fs::write(sandbox.state(), "no database").unwrap();
    let update = |number: usize| {
        let (id, name) = (format!("firm-{number}"), format!("Firm {number}"));
        sandbox.command(["company", "update", &id, "--name", &name])
    };
    for run in at_once(&sandbox, (0..10).map(update)) {
        assert_eq!(run.code, 0, "{run:?}");
    }
    let moved = Sandbox::files_below(&sandbox.app());
    let moved = moved.iter().filter(|name| name.contains(".damaged-"));
    assert_eq!(moved.count(), 1);
    let history = told(&sandbox);
    assert_eq!(history[0][0], "state");
    assert_eq!(count(&history, "company update", &["ok"]), 10);
    sandbox.run(["history", "--check"]).code(0);
}

/// Looks again and again, for as long as a slow machine may need.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("waited in vain for {what}");
}

/// The lock files that hold a text, as they were signed.
fn lock_of(sandbox: &Sandbox, what: &str) -> Option<PathBuf> {
    let folder = sandbox.file("app_data.backup-state.locks");
    let names = Sandbox::files_below(&folder).into_iter();
    let mut paths = names.map(|name| folder.join(name));
    paths.find(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(what)))
}

const COMPANY: &str = r#""what":"Company 'acme-corp'""#;

fn is_held(sandbox: &Sandbox) -> bool {
    let path = lock_of(sandbox, COMPANY);
    path.is_some_and(|path| File::open(path).unwrap().try_lock().is_err())
}

/// The first run has its lock and waits for the state, which somebody holds. The second
/// does not wait with it; the third finds that the first was killed.
#[test]
fn x38_a_run_that_hangs_is_named_and_one_that_was_killed_blocks_nobody() {
    for ground in grounds() {
        let (sandbox, provider) = (ground.sandbox(), ground.provider());
        let other = Connection::open(sandbox.state()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let words = ["sync", "acme-corp", FILE, "--timeout", "300s"];
        let mut first = sandbox.command(words).spawn();
        until("the first to have its lock", || is_held(sandbox));
        let sync = ["sync", "acme-corp", FILE, "--json"];
        until("the second to be told who holds it", || {
            let run = ground.call(&sync).run().code(8);
            run.json()["pid"] == first.id()
        });
        let error = ground.call(&sync).run().code(8).json();
        assert_eq!(error["command"], "sync", "{provider}");
        assert!(error["age_seconds"].is_u64(), "{provider}");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("pid {}", first.id())), "{detail}");
        first.kill().unwrap();
        first.wait().unwrap();
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(ground.call(&sync).run().code(0).json()["skipped"], false);
        sandbox.run(["history", "--check"]).code(0);
    }
}

/// Without its file a lock excludes nobody; that its holder lives is in the history, too.
#[test]
fn x38_a_lock_whose_file_a_cleaner_removed_still_excludes_others() {
    let sandbox = Sandbox::new();
    let application = sandbox.sql();
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    let set = [
        "config",
        "set",
        "acme-corp",
        "--provider",
        "local",
        "--json",
    ];
    let patient = [&set[..], &["--timeout", "300s"]].concat();
    let mut first = sandbox.command(&patient).spawn();
    let running = ["config set", "acme-corp", "running"].map(str::to_owned);
    until("the first to have begun", || {
        sandbox.state().exists() && told(&sandbox).contains(&running)
    });
    fs::remove_file(lock_of(&sandbox, COMPANY).unwrap()).unwrap();
    let error = sandbox.command(&patient).run().code(8).json();
    assert_eq!(error["pid"], first.id());
    assert_eq!(told(&sandbox)[0], running);

    first.kill().unwrap();
    first.wait().unwrap();
    application.execute_batch("ROLLBACK").unwrap();
    sandbox.run(set).code(0);
    let verdicts: Vec<_> = told(&sandbox).into_iter().map(|[.., last]| last).collect();
    assert_eq!(verdicts, ["interrupted", "refused", "ok"]);
    sandbox.run(["history", "--check"]).code(0);
}

/// Only root can leave what others cannot use; run by anybody else, this has nothing to show.
#[test]
fn x38_root_leaves_nothing_the_user_cannot_use() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let sandbox = Sandbox::new();
    give_to_nobody(sandbox.path());
    let as_user = |words: &[&str]| sandbox.command(words).unprivileged().run();
    let as_root = |words: &[&str]| sandbox.run(words);
    let set = ["config", "set", "acme-corp", "--provider", "local", "-q"];
    as_root(&set).code(0);
    as_root(&["sync", "acme-corp", FILE, "-q"]).code(0);
    as_user(&["sync", "acme-corp", "-q"]).code(0);
    as_root(&["pin", "acme-corp", DB, "-q"]).code(0);
    as_user(&["unpin", "acme-corp", DB, "-q"]).code(0);
    as_root(&["download", "acme-corp", DB, "-o", "back.db", "-q"]).code(0);
    as_user(&["download", "acme-corp", DB, "-o", "back.db", "-q"]).code(0);
    fs::write(sandbox.state(), "no database").unwrap();
    as_root(&["state", "rebuild", "acme-corp", "-q"]).code(0);
    as_user(&["state", "rebuild", "acme-corp", "-q"]).code(0);
    as_user(&["delete", "acme-corp", DB, "--yes", "-q"]).code(0);
    as_user(&["history", "--check"]).code(0);
    for name in Sandbox::files_below(sandbox.path()) {
        use std::os::unix::fs::MetadataExt as _;
        let path = sandbox.path().join(&name);
        let owner = fs::metadata(&path).unwrap().uid();
        assert!(
            owner == NOBODY || name == "vertex-backup",
            "{name} is root's"
        );
    }
}

#[test]
fn x38_what_runs_at_once_is_in_the_history_each_with_its_own_process() {
    let sandbox = Sandbox::assigned();
    let pins = (0..5).map(|_| sandbox.command(["pin", "acme-corp", DB, "--lock-wait", "60s"]));
    for run in at_once(&sandbox, pins) {
        assert_eq!(run.code, 4, "{run:?}");
    }
    let history = sandbox.json(0, ["history", "--limit", "5"]);
    let mut pids: Vec<_> = history["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            assert_eq!(run["operation"], json!("pin"));
            run["actor"]["pid"].as_u64().unwrap()
        })
        .collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 5);
}
