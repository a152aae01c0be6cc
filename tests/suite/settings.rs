//! Settings: who wins, what `-v` says of it, and what a wrong one is answered with.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};
use vertex_backup::settings::{Flags, Settings, Surroundings};

use crate::support::{Outcome, Sandbox};

/// The user's own `config.json`, where it is found.
fn user_config(sandbox: &Sandbox, text: &str) -> PathBuf {
    let path = sandbox
        .path()
        .join("home/.config/vertex-backup/config.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// What `-v` says of one setting: its value and who decided it.
#[track_caller]
fn told(outcome: &Outcome, what: &str) -> String {
    let start = format!("info: {what} ");
    let mut lines = outcome
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix(&start));
    let told = lines.next().map(str::to_owned);
    assert!(lines.next().is_none(), "told twice: {}", outcome.stderr);
    told.unwrap_or_else(|| panic!("nothing of {what} in: {}", outcome.stderr))
}

/// One setting and everything that can decide it.
struct Case {
    what: &'static str,
    flag: Option<&'static str>,
    variables: &'static [&'static str],
    key: &'static str,
    found: Option<&'static str>,
    default: &'static str,
}

const CASES: [Case; 4] = [
    Case {
        what: "database",
        flag: Some("--db"),
        variables: &["VERTEX_BACKUP_DB"],
        key: "db",
        found: Some("./app_data.db"),
        default: "",
    },
    Case {
        what: "backups",
        flag: Some("--backup-dir"),
        variables: &["VERTEX_BACKUP_BACKUP_DIR"],
        key: "backup_dir",
        found: Some("./backups"),
        default: "./backups",
    },
    Case {
        what: "provider file",
        flag: Some("--remote-config"),
        variables: &["VERTEX_BACKUP_REMOTE_CONFIG", "REMOTE_STORAGE_CONFIG"],
        key: "remote_config",
        found: Some("./config/remote_storage.json"),
        default: "[DIR]/home/.local/share/vertex-backup/remote_storage.json",
    },
    Case {
        what: "state",
        flag: None,
        variables: &["VERTEX_BACKUP_STATE"],
        key: "state",
        found: None,
        default: "[DIR]/app/app_data.backup-state.db",
    },
];

#[test]
fn each_source_beats_the_next() {
    for case in CASES {
        let sandbox = Sandbox::new();
        let place = |name: &str| {
            let path = sandbox.file(&format!("by-{name}"));
            match case.what {
                "database" => {
                    fs::copy(sandbox.db(), &path).unwrap();
                }
                "backups" => fs::create_dir_all(&path).unwrap(),
                "provider file" => fs::write(&path, "{}").unwrap(),
                _ => {}
            }
            path
        };
        if case.what == "provider file" {
            sandbox.write("config/remote_storage.json", "{}");
        }
        let config = user_config(&sandbox, &json!({ case.key: place("config") }).to_string());
        // From all sources at once down to none, strongest first.
        let mut sources: Vec<(String, Option<PathBuf>)> = Vec::new();
        sources.extend(case.flag.map(|flag| (flag.to_owned(), Some(place("flag")))));
        for name in case.variables {
            sources.push(((*name).to_owned(), Some(place(name))));
        }
        while !sources.is_empty() {
            let mut call = sandbox.command(["-v", "config", "list"]);
            for (name, value) in &sources {
                let value = value.as_ref().unwrap();
                if name.starts_with("--") {
                    call.command.arg(name).arg(value);
                } else {
                    call.command.env(name, value);
                }
            }
            let (winner, _) = sources.remove(0);
            let name = if winner.starts_with("--") {
                "flag"
            } else {
                &winner
            };
            assert_eq!(
                told(&call.run().code(0), case.what),
                format!("'[DIR]/app/by-{name}' ({winner})")
            );
        }
        let run = sandbox.run(["-v", "config", "list"]).code(0);
        assert_eq!(told(&run, case.what), "'[DIR]/app/by-config' (config.json)");
        assert_eq!(
            told(&run, "configuration"),
            "'[DIR]/home/.config/vertex-backup/config.json' (found)"
        );
        fs::remove_file(config).unwrap();
        if let Some(found) = case.found {
            let run = sandbox.run(["-v", "config", "list"]).code(0);
            assert_eq!(told(&run, case.what), format!("'{found}' (found)"));
        }
        if !case.default.is_empty() {
            let _ = fs::remove_dir_all(sandbox.file("config"));
            let _ = fs::remove_dir_all(sandbox.file("backups"));
            let run = sandbox.run(["-v", "config", "list"]).code(0);
            assert_eq!(
                told(&run, case.what),
                format!("'{}' (default)", case.default)
            );
        }
    }
}

