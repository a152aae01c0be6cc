//! Secrets, wherever they could show (S1). What is at rest is beside it, in `secrets_at_rest`
//! (S1, S5) and `secrets_protect` (S6).
//!
//! Every command there is runs with distinct canaries planted: tokens, login tokens, client
//! secrets, the key of a service account, the password of a proxy. It runs well and badly, where
//! all that answers repeats what it was sent. Then everything that was said, stored or named is
//! searched.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::cloud::{Cloud, PROVIDER_FILE};
use crate::support::drive::Drive;
use crate::support::invariants::Ground;
use crate::support::{DB, Outcome, STORAGE, Sandbox, fake_drive, fake_yandex, make_private};

/// The password of a proxy that nobody is asked through.
const PROXY_PASSWORD: &str = "CANARY-password-of-a-proxy";

/// How every command is run, in this order; `P` stands for the provider.
const CALLS: [&[&str]; 49] = [
    &["init"],
    &["company", "list"],
    &["company", "show", "acme-corp"],
    &["company", "add", "new-one", "--name", "New One"],
    &["company", "update", "new-one", "--name", "Another"],
    &["config", "set", "acme-corp", "--provider", "P"],
    &["config", "get", "acme-corp"],
    &["config", "list"],
    &["providers", "list", "--all"],
    &["providers", "test", "P"],
    &["providers", "info", "P"],
    &["backup", "create", "--type", "database"],
    &["backup", "list"],
    &["backup", "verify"],
    &["backup", "rotate", "--dry-run"],
    &["sync", "acme-corp", "backups/database/DB"],
    &["sync", "--all", "--provider", "P"],
    &["files", "acme-corp"],
    &["verify", "acme-corp", "--download"],
    &["download", "acme-corp", DB, "-o", "back.db", "--force"],
    &["restore-test", "acme-corp"],
    &["state", "check"],
    &["state", "rebuild", "acme-corp"],
    &["status", "acme-corp", "--max-age", "100000d"],
    &["pin", "acme-corp", DB],
    &["unpin", "acme-corp", DB],
    &["retention", "set", "--default", "--keep-last", "1"],
    &["retention", "get", "acme-corp"],
    &["retention", "list"],
    &["prune", "acme-corp", "--yes"],
    &["retention", "unset", "--default"],
    &["history", "--limit", "1000"],
    &["history", "--check"],
    &["providers", "protect", "--key-file", "backup.key"],
    &["providers", "test", "P"],
    &["providers", "unprotect"],
    &["providers", "protect", "--all", "--key-file", "backup.key"],
    &["providers", "list"],
    &["providers", "unprotect"],
    &["providers", "set", "P", "--accept"],
    &["providers", "set", "local", "--root", "elsewhere"],
    &["delete", "acme-corp", DB, "--yes"],
    &["config", "unset", "acme-corp"],
    &["completions", "bash"],
    &["man"],
    &["providers", "login", "P", "--no-test"],
    &["providers", "list", "--no-check"],
    &["providers", "unset", "P"],
    &["history"],
];

/// An installation full of canaries.
struct Planted<G> {
    ground: G,
    canaries: Vec<String>,
    /// What a login needs besides the provider; without any it cannot go well.
    login: Option<&'static [&'static str]>,
    /// All that is asked fails from now on, and what answers repeats secrets.
    turn_hostile: fn(&G),
}

/// Where canaries are planted; nothing else may hold one.
const BEDS: [&str; 5] = [
    "config/remote_storage.json",
    "planted.txt",
    "token.sh",
    "sa.json",
    "backup.key",
];

