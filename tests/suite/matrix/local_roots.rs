//! Local roots that are not what they should be: not mounted, weak, blind to case (L33).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::local::{NAME, text, told};
use crate::support::invariants::Watch;
use crate::support::{BINARY, Outcome, Sandbox, has_tool};

/// A company with backups on a configured root.
fn on_a_nas() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let nas = sandbox.path().join("nas");
    fs::create_dir(&nas).unwrap();
    sandbox
        .run([
            "providers",
            "set",
            "local",
            "--root",
            nas.to_str().unwrap(),
            "-q",
        ])
        .code(0);
    sandbox
        .run(["config", "set", "acme-corp", "--provider", "local", "-q"])
        .code(0);
    sandbox.write(NAME, "backup");
    sandbox.run(["sync", "acme-corp", NAME, "-q"]).code(0);
    (sandbox, nas)
}

fn lose_state(sandbox: &Sandbox) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", sandbox.state().display()));
    }
}

/// With the state the root's id is lost, too. Then an empty or missing root is not taken for
/// a new one as long as the application says that companies have their backups there.
#[test]
fn l33_a_root_that_is_not_mounted_is_not_claimed_anew_when_the_state_is_lost() {
    let (sandbox, nas) = on_a_nas();
    let unplugged = sandbox.path().join("unplugged");
    fs::rename(&nas, &unplugged).unwrap();
    sandbox.write("two.tar", "another");
    for is_there in [true, false] {
        if is_there {
            fs::create_dir(&nas).unwrap();
        } else {
            fs::remove_dir(&nas).unwrap();
        }
        lose_state(&sandbox);
        // As often as cron may try: a failure is no sign of an earlier use.
        for _ in 0..2 {
            for words in [
                vec!["sync", "acme-corp", "two.tar", "--json"],
                vec!["sync", "--all", "--json"],
                vec!["files", "acme-corp", "--json"],
                vec!["download", "acme-corp", NAME, "-o", "out", "--json"],
                vec!["config", "set", "globex", "--provider", "local", "--json"],
                vec![
                    "config",
                    "set",
                    "acme-corp",
                    "--provider",
                    "local",
                    "--json",
                ],
            ] {
                let outcome = sandbox.run(&words);
                let told = outcome.json();
                let failed = told["results"][0]
                    .as_object()
                    .map_or(&told, |_| &told["results"][0]);
                assert_eq!(failed["reason"], "not_mounted", "{words:?}: {told}");
                assert!(
                    [3, 6].contains(&outcome.code),
                    "{words:?}: {}",
                    outcome.code
                );
            }
        }
        assert_eq!(nas.exists(), is_there);
        assert_eq!(Sandbox::files_below(&nas), [""; 0]);
    }
    // Mounted again, its marker says all that is needed.
    fs::rename(&unplugged, &nas).unwrap();
    sandbox.run(["sync", "acme-corp", "two.tar", "-q"]).code(0);
    assert_eq!(
        Sandbox::names_in(&nas.join("vertex-ar/acme-corp/backups")),
        [NAME, "two.tar"]
    );
    // And who says that this empty one is meant is believed.
    fs::rename(&nas, &unplugged).unwrap();
    fs::create_dir(&nas).unwrap();
    lose_state(&sandbox);
    sandbox.run(["sync", "acme-corp", "two.tar"]).code(6);
    sandbox
        .run(["providers", "set", "local", "--accept", "-q"])
        .code(0);
    sandbox.run(["sync", "acme-corp", "two.tar", "-q"]).code(0);
}

/// What the file system takes for one name is told by one file that answers to both: here a
/// second link to it, since a bare machine has no file system that ignores case.
#[test]
fn l33_names_that_differ_in_case_alone_do_not_replace_each_other_where_case_is_ignored() {
    let sandbox = Sandbox::assigned();
    let remote = sandbox.remote("acme-corp");
    sandbox.write("ONE.TAR", "one");
    sandbox.write("one.tar", "another");
    sandbox.run(["sync", "acme-corp", "ONE.TAR", "-q"]).code(0);
    fs::hard_link(remote.join("ONE.TAR"), remote.join("one.tar")).unwrap();
    let watch = Watch::over(&sandbox);
    let outcome = sandbox.run(["sync", "acme-corp", "one.tar", "--json"]);
    watch.holds_after(&outcome);
    let told = told(&outcome, 11, "already_exists");
    assert!(text(&told, "detail").contains("beside 'ONE.TAR'"), "{told}");
    sandbox.run(["delete", "acme-corp", "one.tar", "-y"]);
    watch.holds();
    // Where case counts they are two.
    fs::remove_file(remote.join("one.tar")).unwrap();
    sandbox.run(["sync", "acme-corp", "one.tar", "-q"]).code(0);
    assert_eq!(fs::read(remote.join("ONE.TAR")).unwrap(), b"one");
    assert_eq!(fs::read(remote.join("one.tar")).unwrap(), b"another");
}

