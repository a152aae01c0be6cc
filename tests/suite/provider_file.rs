//! The provider file: shared with the application, full of secrets, rewritten without losing a key.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Call, DB, Outcome, Sandbox, give_to_nobody, keys, signal};

/// What no output may ever hold.
const CANARY: &str = "y0_CaNaRy";

const FILE: &str = "config/remote_storage.json";

/// The provider file, 0600.
fn put(sandbox: &Sandbox, text: impl AsRef<[u8]>) -> PathBuf {
    let path = sandbox.write(FILE, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn text_of(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.file(FILE)).unwrap()
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs a command that is given this on stdin.
fn with_stdin(mut call: Call<'_>, sandbox: &Sandbox, text: &str) -> Outcome {
    call.command.stdin(Stdio::piped());
    let mut child = call.spawn();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    Outcome::of(&child.wait_with_output().unwrap(), sandbox)
}

#[track_caller]
fn assert_secret(run: &Outcome) {
    assert!(
        !run.stdout.contains(CANARY) && !run.stderr.contains(CANARY),
        "{run:?}"
    );
}

/// A provider as `providers --all --json` lists it.
fn listed(sandbox: &Sandbox, name: &str) -> Value {
    let run = sandbox.run(["providers", "--all", "--json"]).code(0);
    assert_secret(&run);
    let list = run.json();
    let found = list["providers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|provider| provider["name"] == name);
    found.unwrap().clone()
}

#[test]
fn x44_without_a_provider_file_only_local_is_there() {
    let sandbox = Sandbox::new();
    fs::remove_dir_all(sandbox.file("config")).unwrap();
    let table = sandbox
        .run(["providers", "--all"])
        .code(0)
        .stderr("")
        .stdout;
    let states: Vec<_> = table
        .lines()
        .skip(1)
        .map(|line| line[14..].split("  ").next().unwrap())
        .collect();
    assert_eq!(states, ["not configured", "not configured", "connected"]);
    let list = sandbox.json(0, ["providers"]);
    assert_eq!(keys(&list), ["success", "providers", "count"]);
    assert_eq!(list["count"], 1);
    assert_eq!(keys(&list["providers"][0])[..2], ["name", "connected"]);
}

#[test]
fn the_applications_example_file_configures_nothing() {
    let sandbox = Sandbox::new();
    let example = fs::read(sandbox.file("config/remote_storage.example.json")).unwrap();
    put(&sandbox, example);
    let list = sandbox.json(0, ["providers"]);
    assert_eq!(list["count"], 1);
    assert_eq!(list["providers"][0]["name"], "local");
}

#[test]
fn x44_a_malformed_file_is_told_with_its_place_and_never_means_no_providers() {
    let sandbox = Sandbox::assigned();
    for (text, place) in [
        ("", "1:0: EOF while parsing a value"),
        ("\n\n", "3:0: EOF while parsing a value"),
        ("{} {}", "1:4: trailing characters"),
        ("{\"local\" {}}", "1:10: "),
        ("null", "1:4: "),
        ("\"local\"", "1:7: "),
        (
            "{\"local\": {\"enabled\": true, \"enabled\": false}}",
            "1:37: local: duplicate field `enabled`",
        ),
        (
            "{\n  \"local\": {\"root\": \"/x\",}\n}",
            "2:26: local: trailing comma",
        ),
    ] {
        put(&sandbox, text);
        let run = sandbox.run(["providers", "--json"]).code(5);
        let start = format!("error: ./{FILE}:{place}");
        assert!(run.stderr.starts_with(&start), "{text:?} {}", run.stderr);
        assert_eq!(run.json()["code"], "config_invalid", "{text:?}");
    }
    // Whatever asks for the providers meets it, and nobody writes over it.
    let broken = "{\n  \"local\": {\n";
    put(&sandbox, broken);
    for words in [
        &["providers"][..],
        &["providers", "--no-check"],
        &["providers", "test"],
        &["providers", "info"],
        &["config", "set", "globex", "--provider", "local"],
        &[
            "config",
            "set",
            "globex",
            "--provider",
            "local",
            "--no-test",
        ],
        &["files", "acme-corp"],
        &["status"],
        &["providers", "set", "local", "--root", "/x"],
        &["providers", "unset", "local"],
    ] {
        let run = sandbox.run(words).code(5).stdout("");
        let place = format!("{FILE}:3:0: local: EOF while parsing an object\n");
        assert!(run.stderr.contains(&place), "{words:?} {}", run.stderr);
        assert_eq!(text_of(&sandbox), broken, "{words:?}");
    }
    assert_eq!(
        Sandbox::files_below(&sandbox.file("config")),
        ["remote_storage.example.json", "remote_storage.json"]
    );
}

#[test]
fn x44_a_list_in_place_of_an_object_is_no_configuration() {
    let sandbox = Sandbox::new();
    for text in [
        "[]",
        r#"[{"enabled": true, "oauth_token": "y0_CaNaRy"}]"#,
        r#"{"local": []}"#,
        r#"{"yandex_disk": [true, "y0_CaNaRy"]}"#,
        r#"{"google_drive": {"credentials": ["y0_CaNaRy"]}}"#,
    ] {
        put(&sandbox, text);
        let run = sandbox.run(["providers", "--json"]).code(5);
        assert_secret(&run);
        assert_eq!(run.json()["code"], "config_invalid", "{text}");
        sandbox
            .run(["providers", "set", "local", "--root", "/x"])
            .code(5);
        assert_eq!(text_of(&sandbox), text);
    }
}

#[test]
fn s2_a_value_of_the_wrong_type_is_never_shown() {
    let text = json!(CANARY);
    let object = json!({ CANARY: CANARY });
    let list = json!([[CANARY]]);
    let number = json!(7_355_608);
    let not_text = [&object, &list, &number];
    let not_object = [&text, &number];
    let mut cases: Vec<(&str, &Value)> = Vec::new();
    for section in [
        "yandex_disk",
        "google_drive",
        "local",
        "google_drive.credentials",
    ] {
        cases.extend(not_object.map(|value| (section, value)));
    }
    for key in [
        "yandex_disk.enabled",
        "google_drive.enabled",
        "google_drive.chunk_size",
        "local.enabled",
    ] {
        cases.extend([&text, &object, &list, &number].map(|value| (key, value)));
    }
    for key in [
        "yandex_disk.oauth_token",
        "yandex_disk.oauth_token_file",
        "yandex_disk.api_url",
        "google_drive.api_url",
        "google_drive.credentials.access_token",
        "google_drive.credentials.access_token_file",
        "google_drive.credentials.refresh_token",
        "google_drive.credentials.refresh_token_file",
        "google_drive.credentials.client_id",
        "google_drive.credentials.client_secret",
        "google_drive.credentials.client_secret_file",
        "google_drive.credentials.token_uri",
        "google_drive.credentials.auth_uri",
        "google_drive.credentials.device_uri",
        "google_drive.credentials.scope",
        "google_drive.credentials.token_expires_at",
        "google_drive.credentials.refresh_token_issued_at",
        "google_drive.credentials.refresh_token_expires_at",
        "google_drive.credentials.service_account_file",
        "google_drive.credentials.impersonate",
        "google_drive.credentials.folder_id",
        "google_drive.credentials.shared_drive_id",
        "local.root",
    ] {
        cases.extend(not_text.map(|value| (key, value)));
    }
    for key in [
        "yandex_disk.oauth_token_command",
        "google_drive.credentials.access_token_command",
        "google_drive.credentials.refresh_token_command",
        "google_drive.credentials.client_secret_command",
    ] {
        cases.extend(not_text.map(|value| (key, value)));
    }
    // A file that may be torn is read again after a while: side by side that is once.
    std::thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(16)) {
            scope.spawn(move || {
                let sandbox = Sandbox::empty();
                for (key, value) in part {
                    assert_refused_without_the_value(&sandbox, key, value);
                }
            });
        }
    });
}