impl<G: Ground> Planted<G> {
    fn new(
        ground: G,
        canaries: &[&str],
        login: Option<&'static [&'static str]>,
        turn_hostile: fn(&G),
    ) -> Self {
        let (_, key) = vertex_backup::protection::Key::generate();
        make_private(&ground.sandbox().write("backup.key", &*key));
        let canaries = canaries.iter().copied();
        let canaries = canaries.chain([PROXY_PASSWORD, key.lines().last().unwrap()]);
        Planted {
            canaries: canaries.map(str::to_owned).collect(),
            ground,
            login,
            turn_hostile,
        }
    }

    fn run(&self, call: &[&str], format: &str) -> Outcome {
        let login = self.login.filter(|_| call.get(1) == Some(&"login"));
        let words = call.iter().map(|word| match *word {
            "P" => self.ground.provider().to_owned(),
            word => word.replace("/DB", &format!("/{DB}")),
        });
        let always = ["-vv", format];
        let more = login.unwrap_or_default().iter().chain(&always);
        let words: Vec<String> = words.chain(more.map(|word| (*word).to_owned())).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let proxy = format!("http://operator:{PROXY_PASSWORD}@127.0.0.1:9");
        self.ground.call(&words).env("HTTPS_PROXY", proxy).run()
    }

    /// Every secret there is by now.
    fn secrets(&self) -> Vec<String> {
        let canaries = self.canaries.iter().cloned();
        canaries.chain(self.ground.secrets()).collect()
    }

    /// Fails where a secret is in what was said.
    #[track_caller]
    fn searched(&self, what: &str, outcome: &Outcome) {
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let secrets = self.secrets();
        assert_eq!(found_in(&said, &secrets), None, "{what}: {said}");
    }

    /// The same of all files and their names, but for the beds.
    #[track_caller]
    fn searched_on_disk(&self, what: &str) {
        let found = on_disk(self.ground.sandbox().path(), &self.secrets());
        assert_eq!(found, Vec::<String>::new(), "{what}");
    }

    /// Writes the credentials anew, as they were at first.
    fn plant_again(&self) {
        let sandbox = self.ground.sandbox();
        let whole = fs::read(sandbox.file("planted.txt")).unwrap();
        make_private(&sandbox.write(PROVIDER_FILE, whole));
    }

    /// Runs every command well and badly, in both formats.
    fn run_everything(&self) {
        let formats = ["--format=table", "--json"];
        let mut failed = Vec::new();
        for call in CALLS {
            let outcomes = formats.map(|format| self.run(call, format));
            for outcome in &outcomes {
                self.searched(&format!("{call:?}"), outcome);
            }
            let may_fail = call.get(1) == Some(&"login") && self.login.is_none();
            if !may_fail && outcomes.iter().all(|outcome| outcome.code != 0) {
                failed.push(format!("{call:?}: {outcomes:?}"));
            }
        }
        assert_eq!(failed, Vec::<String>::new(), "is to go well");
        self.searched_on_disk("after all went well");

        (self.turn_hostile)(&self.ground);
        for call in CALLS {
            for format in formats {
                // Some take away what is needed to fail.
                self.plant_again();
                let outcome = self.run(call, format);
                self.searched(&format!("badly: {call:?}"), &outcome);
            }
        }
        self.searched_on_disk("after all went badly");
    }
}

/// The first secret that is in a text.
fn found_in<'s>(text: &str, secrets: &'s [String]) -> Option<&'s String> {
    secrets.iter().find(|secret| text.contains(secret.as_str()))
}

/// The files below a folder that hold a secret, or have one in their name.
fn on_disk(folder: &Path, secrets: &[String]) -> Vec<String> {
    let names = Sandbox::files_below(folder).into_iter();
    let leaks = |name: &String| {
        let is_bed = BEDS.iter().any(|bed| name.ends_with(bed));
        let bytes = fs::read(folder.join(name)).unwrap_or_default();
        let text = format!("{name}\n{}", String::from_utf8_lossy(&bytes));
        !is_bed && found_in(&text, secrets).is_some()
    };
    names.filter(leaks).collect()
}

/// The commands there are, from the help itself.
fn commands(sandbox: &Sandbox, words: &[String], found: &mut BTreeSet<String>) {
    let help = sandbox.run(words.iter().chain(&["--help".to_owned()]));
    let help = help.code(0).stdout;
    let Some((_, below)) = help.split_once("\nCommands:\n") else {
        found.insert(words.join(" "));
        return;
    };
    let lines = below.lines().take_while(|line| !line.is_empty());
    for line in lines.filter(|line| !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" {
            let words = [words, &[name.to_owned()]].concat();
            commands(sandbox, &words, found);
        }
    }
}

/// Writes credentials that stay, whatever a command makes of them.
fn plant(sandbox: &Sandbox, whole: &Value) {
    make_private(&sandbox.write(PROVIDER_FILE, whole.to_string()));
    make_private(&sandbox.write("planted.txt", whole.to_string()));
}

/// A command that prints a secret, also where it should not, and notes what it was given.
fn telling(sandbox: &Sandbox, secret: &str) -> String {
    let notes = sandbox.file("notes.txt");
    let script = format!(
        "echo {secret}\necho {secret} >&2\n\
         {{ env | grep -v _PROXY; tr '\\0' ' ' < /proc/$PPID/cmdline; }} >> '{}' 2>&1\n",
        notes.display()
    );
    let path = sandbox.write("token.sh", script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    format!("sh '{}'", path.display())
}

/// What a service says that repeats what it was sent: glued to other words, where no pattern
/// finds it, and as clients show it.
fn repeated(secrets: &[&str]) -> &'static str {
    let glued: Vec<_> = secrets.iter().map(|secret| format!("<{secret}>")).collect();
    let (plain, once) = (secrets.join(" "), secrets[0]);
    let said = format!("{} {plain} Authorization: Bearer {once}", glued.join(" "));
    Box::leak(said.into_boxed_str())
}