#[test]
fn nothing_said_and_nothing_found_is_the_data_folder() {
    if std::path::Path::new("/app/data/app_data.db").exists() {
        return;
    }
    let sandbox = Sandbox::empty();
    let run = sandbox.run(["-v", "config", "list"]).code(4).stderr_has(
        "error: Database not found: [DIR]/home/.local/share/vertex-backup/app_data.db\n",
    );
    assert_eq!(
        told(&run, "database"),
        "'[DIR]/home/.local/share/vertex-backup/app_data.db' (default)"
    );
    let data = sandbox.path().join("data");
    let run = sandbox
        .command(["-v", "init"])
        .env("XDG_DATA_HOME", &data)
        .run()
        .code(0)
        .stdout("Database created: [DIR]/data/vertex-backup/app_data.db\n");
    assert_eq!(
        told(&run, "state"),
        "'[DIR]/data/vertex-backup/app_data.backup-state.db' (default)"
    );
    assert!(data.join("vertex-backup/app_data.db").is_file());
}

#[test]
fn without_v_nothing_is_told() {
    let sandbox = Sandbox::new();
    sandbox.run(["config", "list"]).code(0).stderr("");
}

#[test]
fn an_empty_variable_says_nothing() {
    let sandbox = Sandbox::new();
    let mut call = sandbox.command(["-v", "config", "list"]);
    for name in [
        "VERTEX_BACKUP_DB",
        "VERTEX_BACKUP_BACKUP_DIR",
        "VERTEX_BACKUP_CONFIG",
        "VERTEX_BACKUP_STATE",
        "VERTEX_BACKUP_FORMAT",
        "VERTEX_BACKUP_LOCK_WAIT",
        "REMOTE_STORAGE_CONFIG",
    ] {
        call = call.env(name, "");
    }
    let run = call.run().code(0);
    assert_eq!(told(&run, "database"), "'./app_data.db' (found)");
    assert!(run.stdout.starts_with("ID "));
}

#[test]
fn the_format_is_decided_like_the_rest() {
    let json = |sandbox: &Sandbox, arguments: &[&str], variable: &str| {
        let run = sandbox
            .command([arguments, &["config", "get", "globex"]].concat())
            .env("VERTEX_BACKUP_FORMAT", variable)
            .run()
            .code(0);
        run.stdout.starts_with('{')
    };
    let sandbox = Sandbox::new();
    assert!(!json(&sandbox, &[], ""));
    assert!(json(&sandbox, &[], "json"));
    assert!(json(&sandbox, &["--json"], "table"));
    assert!(json(&sandbox, &["--format", "json"], "table"));
    assert!(!json(&sandbox, &["--format", "table"], "json"));
    assert!(!json(&sandbox, &["--format=table"], "json"));
    user_config(&sandbox, r#"{"format": "json"}"#);
    assert!(json(&sandbox, &[], ""));
    assert!(!json(&sandbox, &[], "table"));
    assert!(!json(&sandbox, &["--format", "table"], ""));
    // The flag wins over a variable that is wrong, too.
    assert!(json(&sandbox, &["--json"], "yaml"));
    assert!(!json(&sandbox, &["--format", "table"], "yaml"));
}

#[test]
fn errors_come_in_the_format_that_was_decided() {
    let sandbox = Sandbox::new();
    let error = sandbox
        .command(["config", "get", "nobody"])
        .env("VERTEX_BACKUP_FORMAT", "json")
        .run()
        .code(4)
        .json();
    assert_eq!(error["code"], "company_not_found");
    sandbox
        .command(["config", "get", "nobody", "--format", "table"])
        .env("VERTEX_BACKUP_FORMAT", "json")
        .run()
        .code(4)
        .stdout("");
    user_config(&sandbox, r#"{"format": "json"}"#);
    let error = sandbox.run(["config", "get", "nobody"]).code(4).json();
    assert_eq!(error["code"], "company_not_found");
}

#[test]
fn a_table_asked_for_stays_one_when_the_command_line_is_wrong() {
    let sandbox = Sandbox::new();
    sandbox
        .command(["--format", "table", "config", "frobnicate"])
        .env("VERTEX_BACKUP_FORMAT", "json")
        .run()
        .code(2)
        .stdout("");
    // And when a setting is.
    sandbox
        .command(["--format", "table", "config", "list", "--lock-wait", "soon"])
        .env("VERTEX_BACKUP_FORMAT", "json")
        .run()
        .code(2)
        .stdout("");
}

#[test]
fn table_and_json_at_once_is_wrong_usage() {
    let sandbox = Sandbox::new();
    let error = sandbox
        .run(["config", "list", "--json", "--format", "table"])
        .code(2)
        .json();
    assert_eq!(
        (&error["code"], &error["exit_code"]),
        (&json!("usage"), &json!(2))
    );
}

#[test]
fn a_config_that_is_named_must_be_there() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["--config", "none.json", "config", "list"])
        .code(5)
        .stdout("")
        .stderr("error: The configuration file 'none.json' (--config) does not exist\n");
    let error = sandbox
        .command(["config", "list", "--json"])
        .env("VERTEX_BACKUP_CONFIG", "/none.json")
        .run()
        .code(5)
        .json();
    assert_eq!(error["code"], "config_invalid");
    assert_eq!(
        error["detail"],
        "The configuration file '/none.json' (VERTEX_BACKUP_CONFIG) does not exist"
    );
    // The flag beats the variable.
    sandbox.write("ours.json", r#"{"format": "json"}"#);
    sandbox
        .command(["config", "list", "--config", "ours.json"])
        .env("VERTEX_BACKUP_CONFIG", "/none.json")
        .run()
        .code(0)
        .json();
}

#[test]
fn the_configuration_folder_can_be_elsewhere() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path().join("xdg");
    fs::create_dir_all(folder.join("vertex-backup")).unwrap();
    fs::write(
        folder.join("vertex-backup/config.json"),
        r#"{"format": "json"}"#,
    )
    .unwrap();
    sandbox
        .command(["config", "list"])
        .env("XDG_CONFIG_HOME", &folder)
        .run()
        .code(0)
        .json();
}