fn assert_refused_without_the_value(sandbox: &Sandbox, key: &str, value: &Value) {
    let whole = key
        .rsplit('.')
        .fold(value.clone(), |inner, key| json!({ key: inner }));
    put(sandbox, format!("\n{whole}"));
    let run = sandbox.run(["providers", "--json", "-vv"]).code(5);
    assert_secret(&run);
    assert!(!run.stderr.contains("7355608"), "{}", run.stderr);
    let error = run.json();
    assert_eq!(error["code"], "config_invalid", "{key}");
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(&format!("./{FILE}:2:")) && detail.contains(&format!(": {key}")),
        "{key}: {detail}"
    );
}

#[test]
fn s2_a_secret_in_broken_json_is_never_shown() {
    let sandbox = Sandbox::new();
    for text in [
        r#"{"yandex_disk": {"oauth_token": "y0_CaNaRy" "enabled": true}}"#,
        r#"{"yandex_disk": {"oauth_token": y0_CaNaRy}}"#,
        r#"{"yandex_disk": {"oauth_token": "y0_CaNaRy}}"#,
        r#"{"yandex_disk": {"oauth_token": "y0_CaNaRy\q"}}"#,
        r#"{"yandex_disk": {"oauth_token": "y0_CaNaRy\ud800"}}"#,
        "{\"yandex_disk\": {\"oauth_token\": \"y0_CaNaRy\n\"}}",
        r#"{"yandex_disk": {"oauth_token": 'y0_CaNaRy'}}"#,
        r#"{"yandex_disk": {"oauth_token": "y0_CaNaRy", "oauth_token": "y0_CaNaRy"}}"#,
        r#"{"yandex_disk": {"oauth_token": "y0_CaNaRy", "oauth_token_command": "echo y0_CaNaRy"}}"#,
        r#"{"yandex_disk": {"api_url": "http://y0_CaNaRy@cloud-api.yandex.net/"}}"#,
        r#"{"google_drive": {"credentials": {"token_uri": "http://oauth2.example/?secret=y0_CaNaRy"}}}"#,
        r#"{"yandex_disk": {"oauth_token_command": "echo 'y0_CaNaRy"}}"#,
        r#"{"local": {"root": "y0_CaNaRy/relative"}}"#,
    ] {
        put(&sandbox, text);
        let run = sandbox.run(["providers", "--json", "-vv"]).code(5);
        assert_secret(&run);
        assert_eq!(run.json()["code"], "config_invalid", "{text}");
    }
}