fn yandex_disk() -> Planted<Cloud> {
    use fake_yandex::{CLIENT_ID, CLIENT_SECRET, Fault, Op, REFRESH_TOKEN, TOKEN, When};
    const SECRETS: [&str; 3] = [TOKEN, REFRESH_TOKEN, CLIENT_SECRET];
    let cloud = Cloud::new();
    let section = json!({
        "enabled": true, "api_url": cloud.fake.api_url(), "oauth_url": cloud.fake.oauth_url(),
        "oauth_token_command": telling(&cloud, TOKEN), "refresh_token": REFRESH_TOKEN,
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
    });
    plant(&cloud, &json!({ "yandex_disk": section }));
    cloud.fake.consent(|consent| consent.interval = 0);
    Planted::new(cloud, &SECRETS, Some(&[]), |cloud| {
        let said = repeated(&SECRETS);
        let body = json!({
            "error": "Leak", "message": said, "description": said, "error_description": said,
        });
        let body = body.to_string();
        let head = format!("HTTP/1.1 403 No\r\nContent-Length: {}\r\n", body.len());
        let fault = Fault::Raw(format!("{head}\r\n{body}").into_bytes());
        let all = [Op::Disk, Op::Stat, Op::List, Op::Link, Op::OauthDevice];
        for op in all {
            cloud.fake.on(op, When::Always, fault.clone());
        }
    })
}

fn google_drive() -> Planted<Drive> {
    use fake_drive::{CLIENT_ID, CLIENT_SECRET, Fault, Op, REFRESH_TOKEN, TOKEN, When};
    const SECRETS: [&str; 3] = [TOKEN, REFRESH_TOKEN, CLIENT_SECRET];
    let drive = Drive::new();
    let credentials = json!({
        "refresh_token": REFRESH_TOKEN, "client_id": CLIENT_ID, "token_uri": drive.fake.token_uri(),
        "client_secret_command": telling(&drive, CLIENT_SECRET),
    });
    let section = json!({
        "enabled": true, "api_url": drive.fake.api_url(), "credentials": credentials,
    });
    plant(&drive, &json!({ "google_drive": section }));
    Planted::new(drive, &SECRETS, Some(&["--device"]), |drive| {
        let said = repeated(&SECRETS);
        for op in [Op::About, Op::List, Op::Get, Op::Initiate] {
            let fault = Fault::Error(403, said, said);
            drive.fake.fail(op, When::Always, fault);
        }
        let refused = Fault::OAuth(400, said, said);
        drive.fake.fail(Op::Token, When::Nth(60), refused.clone());
        drive.fake.fail(Op::DeviceCode, When::Always, refused);
    })
}

fn service_account() -> Planted<Drive> {
    use fake_drive::{Fault, Op, When};
    let drive = Drive::unassigned();
    let scope = "https://www.googleapis.com/auth/drive";
    drive.fake.grant_scope(scope);
    let shared = drive.fake.add_shared_drive("Backups");
    let key = drive.fake.service_account_key();
    let file = drive.write("sa.json", &key);
    make_private(&file);
    let section = json!({
        "enabled": true, "api_url": drive.fake.api_url(),
        "credentials": {"service_account_file": file, "shared_drive_id": shared},
    });
    plant(&drive, &json!({ "google_drive": section }));
    drive.assign("acme-corp", &[]);
    let key: Value = serde_json::from_str(&key).unwrap();
    let lines = key["private_key"].as_str().unwrap().lines();
    let lines: Vec<&'static str> = lines
        .filter(|line| line.len() > 32 && !line.starts_with('-'))
        .map(|line| &*Box::leak(line.to_owned().into_boxed_str()))
        .collect();
    Planted::new(drive, &lines, None, |drive| {
        let key: Value = serde_json::from_str(&drive.fake.service_account_key()).unwrap();
        let lines: Vec<&str> = key["private_key"].as_str().unwrap().lines().collect();
        let said = repeated(&lines[1..3]);
        drive
            .fake
            .fail(Op::Token, When::Always, Fault::OAuth(400, said, said));
    })
}

