//! Secrets at rest (S6): `providers protect`, `providers unprotect`, and what is written between.
//!
//! A key of `age` made here is not in the binary: it is made when it is asked for, or brought.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cloud::{Cloud, PROVIDER_FILE};
use crate::support::drive::Drive;
use crate::support::fake_drive::{CLIENT_SECRET, REFRESH_TOKEN};
use crate::support::{
    BINARY, DB, Outcome, Sandbox, fake_yandex, give_to_nobody, has_tool, make_private,
};

const PROTECT: [&str; 4] = ["providers", "protect", "--generate-key", "backup.key"];
const UNPROTECT: [&str; 2] = ["providers", "unprotect"];

fn whole(sandbox: &Sandbox) -> Value {
    let text = fs::read_to_string(sandbox.file(PROVIDER_FILE)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn credentials(drive: &Drive) -> Value {
    whole(drive)["google_drive"]["credentials"].clone()
}

fn config(sandbox: &Sandbox) -> PathBuf {
    sandbox
        .path()
        .join("home/.config/vertex-backup/config.json")
}

/// What a protected secret says, opened by the library, and by `age` where there is one.
#[track_caller]
fn opened(sandbox: &Sandbox, armored: &Value, key: &str) -> String {
    let armored = armored.as_str().unwrap();
    let path = sandbox.file(key);
    let lines = fs::read_to_string(&path).unwrap();
    let identity: age::x25519::Identity = lines.lines().last().unwrap().parse().unwrap();
    let plain = age::decrypt(&identity, armored.as_bytes()).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    if has_tool("age") {
        let file = sandbox.write("armored.age", armored);
        let mut tool = Command::new("age");
        let told = tool.arg("-d").arg("-i").arg(&path).arg(&file).output();
        let told = told.unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout), plain);
    }
    plain
}

/// Fails where a secret is to be read in a file but the key, or in what was said.
#[track_caller]
fn nothing_is_plain(sandbox: &Sandbox, outcome: &Outcome, secrets: &[&str]) {
    let root = sandbox.path();
    let names = Sandbox::files_below(root).into_iter();
    let files = names.map(|name| fs::read(root.join(name)).unwrap_or_default());
    let mut all = format!("{}{}", outcome.stdout, outcome.stderr);
    files.for_each(|bytes| all += &String::from_utf8_lossy(&bytes));
    for secret in secrets {
        assert!(!all.contains(secret), "{secret} is to be read");
    }
}