#[test]
fn secrets_are_in_no_output_and_in_no_history() {
    let sandbox = Sandbox::new();
    put(
        &sandbox,
        json!({
            "yandex_disk": {"enabled": true, "oauth_token": CANARY},
            "google_drive": {"enabled": true, "credentials": {
                "refresh_token": CANARY, "client_secret": CANARY, "client_id": "id"}},
        })
        .to_string(),
    );
    for words in [
        &["providers", "--all"][..],
        &["providers", "test"],
        &["providers", "info"],
        &["config", "set", "acme-corp", "--provider", "yandex_disk"],
        &["config", "set", "acme-corp", "--provider", "google_drive"],
        &[
            "config",
            "set",
            "acme-corp",
            "--provider",
            "yandex_disk",
            "--no-test",
        ],
        &[
            "sync",
            "acme-corp",
            "backups/database/db_backup_20250131_040000.db",
        ],
        &["files", "globex"],
        &["status"],
        &["providers", "set", "local", "--root", "/nonexistent"],
        &["history"],
    ] {
        assert_secret(&sandbox.run([words, &["-vv"]].concat()));
        assert_secret(&sandbox.run([words, &["-vv", "--json"]].concat()));
    }
    let set = with_stdin(
        sandbox.command(["providers", "set", "yandex_disk", "--token-stdin", "-vv"]),
        &sandbox,
        &format!("{CANARY}-2\n"),
    )
    .code(0);
    assert_secret(&set);
    for name in Sandbox::files_below(&sandbox.app()) {
        if name.starts_with("app_data.backup-state") {
            let bytes = fs::read(sandbox.file(&name)).unwrap();
            let found = bytes
                .windows(CANARY.len())
                .any(|window| window == CANARY.as_bytes());
            assert!(!found, "{name}");
        }
    }
}

#[test]
fn x44_a_file_others_can_read_is_warned_of() {
    let sandbox = Sandbox::new();
    let path = put(&sandbox, "{}");
    sandbox.run(["providers"]).code(0).stderr("");
    for mode in [0o644, 0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        sandbox.run(["providers"]).code(0).stderr(&format!(
            "warning: './{FILE}' can be read by others (mode {mode:04o}); run: chmod 600 './{FILE}'\n"
        ));
    }
    sandbox.run(["providers", "-q"]).code(0).stderr("");
    // Commands that do not read it have nothing to say about it.
    sandbox.run(["config", "list"]).code(0).stderr("");
}

/// As an administrator may have written it: unknown keys, own order, non-ASCII.
const GROWN: &str = r#"{
  "zeta": {
    "b": 1,
    "a": [
      true,
      null,
      1.5,
      "ü\"\\ \u0001"
    ]
  },
  "yandex_disk": {
    "note": "наш диск",
    "oauth_token": "y0_old",
    "enabled": false,
    "quota": 18446744073709551615
  },
  "google_drive": {
    "credentials": {
      "folder_id": "F",
      "access_token": "ya29.old",
      "team": "ops"
    },
    "enabled": true
  },
  "alpha": -0.25
}
"#;

#[test]
fn x44_setting_a_token_keeps_every_other_key_in_its_place() {
    let sandbox = Sandbox::new();
    put(&sandbox, GROWN);
    let set = with_stdin(
        sandbox.command(["providers", "set", "yandex_disk", "--token-stdin"]),
        &sandbox,
        "  y0_new\nsecond line\n",
    );
    set.code(0)
        .stdout(&format!(
            "Provider settings written: yandex_disk in ./{FILE}\n"
        ))
        .stderr("note: test it: vertex-backup providers test yandex_disk\n");
    // A secret that was there is put anew, at the end of its section.
    let expected = GROWN
        .replace("    \"oauth_token\": \"y0_old\",\n", "")
        .replace("\"enabled\": false,", "\"enabled\": true,")
        .replace(
            "18446744073709551615\n",
            "18446744073709551615,\n    \"oauth_token\": \"y0_new\"\n",
        );
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let now: Value = serde_json::from_str(&text_of(&sandbox)).unwrap();
    assert_eq!(now, expected);
    assert_eq!(keys(&now), ["zeta", "yandex_disk", "google_drive", "alpha"]);
    assert_eq!(keys(&now["zeta"]), ["b", "a"]);
    let others = keys(&now["yandex_disk"])
        .into_iter()
        .filter(|key| *key != "oauth_token")
        .collect::<Vec<_>>();
    assert_eq!(others, ["note", "enabled", "quota"]);
    assert_eq!(mode_of(&sandbox.file(FILE)), 0o600);
}

#[test]
fn setting_another_provider_changes_no_byte_of_the_rest() {
    let sandbox = Sandbox::new();
    put(&sandbox, GROWN);
    sandbox
        .run(["providers", "set", "local", "--root", "/mnt/nas"])
        .code(0);
    let expected = GROWN.replace(
        "  \"alpha\": -0.25\n",
        "  \"alpha\": -0.25,\n  \"local\": {\n    \"enabled\": true,\n    \"root\": \"/mnt/nas\"\n  }\n",
    );
    assert_eq!(text_of(&sandbox), expected);
    sandbox.run(["providers", "unset", "local", "-q"]).code(0);
    let expected = GROWN.replace(
        "  \"alpha\": -0.25\n",
        "  \"alpha\": -0.25,\n  \"local\": {}\n",
    );
    assert_eq!(text_of(&sandbox), expected);
}