#[test]
fn a_malformed_config_is_told_with_its_place() {
    let sandbox = Sandbox::new();
    for (text, place) in [
        ("", "1:0: EOF while parsing a value"),
        ("{\n  \"db\": \"x\",\n}", "3:1: trailing comma"),
        ("{\"db\": 5}", "1:8: db: expected"),
        ("{\"lock_wait\":\n 10}", "2:3: lock_wait: expected"),
        ("{} {}", "1:4: trailing characters"),
        ("[]", "1:"),
        ("\"db\"", "1:"),
        ("null", "1:"),
    ] {
        sandbox.write("ours.json", text);
        let run = sandbox
            .run(["--config", "ours.json", "config", "list"])
            .code(5)
            .stdout("");
        assert!(
            run.stderr.starts_with(&format!("error: ours.json:{place}")),
            "{text:?}: {}",
            run.stderr
        );
        let error = sandbox.json(5, ["--config", "ours.json", "config", "list"]);
        assert_eq!(error["code"], "config_invalid", "{text:?}");
    }
}

#[test]
fn s2_secrets_in_a_malformed_config_are_not_shown() {
    let sandbox = Sandbox::new();
    for text in [
        r#"{"yandex_disk": {"enabled": "y0_CANARY"}}"#,
        r#"{"yandex_disk": "y0_CANARY"}"#,
        r#"{"db": {"y0_CANARY": "y0_CANARY"}}"#,
        r#"{"timeout": ["y0_CANARY"]}"#,
        r#"{"yandex_disk": {"oauth_token": "y0_CANARY" "x": 1}}"#,
        r#"{"google_drive": {"credentials": {"access_token": y0_CANARY}}}"#,
    ] {
        sandbox.write("ours.json", text);
        let run = sandbox
            .run(["--config", "ours.json", "config", "list", "--json", "-vv"])
            .code(5);
        assert!(
            !run.stdout.contains("CANARY") && !run.stderr.contains("CANARY"),
            "{run:?}"
        );
    }
}

#[test]
fn an_unknown_key_is_warned_of_with_the_one_that_was_meant() {
    let sandbox = Sandbox::new();
    let config = user_config(
        &sandbox,
        r#"{"lock-wait": "10m", "zzz": 1, "yandexdisk": {"oauth_token": "y0_CANARY"}, "a\u001bb": 1}"#,
    );
    let shown = "[DIR]/home/.config/vertex-backup/config.json";
    sandbox
        .run(["config", "get", "globex"])
        .code(0)
        .stderr(&format!(
            "warning: {shown}: unknown key 'lock-wait', did you mean 'lock_wait'?\n\
             warning: {shown}: unknown key 'zzz'\n\
             warning: {shown}: unknown key 'yandexdisk', did you mean 'yandex_disk'?\n\
             warning: {shown}: unknown key 'a\\u{{1b}}b'\n"
        ));
    sandbox
        .run(["-q", "config", "get", "globex"])
        .code(0)
        .stderr("");
    fs::remove_file(config).unwrap();
}