/// The local provider, beside clouds that are configured and not used.
fn local() -> Planted<Sandbox> {
    use fake_drive::REFRESH_TOKEN;
    use fake_yandex::TOKEN;
    let sandbox = Sandbox::assigned();
    let clouds = json!({
        "yandex_disk": {"enabled": false, "oauth_token": TOKEN},
        "google_drive": {"enabled": false, "credentials": {
            "refresh_token": REFRESH_TOKEN, "client_secret_command": telling(&sandbox, "unused"),
        }},
    });
    plant(&sandbox, &clouds);
    Planted::new(sandbox, &[TOKEN, REFRESH_TOKEN], None, |sandbox| {
        // Neither the root nor the database is what it was.
        fs::remove_dir_all(sandbox.root()).unwrap();
        fs::write(sandbox.root(), TOKEN.split_at(9).0).unwrap();
        fs::write(sandbox.db(), "no database").unwrap();
    })
}

#[test]
fn s1_every_command_is_among_those_that_are_searched() {
    let mut known = BTreeSet::new();
    commands(&Sandbox::empty(), &[], &mut known);
    assert!(known.len() > 35, "{known:?}");
    let missing: Vec<_> = known
        .iter()
        .filter(|name| {
            let words: Vec<&str> = name.split(' ').collect();
            !CALLS.iter().any(|call| call.starts_with(&words))
        })
        .collect();
    assert!(missing.is_empty(), "say in CALLS how to run {missing:?}");
}

#[test]
fn s1_no_command_tells_a_secret_of_yandex_disk() {
    yandex_disk().run_everything();
}

#[test]
fn s1_no_command_tells_a_secret_of_google_drive() {
    google_drive().run_everything();
}

#[test]
fn s1_no_command_tells_a_secret_of_a_service_account() {
    service_account().run_everything();
}

#[test]
fn s1_no_command_tells_a_secret_that_it_does_not_need() {
    local().run_everything();
}

#[test]
fn s1_a_search_finds_what_leaks() {
    let planted = yandex_disk();
    let folder = planted.ground.path();
    planted.searched_on_disk("nothing has leaked yet");
    for secret in planted.secrets() {
        let name = "home/leak.txt";
        let path = folder.join(name);
        fs::write(&path, [b"\xff", secret.as_bytes(), b"\xff"].concat()).unwrap();
        assert_eq!(on_disk(folder, &planted.secrets()), [name], "{secret}");
        fs::remove_file(&path).unwrap();
        let said = format!("error: <{secret}>");
        assert!(found_in(&said, &planted.secrets()).is_some(), "{secret}");
    }
    let name = format!("home/{}", fake_yandex::TOKEN);
    fs::write(folder.join(&name), "").unwrap();
    assert_eq!(on_disk(folder, &planted.secrets()), [name]);
}

/// A secret that stands in names, which are told everywhere: no pattern finds it there.
#[test]
fn s1_what_is_known_to_be_secret_is_told_nowhere() {
    use fake_yandex::TOKEN;
    let cloud = Cloud::new();
    let name = format!("db_backup-{TOKEN}-1.db");
    fs::copy(
        cloud.file(&format!("backups/database/{DB}")),
        cloud.file(&name),
    )
    .unwrap();
    let missing = format!("{TOKEN}.db");
    let calls: [(i32, &[&str]); 8] = [
        (0, &["sync", "acme-corp", &name, "--progress", "json"]),
        (4, &["sync", "acme-corp", &missing]),
        (0, &["files", "acme-corp"]),
        (0, &["verify", "acme-corp"]),
        (4, &["download", "acme-corp", &missing]),
        (0, &["status"]),
        (0, &["delete", "acme-corp", &name, "--yes"]),
        (
            0,
            &["sync", "acme-corp", &format!("backups/storage/{STORAGE}")],
        ),
    ];
    let mut shown = 0;
    for (code, words) in calls {
        for format in ["--json", "--format=table"] {
            let outcome = cloud.call(words.iter().chain(&["-vv", format])).run();
            let is_second = format == "--format=table" && words[0] == "delete";
            if !is_second {
                assert_eq!(outcome.code, code, "{words:?}: {outcome:?}");
            }
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!said.contains(TOKEN), "{words:?}: {said}");
            shown += said.matches("[redacted]").count();
            if format == "--json" {
                outcome.json();
            }
        }
    }
    assert!(shown > 15, "{shown}");
    // It is known to whoever reads the provider file; so it must not be stored by them.
    let history = cloud.json(0, ["history", "--limit", "1000"]).to_string();
    assert!(!history.contains(TOKEN), "{history}");
    let target = "db_backup-[redacted]-1.db";
    assert!(history.contains(target), "{history}");
    // The name itself is data: it is the file's, wherever it is.
    let restored = cloud.call(["history", "--check"]).run().code(0);
    assert!(restored.stdout.starts_with("The history is whole"));
}