/// How the secrets of a provider are kept, as `providers` lists it.
fn kept(sandbox: &Sandbox, provider: &str) -> Vec<String> {
    let listed = sandbox.json(0, ["providers", "list", "--all", "--no-check"]);
    let all = listed["providers"].as_array().unwrap();
    let one = all.iter().find(|one| one["name"] == provider).unwrap();
    let secrets = one["secrets"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    secrets
        .map(|secret| format!("{} {}", text(&secret["key"]), text(&secret["kept"])))
        .collect()
}

#[test]
fn s6_a_login_to_google_drive_is_protected_and_works() {
    let drive = Drive::new();
    let before = whole(&drive);
    let run = drive.run(PROTECT).code(0);
    assert_eq!(
        run.stdout,
        "2 secrets protected: google_drive.credentials.refresh_token, \
         google_drive.credentials.client_secret\n"
    );
    run.stderr_has("note: keep a copy of the key ([DIR]/app/backup.key)");
    let key = fs::metadata(drive.file("backup.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    assert!(config(&drive).exists());
    let run = drive.sync(&format!("backups/database/{DB}")).code(0);
    nothing_is_plain(&drive, &run, &[REFRESH_TOKEN, CLIENT_SECRET]);
    assert_eq!(
        kept(&drive, "google_drive"),
        ["refresh_token protected", "client_secret protected"]
    );
    let listed = drive.run(["providers", "list"]).code(0);
    assert!(listed.stdout.contains("  protected  "), "{}", listed.stdout);

    let now = credentials(&drive);
    let at = |name: &str| opened(&drive, &now[name], "backup.key");
    assert_eq!(at("refresh_token_age"), REFRESH_TOKEN);
    assert_eq!(at("client_secret_age"), CLIENT_SECRET);

    // Once more changes nothing.
    let [file, said] = [drive.file(PROVIDER_FILE), config(&drive)];
    let bytes = || [&file, &said].map(|path| fs::read(path).unwrap());
    let protected = bytes();
    let again = drive.json(0, ["providers", "protect"]);
    assert_eq!(again["message"], "All is protected as it was");
    assert_eq!(again["changed"], json!([]));
    assert_eq!(bytes(), protected);

    let back = drive.json(0, UNPROTECT);
    assert_eq!(back["message"], "2 secrets are in the plain again");
    assert_eq!(whole(&drive), before);
    assert_eq!(fs::read_to_string(config(&drive)).unwrap(), "{}\n");
    drive.run(["files", "acme-corp"]).code(0);
    let again = drive.json(0, UNPROTECT);
    assert_eq!(again["message"], "Nothing is protected");

    let runs = drive.json(0, ["history", "--limit", "100"]);
    let runs = runs["runs"].as_array().unwrap();
    let of = |operation: &str| {
        let runs = runs.iter().filter(|run| run["operation"] == operation);
        let verdicts = runs.map(|run| run["verdict"].as_str().unwrap());
        verdicts.collect::<Vec<_>>()
    };
    assert_eq!(of("providers protect"), ["skipped", "ok"]);
    assert_eq!(of("providers unprotect"), ["skipped", "ok"]);
}

#[test]
fn s6_what_the_application_reads_is_left_to_it_unless_all_is_said() {
    let cloud = Cloud::unassigned();
    let token = fake_yandex::TOKEN;
    let section = json!({
        "enabled": true, "oauth_token": token, "api_url": cloud.fake.api_url(),
        "oauth_url": cloud.fake.oauth_url(), "refresh_token": fake_yandex::REFRESH_TOKEN,
        "client_id": fake_yandex::CLIENT_ID, "client_secret": fake_yandex::CLIENT_SECRET,
    });
    cloud.write_section(&section);
    let run = cloud.run(PROTECT).code(0);
    run.stderr_has(
        "note: yandex_disk.oauth_token stays readable in ./config/remote_storage.json, for the \
         application; --all protects it, too",
    );
    let now = &whole(&cloud)["yandex_disk"];
    assert_eq!(now["oauth_token"], token);
    assert!(now["refresh_token_age"].is_string() && now["client_secret_age"].is_string());
    assert_eq!(
        kept(&cloud, "yandex_disk"),
        [
            "oauth_token plain",
            "refresh_token protected",
            "client_secret protected"
        ]
    );
    let run = cloud.run(["providers", "protect", "--all"]).code(0);
    assert_eq!(run.stdout, "1 secret protected: yandex_disk.oauth_token\n");
    let run = run.stderr_has("warning: what the application reads itself is protected, too");
    let three = [
        token,
        fake_yandex::REFRESH_TOKEN,
        fake_yandex::CLIENT_SECRET,
    ];
    nothing_is_plain(&cloud, &run, &three);
    cloud.run(["providers", "test", "yandex_disk"]).code(0);

    // From now on a token that is set or that a login brings is protected, too.
    let mut call = cloud.command(["providers", "set", "yandex_disk", "--token-stdin"]);
    fs::write(cloud.path().join("stdin"), format!("{token}\n")).unwrap();
    let stdin = fs::File::open(cloud.path().join("stdin")).unwrap();
    call.command.stdin(stdin);
    let run = call.run().code(0);
    fs::remove_file(cloud.path().join("stdin")).unwrap();
    nothing_is_plain(&cloud, &run, &three);
    cloud.run(["providers", "test", "yandex_disk"]).code(0);
    cloud.fake.consent(|consent| consent.interval = 0);
    let run = cloud.run(["providers", "login", "yandex_disk"]).code(0);
    nothing_is_plain(&cloud, &run, &three);
    assert_eq!(kept(&cloud, "yandex_disk").len(), 3);

    cloud.run(UNPROTECT).code(0);
    assert_eq!(whole(&cloud)["yandex_disk"]["oauth_token"], token);
}

#[test]
fn s6_what_a_renewal_brings_is_protected() {
    let drive = Drive::new();
    drive.run(PROTECT).code(0);
    drive.fake.rotate_refresh_token(true);
    for _ in 0..2 {
        let before = credentials(&drive)["refresh_token_age"].clone();
        let run = drive.run(["files", "acme-corp"]).code(0);
        let now = credentials(&drive)["refresh_token_age"].clone();
        assert_ne!(now, before);
        let token = opened(&drive, &now, "backup.key");
        assert!(token.starts_with("1//0") && token != REFRESH_TOKEN);
        nothing_is_plain(&drive, &run, &[&token, REFRESH_TOKEN, CLIENT_SECRET]);
    }

    // The token of Yandex Disk, which is renewed under the lock of the file.
    let cloud = Cloud::unassigned();
    let old = "y0_CANARY-of-a-token-that-has-ended";
    cloud.write_section(&json!({
        "enabled": true, "oauth_token": old, "api_url": cloud.fake.api_url(),
        "oauth_url": cloud.fake.oauth_url(), "refresh_token": fake_yandex::REFRESH_TOKEN,
        "client_id": fake_yandex::CLIENT_ID, "client_secret": fake_yandex::CLIENT_SECRET,
    }));
    cloud.run([&PROTECT[..], &["--all"]].concat()).code(0);
    let run = cloud.run(["providers", "test", "yandex_disk"]).code(0);
    let new = fake_yandex::TOKEN;
    nothing_is_plain(&cloud, &run, &[old, new, fake_yandex::REFRESH_TOKEN]);
    let section = whole(&cloud)["yandex_disk"].clone();
    assert_eq!(
        opened(&cloud, &section["oauth_token_age"], "backup.key"),
        new
    );
}

#[test]
fn s6_the_key_comes_from_a_file_a_command_or_systemd() {
    let test = ["providers", "test", "google_drive"];
    let drive = Drive::unassigned();
    let (key, text) = vertex_backup::protection::Key::generate();
    let folder = drive.file("credentials");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("vertex-backup.key");
    fs::write(&file, &*text).unwrap();
    make_private(&file);

    let by_systemd = |words: &[&str]| drive.command(words).env("CREDENTIALS_DIRECTORY", &folder);
    let told = by_systemd(&["providers", "protect", "--json"])
        .run()
        .code(0)
        .json();
    assert_eq!(told["recipient"], key.recipient());
    assert_eq!(told["key"], "$CREDENTIALS_DIRECTORY/vertex-backup.key");
    by_systemd(&test).run().code(0);
    drive.run(test).code(5);

    // The same key, at another place from now on.
    let command = format!("sed -n 2p '{}'", file.display());
    let told = drive.json(0, ["providers", "protect", "--key-command", &command]);
    assert_eq!(told["key"], "the command sed");
    drive.run(test).code(0);
    let told = drive.json(0, ["providers", "protect"]);
    assert_eq!(told["message"], "All is protected as it was");
    drive.run(test).code(0);
    let file = file.to_str().unwrap();
    drive
        .run(["providers", "protect", "--key-file", file])
        .code(0);
    drive.run(test).code(0);
    assert!(
        !fs::read_to_string(config(&drive))
            .unwrap()
            .contains("AGE-SECRET")
    );
    drive.run(UNPROTECT).code(0);
    drive.run(test).code(0);
}

#[test]
fn s6_without_its_key_nothing_opens_and_the_error_says_where_it_was_looked_for() {
    let drive = Drive::new();
    let test = ["providers", "test", "google_drive"];
    let told = drive.json(5, ["providers", "protect"]);
    assert_eq!(told["code"], "key_unusable");
    assert_eq!(
        told["detail"],
        "the key to protected secrets was not found: $CREDENTIALS_DIRECTORY is not set"
    );
    drive.run(PROTECT).code(0);
    let protected = whole(&drive);
    // A key is never overwritten, and another one is not taken silently.
    let told = drive.json(5, PROTECT);
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("with a key already")
    );
    let told = drive.json(5, ["providers", "protect", "--generate-key", "other.key"]);
    assert_eq!(told["code"], "key_unusable");
    assert!(!drive.file("other.key").exists());
    let (_, text) = vertex_backup::protection::Key::generate();
    make_private(&drive.write("other.key", &*text));
    let other = ["--key-file", "other.key"];
    let told = drive.json(5, [&["providers", "protect"], &other[..]].concat());
    assert!(told["detail"].as_str().unwrap().contains("another key"));
    let told = drive.json(5, [&UNPROTECT, &other[..]].concat());
    let expected = "refresh_token_age is protected with another key than the one at hand";
    assert_eq!(told["detail"], expected);
    assert_eq!(whole(&drive), protected);

    // Others can read it.
    let key = drive.file("backup.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let warned = drive.run(test).code(0);
    let warning = "backup.key' can be read by others (mode 0644)";
    assert_eq!(
        warned.stderr.matches(warning).count(),
        1,
        "{}",
        warned.stderr
    );
    make_private(&key);

    // Damaged, moved away, or no key at all.
    let good = fs::read_to_string(&key).unwrap();
    let missing = "cannot read '[DIR]/app/backup.key': no such file or directory";
    for (text, why) in [
        (None, missing),
        (
            Some("nothing"),
            "'[DIR]/app/backup.key' holds no line with AGE-SECRET-KEY-…",
        ),
        (
            Some("AGE-SECRET-KEY-1CANARY"),
            "'[DIR]/app/backup.key' holds a damaged key",
        ),
    ] {
        fs::remove_file(&key).unwrap();
        if let Some(text) = text {
            make_private(&drive.write("backup.key", text));
        }
        for words in [&test[..], &["files", "acme-corp"], &UNPROTECT] {
            let run = drive.run(words).code(5);
            let run = run
                .stderr_has(why)
                .stderr_has("$CREDENTIALS_DIRECTORY is not set");
            assert!(!run.stderr.contains("1CANARY"));
        }
        fs::write(&key, "").unwrap();
    }
    drive.write("backup.key", &good);
    make_private(&key);
    let mut damaged = protected.clone();
    let place = &mut damaged["google_drive"]["credentials"]["refresh_token_age"];
    *place = json!(place.as_str().unwrap().replacen('\n', "\nAAAA", 3));
    make_private(&drive.write(PROVIDER_FILE, damaged.to_string()));
    drive
        .run(test)
        .code(5)
        .stderr_has("refresh_token_age is damaged");
    make_private(&drive.write(PROVIDER_FILE, protected.to_string()));
    drive.run(test).code(0);
    let failed = drive.json(0, ["history", "--failed"]);
    let failed = failed["runs"].as_array().unwrap().iter();
    assert!(failed.filter(|run| run["code"] == "key_unusable").count() >= 4);
}

#[test]
fn s6_a_key_file_that_exists_is_not_overwritten() {
    let drive = Drive::unassigned();
    drive.write("backup.key", "the key to something else");
    let before = whole(&drive);
    let told = drive.json(11, PROTECT);
    assert_eq!(told["code"], "already_exists");
    let key = fs::read_to_string(drive.file("backup.key")).unwrap();
    assert_eq!(key, "the key to something else");
    assert_eq!(whole(&drive), before);
    assert!(!config(&drive).exists());
    let told = drive.json(2, ["providers", "protect", "local"]);
    assert_eq!(told["detail"], "local has no secrets");
}

#[test]
fn s6_our_own_config_is_protected_in_the_same_step() {
    let drive = Drive::unassigned();
    let path = drive.write("own.json", "");
    let text = json!({
        "timeout": "10s", "yandex_disk": {"oauth_token": "y0_CANARY-of-our-own", "unknown": 1},
    });
    fs::write(&path, text.to_string()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let own = ["--config", "own.json"];
    // Only one provider first; then the other, too.
    let run = drive
        .run([&PROTECT[..], &["yandex_disk"], &own].concat())
        .code(0);
    assert_eq!(run.stdout, "1 secret protected: yandex_disk.oauth_token\n");
    nothing_is_plain(&drive, &run, &["y0_CANARY-of-our-own"]);
    assert_eq!(credentials(&drive)["refresh_token"], REFRESH_TOKEN);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    drive
        .run([&["providers", "protect"], &own[..]].concat())
        .code(0);
    let now: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(now["timeout"], "10s");
    assert_eq!(now["yandex_disk"]["unknown"], 1);
    assert_eq!(
        now["protection"]["providers"],
        json!(["yandex_disk", "google_drive"])
    );
    let said = |words: &[&str]| drive.run([words, &own].concat()).code(0);
    said(&["providers", "test", "google_drive"]);
    said(&["providers", "unprotect", "google_drive"]);
    assert_eq!(credentials(&drive)["refresh_token"], REFRESH_TOKEN);
    let now: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(now["protection"]["providers"], json!(["yandex_disk"]));
    said(&UNPROTECT);
    let now: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(now, text);
}

#[test]
fn s6_what_is_broken_off_can_be_read_and_finished() {
    let drive = Drive::new();
    let before = whole(&drive);
    give_to_nobody(drive.path());
    let files = ["files", "acme-corp", "-q"];
    let as_user = |words: &[&str]| drive.command(words).unprivileged().run();
    let folder = drive.file("config");
    let writable = |mode| {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    };
    // config.json is written, the provider file cannot be.
    writable(0o555);
    let broken = as_user(&PROTECT).code(12);
    broken.stderr_has("cannot write '");
    assert_eq!(whole(&drive), before);
    assert!(config(&drive).exists());
    as_user(&files).code(0);
    writable(0o755);
    as_user(&["providers", "protect"]).code(0);
    assert!(credentials(&drive)["refresh_token_age"].is_string());
    as_user(&files).code(0);

    // The provider file is written, config.json cannot be.
    let folder = config(&drive).parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    as_user(&UNPROTECT).code(12);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(whole(&drive), before);
    as_user(&files).code(0);
    as_user(&UNPROTECT).code(0);
    assert_eq!(fs::read_to_string(config(&drive)).unwrap(), "{}\n");
    as_user(&files).code(0);
}

#[test]
fn s6_no_key_is_in_the_binary() {
    let binary = fs::read(BINARY).unwrap();
    let mark = b"AGE-SECRET-KEY-1";
    let places = binary
        .windows(mark.len() + 40)
        .filter(|window| window.starts_with(mark));
    let is_key = |window: &&[u8]| window[mark.len()..].iter().all(u8::is_ascii_alphanumeric);
    assert_eq!(places.filter(is_key).count(), 0);
}