#[test]
fn a_value_no_setting_can_have_is_told_with_where_it_came_from() {
    let sandbox = Sandbox::new();
    for (variable, key, value, why) in [
        (
            "VERTEX_BACKUP_FORMAT",
            "format",
            "yaml",
            "it is one of table, json",
        ),
        (
            "VERTEX_BACKUP_PROGRESS",
            "progress",
            "loud",
            "it is one of auto, bar, plain, json, none",
        ),
        (
            "VERTEX_BACKUP_COLOR",
            "color",
            "red",
            "it is one of auto, always, never",
        ),
        (
            "VERTEX_BACKUP_LOCK_WAIT",
            "lock_wait",
            "soon",
            "'soon' is not a length of time; write it like 90s, 15m, 26h or 7d",
        ),
        (
            "VERTEX_BACKUP_TIMEOUT",
            "timeout",
            "-1s",
            "'-1s' is not a length of time; write it like 90s, 15m, 26h or 7d",
        ),
    ] {
        sandbox
            .command(["config", "list"])
            .env(variable, value)
            .run()
            .code(2)
            .stdout("")
            .stderr(&format!(
                "error: invalid value '{value}' from {variable}: {why}\n"
            ));
        // That file may hold tokens, and this may be one: only the place is told.
        sandbox.write("ours.json", json!({ key: value }).to_string());
        let run = sandbox.run(["config", "list", "--config", "ours.json"]);
        let run = run.code(5).stdout("");
        let place = format!(
            "error: ours.json:1:{}: {key}: expected ",
            key.len() + value.len() + 7
        );
        assert!(run.stderr.starts_with(&place), "{}", run.stderr);
        assert!(!run.stderr.contains(value), "{}", run.stderr);
        let flag = format!("--{}={value}", key.replace('_', "-"));
        let error = sandbox.json(2, ["config", "list", &flag]);
        assert_eq!(error["code"], "usage", "{flag}");
        assert!(error["detail"].as_str().unwrap().contains(value), "{flag}");
    }
}

#[test]
fn a_provider_file_that_is_named_and_missing_is_warned_of() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["--remote-config", "none.json", "config", "get", "globex"])
        .code(0)
        .stderr("warning: the provider file 'none.json' (--remote-config) does not exist\n");
    sandbox
        .command(["config", "get", "globex"])
        .env("REMOTE_STORAGE_CONFIG", "none.json")
        .run()
        .code(0)
        .stderr("warning: the provider file 'none.json' (REMOTE_STORAGE_CONFIG) does not exist\n");
}

#[test]
fn a_database_that_is_named_is_not_replaced_by_one_that_is_found() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["--db", "none.db", "config", "list"])
        .code(4)
        .stdout("");
    sandbox
        .command(["config", "list"])
        .env("VERTEX_BACKUP_DB", "none.db")
        .run()
        .code(4)
        .stdout("");
    user_config(&sandbox, r#"{"db": "none.db"}"#);
    sandbox.run(["config", "list"]).code(4).stdout("");
}

#[test]
fn the_state_can_be_elsewhere() {
    let sandbox = Sandbox::new();
    let before = Sandbox::files_below(&sandbox.app());
    let state = sandbox.path().join("home/ours.db");
    let run = |arguments: &[&str]| {
        sandbox
            .command(arguments)
            .env("VERTEX_BACKUP_STATE", &state)
            .run()
            .code(0)
    };
    run(&["config", "set", "acme-corp", "--provider", "local", "-q"]);
    assert_eq!(run(&["history", "--json"]).json()["count"], 1);
    assert_eq!(Sandbox::files_below(&sandbox.app()), before);
    assert_eq!(sandbox.json(0, ["history"])["count"], 0);
    assert!(state.is_file());
}

#[test]
fn a_state_in_a_folder_that_is_not_there_is_told() {
    let sandbox = Sandbox::new();
    let error = sandbox
        .command([
            "config",
            "set",
            "acme-corp",
            "--provider",
            "local",
            "--json",
        ])
        .env("VERTEX_BACKUP_STATE", "none/ours.db")
        .run()
        .code(12)
        .json();
    assert_eq!(error["code"], "local_io");
    assert!(error["detail"].as_str().unwrap().contains("none/ours"));
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("VERTEX_BACKUP_STATE")
    );
    let provider: Option<String> = sandbox
        .sql()
        .query_row(
            "SELECT backup_provider FROM companies WHERE id = 'acme-corp'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(provider, None);
}