/// Puts the answers of a weak file system in the kernel's place, by `strace`, where that is
/// installed and allowed; for all that is asked, or for what is asked of some paths.
fn answering(
    sandbox: &Sandbox,
    paths: &[&Path],
    answers: &[&str],
    words: &[&str],
) -> Option<Outcome> {
    let traced = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    if !has_tool("strace") || !traced.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let plain = sandbox.command(words);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    for path in paths {
        command.arg("-P").arg(path);
    }
    for answer in answers {
        command.args(["-e", &format!("inject={answer}")]);
    }
    command
        .arg(BINARY)
        .args(words)
        .env_clear()
        .current_dir(sandbox.app());
    for (name, value) in plain.command.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    Some(Outcome::of(&command.output().unwrap(), sandbox))
}

#[test]
fn l33_what_a_weak_file_system_cannot_do_is_done_without() {
    let sandbox = Sandbox::assigned();
    sandbox.write(NAME, "backup");
    sandbox.run(["sync", "acme-corp", NAME, "-q"]).code(0);
    // It cannot say when something is on its disk: told once, for the file and its folder.
    let (partial, folder) = (sandbox.file(".back.partial"), sandbox.app());
    let words = ["download", "acme-corp", NAME, "-o", "back"];
    let weak = ["fsync:error=EOPNOTSUPP"];
    let Some(outcome) = answering(&sandbox, &[&partial, &folder], &weak, &words) else {
        return;
    };
    let said = "cannot say when a file is on its disk";
    let outcome = outcome.code(0);
    assert_eq!(
        outcome.stderr.matches(said).count(),
        1,
        "{}",
        outcome.stderr
    );
    assert_eq!(fs::read(sandbox.file("back")).unwrap(), b"backup");
    // But a disk that failed is no weak one.
    fs::remove_file(sandbox.file("back")).unwrap();
    let failing = ["fsync:error=EIO"];
    let outcome = answering(&sandbox, &[&partial], &failing, &words)
        .unwrap()
        .code(12);
    assert!(!outcome.stderr.contains(said) && !sandbox.file("back").exists());
    // Neither links nor a renaming that replaces nothing: what is there still stays.
    let no_links = ["renameat2:error=EINVAL", "linkat:error=EPERM"];
    answering(&sandbox, &[], &no_links, &words).unwrap().code(0);
    assert_eq!(fs::read(sandbox.file("back")).unwrap(), b"backup");
    fs::write(sandbox.file("back"), "other").unwrap();
    answering(&sandbox, &[], &no_links, &words)
        .unwrap()
        .code(11);
    assert_eq!(fs::read(sandbox.file("back")).unwrap(), b"other");
    // No renaming over what is there: the old one stays, and nothing is left beside it.
    sandbox.write(NAME, "newer");
    let watch = Watch::over(&sandbox);
    let words = ["sync", "acme-corp", NAME, "--json"];
    let none = ["renameat,rename,renameat2:error=EEXIST"];
    let outcome = answering(&sandbox, &[], &none, &words).unwrap();
    told(&outcome, 12, "local_io");
    watch.holds_after(&outcome);
    watch
        .may_store(NAME, b"newer")
        .settles(&["sync", "acme-corp", NAME]);
}

#[test]
fn l33_a_root_that_a_server_took_back_is_not_connected() {
    let (sandbox, nas) = on_a_nas();
    sandbox.write("two.tar", "another");
    let words = ["sync", "acme-corp", "two.tar", "--json"];
    let stale = ["openat:error=ESTALE"];
    let Some(outcome) = answering(&sandbox, &[&nas], &stale, &words) else {
        return;
    };
    let told = told(&outcome, 6, "provider_connection_failed");
    assert_eq!(told["reason"], "not_mounted", "{told}");
    sandbox.run(words).code(0);
}