#[test]
fn giving_a_secret_another_way_takes_the_old_way_away() {
    let sandbox = Sandbox::new();
    put(&sandbox, GROWN);
    let token = sandbox.write("token.txt", "ya29.new\n");
    sandbox
        .run([
            "providers",
            "set",
            "google_drive",
            "--token-file",
            "token.txt",
            "-q",
        ])
        .code(0);
    let now: Value = serde_json::from_str(&text_of(&sandbox)).unwrap();
    assert_eq!(
        now["google_drive"],
        json!({"credentials": {"folder_id": "F", "team": "ops", "access_token_file": token}, "enabled": true})
    );
    sandbox
        .run([
            "providers",
            "set",
            "google_drive",
            "--token-command",
            "pass show 'drive token'",
            "-q",
        ])
        .code(0);
    let now: Value = serde_json::from_str(&text_of(&sandbox)).unwrap();
    assert_eq!(
        now["google_drive"]["credentials"],
        json!({"folder_id": "F", "team": "ops", "access_token_command": "pass show 'drive token'"})
    );
}

#[test]
fn unsetting_removes_the_secrets_and_keeps_what_is_not_ours() {
    let sandbox = Sandbox::new();
    put(&sandbox, GROWN);
    let unset = sandbox.json(0, ["providers", "unset", "google_drive"]);
    assert_eq!(unset["configured"], false);
    let now: Value = serde_json::from_str(&text_of(&sandbox)).unwrap();
    assert_eq!(
        now["google_drive"],
        json!({"credentials": {"folder_id": "F", "team": "ops"}, "enabled": false})
    );
    assert_eq!(now["yandex_disk"]["oauth_token"], "y0_old");
    sandbox
        .run(["providers", "unset", "yandex_disk", "-q"])
        .code(0);
    assert!(!text_of(&sandbox).contains("y0_old"));
    let now: Value = serde_json::from_str(&text_of(&sandbox)).unwrap();
    assert_eq!(keys(&now["yandex_disk"]), ["note", "enabled", "quota"]);
    assert_eq!(now["yandex_disk"]["note"], "наш диск");
}

#[test]
fn unsetting_what_was_never_set_adds_nothing() {
    let sandbox = Sandbox::new();
    put(&sandbox, "{\n  \"alpha\": 1\n}\n");
    sandbox
        .run(["providers", "unset", "yandex_disk", "-q"])
        .code(0);
    assert_eq!(text_of(&sandbox), "{\n  \"alpha\": 1\n}\n");
}

/// Writes the file anew and again under a umask; its mode and its folder's both times.
fn modes_under(umask: &str) -> Vec<(u32, u32)> {
    let sandbox = Sandbox::new();
    let path = sandbox.file("private/p.json");
    let mut modes = Vec::new();
    for words in [
        &["providers", "set", "local", "--root", "/mnt/nas"][..],
        &["providers", "unset", "local"],
    ] {
        if path.exists() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        }
        sandbox
            .command([words, &["--remote-config", "private/p.json", "-q"]].concat())
            .limited(&format!("-c 0; umask {umask}"))
            .run()
            .code(0);
        modes.push((mode_of(&path), mode_of(path.parent().unwrap())));
        let files = Sandbox::files_below(&sandbox.file("private"));
        assert_eq!(files, ["p.json"], "nothing is left beside it");
    }
    modes
}

#[test]
fn s4_the_file_is_private_and_nothing_is_left_beside_it() {
    for umask in ["000", "022", "077"] {
        assert_eq!(modes_under(umask), [(0o600, 0o700); 2], "umask {umask}");
    }
}

#[test]
fn s4_a_umask_that_takes_the_owners_rights_does_not_take_them_from_the_file() {
    for umask in ["177", "777"] {
        assert_eq!(modes_under(umask), [(0o600, 0o700); 2], "umask {umask}");
    }
}

#[test]
fn x44_a_link_stays_a_link_and_the_file_behind_it_is_written() {
    let sandbox = Sandbox::new();
    let real = sandbox.path().join("home/secrets.json");
    fs::write(&real, GROWN).unwrap();
    let link = sandbox.file(FILE);
    symlink(&real, &link).unwrap();
    sandbox
        .run(["providers", "set", "local", "--root", "/mnt/nas"])
        .code(0);
    assert_eq!(fs::read_link(&link).unwrap(), real);
    let now: Value = serde_json::from_str(&fs::read_to_string(&real).unwrap()).unwrap();
    assert_eq!(now["local"]["root"], "/mnt/nas");
    assert_eq!(now["alpha"], -0.25);
    assert_eq!(mode_of(&real), 0o600);
    assert_eq!(
        Sandbox::files_below(&sandbox.file("config")),
        ["remote_storage.example.json", "remote_storage.json"]
    );
    assert_eq!(
        Sandbox::files_below(&sandbox.path().join("home")),
        ["secrets.json"]
    );
}