#[test]
fn every_spelling_of_the_database_finds_one_history() {
    let sandbox = Sandbox::assigned();
    symlink(sandbox.db(), sandbox.path().join("home/link.db")).unwrap();
    let absolute = sandbox.db();
    for db in [
        absolute.to_str().unwrap(),
        "app_data.db",
        "./backups/../app_data.db",
        "../home/link.db",
    ] {
        assert_eq!(sandbox.json(0, ["--db", db, "history"])["count"], 1, "{db}");
    }
}

#[test]
fn x46_without_a_home_what_is_named_works() {
    let sandbox = Sandbox::new();
    let root = sandbox.path().join("nas");
    fs::create_dir(&root).unwrap();
    let provider_file = sandbox.write(
        "config/remote_storage.json",
        json!({"local": {"root": root}}).to_string(),
    );
    fs::set_permissions(provider_file, fs::Permissions::from_mode(0o600)).unwrap();
    // Keeps a configuration of whoever runs the tests out.
    sandbox.write("ours.json", "{}");
    for home in [None, Some(""), Some("/nonexistent")] {
        let run = |arguments: &[&str]| {
            let mut call = sandbox.command([&["--config", "ours.json"], arguments].concat());
            match home {
                Some(home) => call.command.env("HOME", home),
                None => call.command.env_remove("HOME"),
            };
            call.command.env_remove("USER");
            call.run().code(0)
        };
        run(&["config", "set", "acme-corp", "--provider", "local", "-q"]).stderr("");
        run(&[
            "sync",
            "acme-corp",
            "backups/database/db_backup_20250131_040000.db",
            "-q",
        ])
        .stderr("");
        let files = run(&["files", "acme-corp", "--json"]).json();
        assert_eq!(files["count"], 1, "{home:?}");
    }
}

#[test]
fn x46_a_home_that_cannot_be_written_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("ours.json", "{}");
    let error = sandbox
        .command([
            "--config",
            "ours.json",
            "config",
            "set",
            "acme-corp",
            "--provider",
            "local",
            "--json",
        ])
        .env("HOME", "/proc/nowhere")
        .run()
        .json();
    assert_eq!(error["success"], false);
    let text = error.to_string();
    assert!(text.contains("/proc/nowhere"), "{text}");
    assert!(!text.contains("os error"), "{text}");
    assert_ne!(error["exit_code"], 1, "{text}");
    let list = sandbox.json(0, ["config", "list"]);
    assert_eq!(list["configured"], 1);
}

/// Settings as they are resolved for somebody who has no home at all.
fn homeless() -> Settings {
    let nothing = |_: &str| -> Option<OsString> { None };
    Settings::resolve(
        Flags::default(),
        &Surroundings {
            variable: &nothing,
            config_dir: None,
            data_dir: None,
        },
    )
    .unwrap()
}

#[test]
fn x46_without_any_home_the_local_root_does_not_hang_on_the_working_folder() {
    // Or a sync from one folder and a download from another would not meet.
    let root = homeless().builtin_root;
    assert!(root.is_absolute(), "{}", root.display());
}

#[test]
fn s4_a_wide_config_with_secrets_is_warned_of() {
    let sandbox = Sandbox::new();
    let config = user_config(&sandbox, r#"{"yandex_disk": {"oauth_token": "y0_CANARY"}}"#);
    sandbox.run(["config", "get", "globex"]).code(0).stderr("");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
    let shown = "[DIR]/home/.config/vertex-backup/config.json";
    sandbox
        .run(["config", "get", "globex"])
        .code(0)
        .stderr(&format!(
            "warning: '{shown}' can be read by others (mode 0644); run: chmod 600 '{shown}'\n"
        ));
    // Without secrets there is nothing to hide.
    fs::write(&config, r#"{"color": "never"}"#).unwrap();
    sandbox.run(["config", "get", "globex"]).code(0).stderr("");
}

#[test]
fn globals_are_taken_before_and_after_the_command() {
    let sandbox = Sandbox::new();
    fs::rename(sandbox.db(), sandbox.file("other.db")).unwrap();
    let before: Value = sandbox
        .run(["--db", "other.db", "--json", "config", "list"])
        .code(0)
        .json();
    let after = sandbox
        .run(["config", "list", "--json", "--db", "other.db"])
        .code(0)
        .json();
    assert_eq!(before["count"], 7);
    assert_eq!(before, after);
}
