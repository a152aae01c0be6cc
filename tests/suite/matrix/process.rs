//! Faults of the surroundings of a run: databases, files of settings, streams, limits (X39–X42, X44–X47, S2, S4).

mod commands;
mod databases;
mod files;
mod limits;
mod streams;

use std::process::Stdio;

use crate::support::{Call, Outcome, Sandbox};

/// A command that `sh` prepares for: `before` runs in its place, then the command takes over.
fn shell<'a>(call: Call<'a>, before: &str) -> Call<'a> {
    through_shell(call, &format!("{before}; exec \"$0\" \"$@\""))
}

/// A command that a line of `sh` runs as `"$0" "$@"`.
fn through_shell<'a>(mut call: Call<'a>, line: &str) -> Call<'a> {
    let program = call.command.get_program().to_owned();
    let mut command = std::process::Command::new("/bin/sh");
    command.arg("-c").arg(line).arg(program);
    command.args(call.command.get_args()).env_clear();
    for (name, value) in call.command.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    if let Some(folder) = call.command.get_current_dir() {
        command.current_dir(folder);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    call.command = command;
    call
}

/// Takes away the assignment that the fixture has to a provider that is not configured.
fn nobody_elsewhere(sandbox: &Sandbox) {
    let unset = "UPDATE companies SET backup_provider = NULL, backup_remote_path = NULL WHERE id = 'globex'";
    sandbox.sql().execute(unset, []).unwrap();
}

/// Expects an end that the contract knows: no panic, no signal, no defect.
#[track_caller]
fn never_broke(outcome: &Outcome, what: &str) {
    let known = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let is_sound = known.contains(&outcome.code) && !said.contains("panicked");
    assert!(is_sound, "{what}: {outcome:?}");
}