#[test]
fn a_file_that_cannot_be_written_is_left_as_it_is() {
    let sandbox = Sandbox::new();
    put(&sandbox, GROWN);
    give_to_nobody(sandbox.path());
    fs::set_permissions(sandbox.file("config"), fs::Permissions::from_mode(0o555)).unwrap();
    let run = sandbox
        .command(["providers", "set", "local", "--root", "/mnt/nas", "--json"])
        .unprivileged()
        .run();
    fs::set_permissions(sandbox.file("config"), fs::Permissions::from_mode(0o755)).unwrap();
    let error = run.code(12).json();
    assert_eq!(error["code"], "local_io");
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("remote_storage.json")
    );
    assert_eq!(text_of(&sandbox), GROWN);
}

#[test]
fn x44_a_file_that_cannot_be_read_is_told_and_not_taken_for_none() {
    let sandbox = Sandbox::new();
    let path = put(&sandbox, r#"{"local": {"enabled": false}}"#);
    give_to_nobody(sandbox.path());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let error = sandbox
        .command(["providers", "--json"])
        .unprivileged()
        .run()
        .code(12)
        .json();
    assert_eq!(error["code"], "local_io");
    assert_eq!(
        error["detail"],
        format!("cannot read './{FILE}': permission denied")
    );
}

#[test]
fn two_who_set_at_once_lose_nothing_of_each_other() {
    let sandbox = Sandbox::new();
    put(&sandbox, GROWN);
    let token = sandbox.write("token.txt", "t\n");
    let local = ["--root", "/mnt/nas"];
    let cloud = ["--token-file", token.to_str().unwrap()];
    let runs = [
        ("local", local),
        ("yandex_disk", cloud),
        ("google_drive", cloud),
    ]
    .map(|(name, [option, value])| {
        sandbox
            .command([
                "providers",
                "set",
                name,
                option,
                value,
                "--lock-wait",
                "30s",
            ])
            .spawn()
    });
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let now: Value = serde_json::from_str(&text_of(&sandbox)).unwrap();
    assert_eq!(now["local"]["root"], "/mnt/nas");
    assert_eq!(now["yandex_disk"]["oauth_token_file"], json!(token));
    assert_eq!(
        now["google_drive"]["credentials"]["access_token_file"],
        json!(token)
    );
}

#[test]
fn options_of_another_provider_and_secrets_in_the_arguments_are_wrong_usage() {
    let sandbox = Sandbox::new();
    for words in [
        &["local", "--token-stdin"][..],
        &["local"],
        &["local", "--root", ""],
        &["yandex_disk"],
        &["yandex_disk", "--root", "/x"],
        &["yandex_disk", "--client-id", "x"],
        &["google_drive", "--root", "/x"],
        &["yandex_disk", "--token", CANARY],
        &["yandex_disk", "--token-file", "none.txt"],
        &["yandex_disk", "--token-command", "echo 'open"],
        &["yandex_disk", "--token-command", ""],
        &["yandex_disk", "--token-stdin"],
        &["yandex_disk", "--token-stdin", "--token-command", "true"],
        &["dropbox", "--root", "/x"],
    ] {
        let error = sandbox.json(2, [&["providers", "set"][..], words].concat());
        assert_eq!(error["exit_code"], 2, "{words:?}");
        assert!(!sandbox.file(FILE).exists(), "{words:?}");
    }
    assert!(!sandbox.state().exists());
}

#[test]
fn a_secret_in_a_file_is_read_or_its_file_is_named() {
    let sandbox = Sandbox::new();
    let token = sandbox.file("token.txt");
    put(
        &sandbox,
        json!({"yandex_disk": {"enabled": true, "oauth_token_file": token}}).to_string(),
    );
    let failed = |why: String| {
        let provider = listed(&sandbox, "yandex_disk");
        assert_eq!(
            (
                &provider["configured"],
                &provider["connected"],
                &provider["reason"]
            ),
            (&json!(true), &json!(false), &json!("auth")),
            "{provider}"
        );
        let detail = provider["detail"]
            .as_str()
            .unwrap()
            .replace(&*sandbox.path().to_string_lossy(), "[DIR]");
        assert_eq!(
            detail,
            format!("Provider 'yandex_disk' is not configured: oauth_token: {why}")
        );
    };
    let shown = "[DIR]/app/token.txt";
    failed(format!("cannot read '{shown}': no such file or directory"));
    fs::write(&token, "").unwrap();
    failed("it is empty".into());
    fs::write(&token, format!("  \n{CANARY}\n")).unwrap();
    failed("it is empty".into());
    fs::write(&token, "YOUR_YANDEX_DISK_OAUTH_TOKEN\n").unwrap();
    failed("it still holds the placeholder of the example file".into());
    fs::remove_file(&token).unwrap();
    fs::create_dir(&token).unwrap();
    failed(format!("'{shown}' is not a file"));
    fs::remove_dir(&token).unwrap();
    // Read to its first line, it is in place; what is missing then is the adapter.
    fs::write(&token, format!("{CANARY}\nnoise")).unwrap();
    let provider = listed(&sandbox, "yandex_disk");
    assert_eq!(provider["connected"], false);
    assert_ne!(provider["reason"], "auth", "{provider}");
}

#[test]
fn x47_a_secret_from_a_command_is_run_without_a_shell() {
    let sandbox = Sandbox::new();
    let configure = |command: Value| {
        put(
            &sandbox,
            json!({"yandex_disk": {"enabled": true, "oauth_token_command": command}}).to_string(),
        );
        listed(&sandbox, "yandex_disk")
    };
    for command in [
        json!(
            "echo $(touch pwned) `touch pwned`; touch pwned && touch pwned | touch pwned > pwned"
        ),
        json!(["echo", "$(touch pwned)", "; touch pwned"]),
        json!("printf '%s\n' 'y0 CaNaRy'"),
    ] {
        let provider = configure(command.clone());
        assert_ne!(provider["reason"], "auth", "{command} {provider}");
    }
    assert!(!sandbox.file("pwned").exists());

    let failed = |command: Value, why: &str| {
        let provider = configure(command);
        assert_eq!(provider["reason"], "auth", "{provider}");
        assert_eq!(
            provider["detail"],
            format!("Provider 'yandex_disk' is not configured: oauth_token: {why}")
        );
    };
    failed(json!("true"), "it is empty");
    failed(json!(["sh", "-c", "echo; echo y0_CaNaRy"]), "it is empty");
    failed(
        json!(["sh", "-c", "echo y0_CaNaRy; echo y0_CaNaRy >&2; exit 3"]),
        "'sh' failed with exit status: 3: [redacted]",
    );
    failed(
        json!("/no/such/program y0_CaNaRy"),
        "cannot run '/no/such/program': no such file or directory",
    );
    failed(json!([]), "the command is empty");
    failed(
        json!(["sh", "-c", "printf '\\377\\376'"]),
        "'sh' printed something that is not text",
    );
}

#[test]
fn a_command_for_a_secret_is_run_only_when_the_secret_is_needed() {
    let sandbox = Sandbox::new();
    put(
        &sandbox,
        json!({"yandex_disk": {"enabled": true, "oauth_token_command": ["touch", "ran"]}})
            .to_string(),
    );
    for words in [
        &["providers", "--no-check"][..],
        &["config", "list"],
        &["config", "set", "acme-corp", "--provider", "local"],
        &["history"],
    ] {
        sandbox.run(words).code(0);
        assert!(!sandbox.file("ran").exists(), "{words:?}");
    }
    sandbox.run(["providers"]).code(0);
    assert!(sandbox.file("ran").exists());
}

#[test]
fn x47_interrupting_a_command_that_hangs_ends_the_run_at_once() {
    let sandbox = Sandbox::new();
    put(
        &sandbox,
        json!({"yandex_disk": {"enabled": true,
            "oauth_token_command": ["sh", "-c", "touch started; exec sleep 600"]}})
        .to_string(),
    );
    let run = sandbox
        .command(["providers", "test", "yandex_disk", "--json"])
        .spawn();
    for _ in 0..600 {
        if sandbox.file("started").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(sandbox.file("started").exists());
    signal(&run, Signal::INT);
    // Its pipes are at their end only when the hanging command is gone too.
    let run = Outcome::of(&run.wait_with_output().unwrap(), &sandbox).code(130);
    assert_eq!(run.json()["code"], "interrupted");
}

#[test]
fn credentials_that_belong_together_are_asked_for() {
    let sandbox = Sandbox::new();
    for (credentials, why) in [
        (json!({}), "credentials.access_token is missing"),
        (
            json!({"refresh_token": CANARY}),
            "credentials.client_secret is missing",
        ),
        (
            json!({"refresh_token": CANARY, "client_secret": CANARY}),
            "credentials.client_id is missing",
        ),
        (
            json!({"service_account_file": "/nonexistent/sa.json"}),
            "the service account file '/nonexistent/sa.json' is missing",
        ),
        (
            json!({"access_token": "YOUR_GOOGLE_DRIVE_ACCESS_TOKEN"}),
            "credentials.access_token: it still holds the placeholder of the example file",
        ),
    ] {
        put(
            &sandbox,
            json!({"google_drive": {"enabled": true, "credentials": credentials}}).to_string(),
        );
        let provider = listed(&sandbox, "google_drive");
        assert_eq!(provider["reason"], "auth");
        let detail = provider["detail"].as_str().unwrap();
        assert!(detail.ends_with(&format!(": {why}")), "{detail}");
    }
}

#[test]
fn a_cloud_that_does_not_answer_is_listed_and_cannot_be_assigned() {
    let sandbox = Sandbox::new();
    // Nobody listens on the discard port of this machine, should an adapter ask.
    put(
        &sandbox,
        json!({
            "yandex_disk": {"enabled": true, "oauth_token": CANARY, "api_url": "http://127.0.0.1:9/v1/disk"},
            "google_drive": {"enabled": true, "api_url": "http://127.0.0.1:9",
                             "credentials": {"access_token": CANARY}},
        })
        .to_string(),
    );
    let before = fs::read(sandbox.db()).unwrap();
    for name in ["yandex_disk", "google_drive"] {
        let provider = listed(&sandbox, name);
        assert_eq!(provider["configured"], true);
        assert_eq!(provider["connected"], false);
        assert!(provider["reason"].is_string(), "{provider}");
        let start = format!("Provider '{name}' connection test failed:");
        assert!(provider["detail"].as_str().unwrap().starts_with(&start));

        let run = sandbox
            .run(["config", "set", "acme-corp", "--provider", name, "--json"])
            .code(6);
        assert_secret(&run);
        let error = run.json();
        assert_eq!(error["code"], "provider_connection_failed");
        assert_eq!(error["status"], 400);
        assert!(error["detail"].as_str().unwrap().starts_with(&start));
        assert!(error["reason"].is_string());
    }
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
    let table = sandbox.run(["providers"]).code(0).stdout;
    assert_eq!(table.matches("not connected").count(), 2, "{table}");
    sandbox
        .run([
            "config",
            "set",
            "acme-corp",
            "--provider",
            "yandex_disk",
            "--no-test",
            "-q",
        ])
        .code(0);
    assert_eq!(
        sandbox.json(0, ["config", "get", "acme-corp"])["backup_provider"],
        "yandex_disk"
    );
}

#[test]
fn a_provider_that_is_switched_off_is_not_configured() {
    let sandbox = Sandbox::assigned();
    put(
        &sandbox,
        json!({
            "yandex_disk": {"enabled": false, "oauth_token": CANARY},
            "google_drive": {},
            "local": {"enabled": false},
        })
        .to_string(),
    );
    sandbox
        .run(["providers"])
        .code(0)
        .stdout("No provider is configured\n");
    let before = fs::read(sandbox.db()).unwrap();
    for name in ["yandex_disk", "google_drive", "local"] {
        for extra in [&[][..], &["--no-test"]] {
            let words = [
                &["config", "set", "romashka", "--provider", name][..],
                extra,
            ]
            .concat();
            let error = sandbox.json(5, words);
            assert_eq!(error["code"], "provider_not_configured");
            assert_eq!(
                error["detail"],
                format!("Provider '{name}' is not configured")
            );
        }
    }
    let file = format!("backups/database/{DB}");
    for words in [
        &["sync", "acme-corp", &file][..],
        &["files", "acme-corp"],
        &["download", "acme-corp", DB],
        &["delete", "acme-corp", DB, "--yes"],
        &["providers", "test", "local"],
    ] {
        let error = sandbox.json(5, words);
        assert_eq!(error["code"], "provider_not_configured", "{words:?}");
    }
    assert_eq!(fs::read(sandbox.db()).unwrap(), before);
    // It can still be taken away.
    sandbox.run(["config", "unset", "acme-corp"]).code(0);
}

#[test]
fn an_enabled_that_is_missing_means_on_where_there_are_credentials() {
    let sandbox = Sandbox::new();
    put(
        &sandbox,
        json!({"yandex_disk": {"oauth_token": CANARY}, "google_drive": {"credentials": {"folder_id": "F"}}})
            .to_string(),
    );
    assert_eq!(listed(&sandbox, "yandex_disk")["configured"], true);
    assert_eq!(listed(&sandbox, "google_drive")["configured"], false);
}

#[test]
fn our_own_config_wins_over_the_provider_file() {
    let sandbox = Sandbox::new();
    let (theirs, ours) = (sandbox.path().join("theirs"), sandbox.path().join("ours"));
    fs::create_dir(&theirs).unwrap();
    fs::create_dir(&ours).unwrap();
    put(
        &sandbox,
        json!({
            "local": {"root": theirs},
            "yandex_disk": {"enabled": true, "oauth_token": CANARY},
            "google_drive": {"enabled": true},
        })
        .to_string(),
    );
    let config = sandbox.write(
        "ours.json",
        json!({
            "local": {"root": ours},
            "yandex_disk": {"enabled": false},
            "google_drive": {"credentials": {"access_token": CANARY}},
        })
        .to_string(),
    );
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let run = |words: &[&str]| {
        sandbox
            .command(words)
            .env("VERTEX_BACKUP_CONFIG", &config)
            .run()
            .code(0)
    };
    run(&["config", "set", "acme-corp", "--provider", "local", "-q"]);
    run(&["sync", "acme-corp", &format!("backups/database/{DB}"), "-q"]);
    let stored = Sandbox::files_below(&ours);
    assert!(
        stored.contains(&format!("vertex-ar/acme-corp/backups/{DB}")),
        "{stored:?}"
    );
    assert_eq!(Sandbox::files_below(&theirs), Vec::<String>::new());
    let list = run(&["providers", "--all", "--json"]).json();
    assert_eq!(list["providers"][0]["configured"], false);
    assert_eq!(list["providers"][1]["configured"], true);
    assert_ne!(list["providers"][1]["reason"], "auth");
}

#[test]
fn credentials_travel_to_https_or_to_this_machine_only() {
    let sandbox = Sandbox::new();
    for (section, url, fits) in [
        ("yandex_disk", "http://cloud-api.yandex.net/v1/disk", false),
        ("yandex_disk", "http://127.0.0.1.example/", false),
        ("yandex_disk", "http://localhost@evil.example/", false),
        ("google_drive", "ftp://www.googleapis.com", false),
        ("google_drive", "www.googleapis.com", false),
        ("google_drive", "HTTP://www.googleapis.com", false),
        ("yandex_disk", "https://proxy.example/disk", true),
        ("yandex_disk", "http://localhost:8080/v1/disk", true),
        ("google_drive", "http://[::1]:8080", true),
        ("google_drive", "", true),
    ] {
        put(
            &sandbox,
            json!({section: {"enabled": true, "api_url": url}}).to_string(),
        );
        let run = sandbox.run(["providers", "--no-check", "--json"]);
        if fits {
            run.code(0);
        } else {
            let error = run.code(5).json();
            assert_eq!(error["code"], "config_invalid", "{url}");
            let detail = error["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("./{FILE}:1:")), "{detail}");
            let expected = "an address that begins with https:// (http:// only for this machine)";
            assert!(
                detail.ends_with(&format!(": {section}.api_url: expected {expected}")),
                "{detail}"
            );
        }
    }
    put(
        &sandbox,
        json!({"google_drive": {"credentials": {"token_uri": "http://oauth2.googleapis.com/token"}}})
            .to_string(),
    );
    sandbox.run(["providers"]).code(5).stderr_has(
        "google_drive.credentials.token_uri: expected an address that begins with https://",
    );
}

#[test]
fn x44_a_byte_order_mark_is_no_error() {
    let sandbox = Sandbox::new();
    put(
        &sandbox,
        format!("\u{feff}{}", r#"{"local": {"enabled": false}, "x": 1}"#),
    );
    assert_eq!(listed(&sandbox, "local")["configured"], false);
    sandbox
        .run(["providers", "set", "local", "--root", "/mnt/nas"])
        .code(0);
    let now: Value =
        serde_json::from_str(text_of(&sandbox).trim_start_matches('\u{feff}')).unwrap();
    assert_eq!(
        (&now["x"], &now["local"]["enabled"]),
        (&json!(1), &json!(true))
    );
}

#[test]
fn x44_what_is_no_provider_file_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("huge.json", vec![b' '; 2 * 1024 * 1024]);
    sandbox.write("latin1.json", b"{\"local\": {\"note\": \"caf\xe9\"}}");
    for (name, why) in [
        ("backups", "this is not a file"),
        ("/dev/zero", "this is not a file"),
        (
            "huge.json",
            "it is larger than 1 MiB, which no provider file is",
        ),
        ("latin1.json", "it is not UTF-8 text"),
    ] {
        let error = sandbox.json(5, ["--remote-config", name, "providers"]);
        assert_eq!(error["code"], "config_invalid");
        assert_eq!(error["detail"], format!("{name}: {why}"));
        sandbox
            .run([
                "--remote-config",
                name,
                "providers",
                "set",
                "local",
                "--root",
                "/x",
            ])
            .code(5);
    }
    assert_eq!(
        fs::metadata(sandbox.file("huge.json")).unwrap().len(),
        2 * 1024 * 1024
    );
}

#[test]
fn the_applications_own_variable_names_the_file() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.path().join("home/remote.json");
    fs::write(&elsewhere, r#"{"local": {"enabled": false}}"#).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).unwrap();
    put(&sandbox, "{}");
    sandbox
        .command(["providers"])
        .env("REMOTE_STORAGE_CONFIG", &elsewhere)
        .run()
        .code(0)
        .stdout("No provider is configured\n")
        .stderr("");
    let written = sandbox
        .command(["providers", "set", "local", "--root", "/mnt/nas"])
        .env("REMOTE_STORAGE_CONFIG", &elsewhere)
        .run();
    written
        .code(0)
        .stdout("Provider settings written: local, root /mnt/nas in [DIR]/home/remote.json\n");
    assert_eq!(text_of(&sandbox), "{}");
    assert!(fs::read_to_string(&elsewhere).unwrap().contains("/mnt/nas"));
}

#[test]
fn x44_a_blank_around_a_token_is_trimmed_with_a_warning() {
    let sandbox = Sandbox::new();
    put(
        &sandbox,
        json!({"yandex_disk": {"enabled": true, "oauth_token": format!("{CANARY}\n")}}).to_string(),
    );
    let run = sandbox.run(["providers"]).code(0);
    assert_secret(&run);
    assert!(
        run.stderr.contains("warning: ") && run.stderr.contains("yandex_disk.oauth_token"),
        "{:?}",
        run.stderr
    );
}

#[test]
fn a_local_root_must_be_absolute() {
    let sandbox = Sandbox::new();
    put(&sandbox, r#"{"local": {"root": "nas"}}"#);
    sandbox
        .run(["providers"])
        .code(5)
        .stdout("")
        .stderr(&format!(
            "error: ./{FILE}:1:25: local.root: expected an absolute path\nhint: mend the file by hand; nothing was changed\n"
        ));
    // Typed as an argument, it is taken from here.
    fs::remove_file(sandbox.file(FILE)).unwrap();
    sandbox
        .run([
            "providers",
            "set",
            "local",
            "--root",
            "nas",
            "--remote-config",
            FILE,
            "-q",
        ])
        .code(0);
    let now: Value = serde_json::from_str(&text_of(&sandbox)).unwrap();
    assert_eq!(now["local"]["root"], json!(sandbox.file("nas")));
}
