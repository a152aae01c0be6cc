//! The README and the quickstart tell the truth: tables equal the code's, every
//! command and option is there, the examples print what they are said to print.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{BINARY, DB, DB_SHA256, Outcome, STORAGE, Sandbox, has_tool, login_name};

const README: &str = include_str!("../../README.md");

/// The cells of the table below a heading line, without the line of dashes.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let rows = README
        .lines()
        .skip_while(|line| *line != heading)
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "no table {heading}");
    rows
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let told: Vec<(&str, &str)> = table("| Code | Meaning |")
        .iter()
        .map(|row| (row[0], row[1]))
        .collect();
    assert_eq!(told, vertex_backup::exit::TABLE);
}

/// The rows of `Code::row`, read from the source: name to status, exit and retryable.
fn error_codes() -> BTreeMap<String, (String, String, String)> {
    let exits = include_str!("../../src/exit.rs");
    let exit_code = |name: &str| -> String {
        if name == "SIGNAL_BASE + signal" {
            return "129, 130, 143".into();
        }
        let line = format!("pub const {name}: u8 = ");
        let (_, rest) = exits.split_once(&line).unwrap();
        rest.split(';').next().unwrap().to_owned()
    };
    let source = include_str!("../../src/failure.rs");
    let (_, rows) = source.split_once("const fn row(self)").unwrap();
    let (rows, _) = rows.split_once("\n    }\n").unwrap();
    let mut codes = BTreeMap::new();
    for tuple in rows.split("(\"").skip(1) {
        let fields: Vec<&str> = tuple.split(')').next().unwrap().split(", ").collect();
        let [name, status, exit, retryable] = fields[..] else {
            panic!("this is no row: {tuple}");
        };
        let retryable = if retryable == "true" { "yes" } else { "no" };
        codes.insert(
            name.trim_end_matches('"').to_owned(),
            (
                status.to_owned(),
                exit_code(exit.trim_start_matches("exit::")),
                retryable.to_owned(),
            ),
        );
    }
    codes.insert("unexpected".into(), ("500".into(), "1".into(), "no".into()));
    codes
}

#[test]
fn the_error_codes_are_those_of_the_program() {
    let told: BTreeMap<String, (String, String, String)> =
        table("| Code | Status | Exit | Retryable | When |")
            .iter()
            .map(|row| {
                let name = row[0].trim_matches('`').to_owned();
                (name, (row[1].into(), row[2].into(), row[3].into()))
            })
            .collect();
    assert_eq!(told, error_codes());
}

/// The commands that a help text lists.
fn listed(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let help = sandbox.run(words.iter().chain([&"--help"])).code(0).stdout;
    let Some((_, commands)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter(|line| !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn every_command_has_an_example_and_every_global_option_is_listed() {
    let sandbox = Sandbox::empty();
    let commands = listed(&sandbox, &[]);
    assert!(commands.len() > 5, "{commands:?}");
    let example = |words: &str| {
        let shown = README.lines().any(|line| {
            line.strip_prefix("$ ")
                .is_some_and(|line| line.contains(&format!("vertex-backup {words}")))
        });
        let standalone = words == "init" && README.contains(" init\n");
        assert!(
            shown || standalone,
            "`vertex-backup {words}` has no example"
        );
    };
    for command in &commands {
        let below = listed(&sandbox, &[command]);
        if below.is_empty() {
            example(command);
        }
        for name in below {
            example(&format!("{command} {name}"));
        }
    }

    let help = sandbox.run(["--help"]).code(0).stdout;
    let (_, global) = help.split_once("\nGlobal options:\n").unwrap();
    let (global, _) = global.split_once("\nExit codes:\n").unwrap();
    let words = global
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 2);
    let options: BTreeSet<&str> = words.collect();
    assert!(options.len() > 10, "{options:?}");
    let told: String = table("| Option | What it does |")
        .iter()
        .map(|row| row[0])
        .collect();
    for option in options {
        let found = [format!("`{option}`"), format!("`{option} ")]
            .iter()
            .any(|word| told.contains(word.as_str()));
        assert!(found, "{option} is not in the README's table");
    }
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                keys.insert(key.clone());
                collect_keys(value, keys);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect_keys(value, keys)),
        _ => {}
    }
}

#[test]
fn every_json_key_is_explained() {
    let sandbox = Sandbox::assigned();
    let (db, storage) = (
        format!("backups/database/{DB}"),
        format!("backups/storage/{STORAGE}"),
    );
    let calls: [(i32, &[&str]); 35] = [
        (0, &["init"]),
        (0, &["company", "list"]),
        (0, &["company", "show", "acme-corp"]),
        (0, &["config", "get", "acme-corp"]),
        (0, &["providers", "--all"]),
        (0, &["providers", "test", "local"]),
        (3, &["providers", "test", "local", "yandex_disk"]),
        (0, &["providers", "info"]),
        (0, &["providers", "protect", "--generate-key", "backup.key"]),
        (0, &["providers", "unprotect"]),
        (0, &["providers", "unset", "yandex_disk"]),
        (0, &["sync", "acme-corp", &db]),
        (0, &["sync", "acme-corp", &db, &storage]),
        (0, &["files", "acme-corp"]),
        (0, &["verify", "acme-corp"]),
        (0, &["restore-test", "acme-corp"]),
        (0, &["download", "acme-corp", DB]),
        (0, &["retention", "set", "--default", "--keep-last", "1"]),
        (0, &["retention", "get", "acme-corp"]),
        (0, &["retention", "list"]),
        (0, &["pin", "acme-corp", DB]),
        (3, &["prune", "--all", "--dry-run"]),
        (0, &["prune", "acme-corp", "--yes"]),
        (0, &["retention", "unset", "--default"]),
        (0, &["backup", "create", "--type", "database"]),
        (0, &["backup", "list"]),
        (0, &["backup", "verify"]),
        (0, &["backup", "rotate", "--dry-run"]),
        (0, &["status"]),
        (0, &["history"]),
        (0, &["history", "--check"]),
        (0, &["state", "check"]),
        (0, &["state", "rebuild", "acme-corp"]),
        (0, &["delete", "acme-corp", DB, "--yes"]),
        (4, &["config", "get", "nobody"]),
    ];
    let mut keys = BTreeSet::new();
    for (code, words) in calls {
        collect_keys(&sandbox.json(code, words), &mut keys);
    }
    assert!(keys.len() > 40, "{keys:?}");
    let (_, reference) = README.split_once("\n## JSON\n").unwrap();
    let unknown: Vec<&String> = keys
        .iter()
        .filter(|key| !reference.contains(&format!("`{key}`")))
        .collect();
    assert!(unknown.is_empty(), "not in the README: {unknown:?}");
}

/// Runs the quickstart with a tool, in a sandbox whose path has a space.
fn quickstart(sandbox: &Sandbox, tool: &Path) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart.sh");
    let mut command = Command::new("sh");
    command
        .arg(script)
        .current_dir(sandbox.app())
        .env_clear()
        .env("HOME", sandbox.path().join("home"))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("CARGO_TARGET_DIR", sandbox.path().join("build folder"))
        .env("VERTEX_BACKUP_BIN", tool)
        // What the caller has set must not reach the tool.
        .env("VERTEX_BACKUP_DB", "/nonexistent/app_data.db")
        .stdin(Stdio::null());
    Outcome::of(&command.output().unwrap(), sandbox)
}

/// Nothing but the build folder itself is new.
fn assert_nothing_left(sandbox: &Sandbox) {
    let left = |folder: &str| fs::read_dir(sandbox.path().join(folder)).unwrap().count();
    assert_eq!(left("build folder"), 0);
    assert_eq!(left("home"), 0);
    assert_eq!(left("app"), 0);
}

/// A tool that does something else before or after the real one.
fn tool(sandbox: &Sandbox, script: &str) -> std::path::PathBuf {
    let path = sandbox.path().join("tool");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_quickstart_works_and_leaves_nothing_behind() {
    let sandbox = Sandbox::empty();
    let outcome = quickstart(&sandbox, Path::new(BINARY)).code(0);
    for line in [
        "$ vertex-backup init\nDatabase created: ",
        "$ vertex-backup company add acme-corp --name 'Acme Corporation'\n",
        "$ vertex-backup config set acme-corp --provider local\n",
        "$ vertex-backup sync acme-corp backups/db_backup_20250131_040000.db\n",
        "$ vertex-backup files acme-corp\n",
        "$ vertex-backup status\n",
        "$ vertex-backup download acme-corp db_backup_20250131_040000.db -o restored/\n",
        &format!("SHA-256 of what was sent:     {DB_SHA256}\n"),
        &format!("SHA-256 of what came back:    {DB_SHA256}\n"),
        "with the same SHA-256.\n",
    ] {
        assert!(
            outcome.stdout.contains(line),
            "{line:?} is not in {outcome:?}"
        );
    }
    assert_eq!(outcome.stderr, "");
    assert_nothing_left(&sandbox);
}

#[test]
fn the_quickstart_fails_when_the_tool_fails() {
    let sandbox = Sandbox::empty();
    let failing = tool(
        &sandbox,
        &format!("[ \"$1\" != sync ] || exit 7; exec '{BINARY}' \"$@\""),
    );
    let outcome = quickstart(&sandbox, &failing).code(7);
    assert!(!outcome.stdout.contains("same SHA-256"));
    assert_nothing_left(&sandbox);
}

#[test]
fn the_quickstart_notices_other_bytes() {
    let sandbox = Sandbox::empty();
    let lying = tool(
        &sandbox,
        &format!("'{BINARY}' \"$@\" || exit; [ \"$1\" != download ] || echo >> \"restored/$3\""),
    );
    let outcome = quickstart(&sandbox, &lying)
        .code(1)
        .stderr("error: what came back is not what was sent\n");
    assert!(!outcome.stdout.contains("same SHA-256"));
    assert_nothing_left(&sandbox);
}

/// One command of a `console` block, and what the README says it prints.
struct Example {
    command: String,
    printed: Vec<String>,
}

/// The examples of a section, in their order.
fn examples(section: &str) -> Vec<Example> {
    let (_, text) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let text = text.split_once("\n## ").map_or(text, |(text, _)| text);
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        // Blocks that belong to a step of a list are indented.
        let line = line.strip_prefix("   ").unwrap_or(line);
        if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            let command = command.to_owned();
            let printed = Vec::new();
            examples.push(Example { command, printed });
        } else {
            examples.last_mut().unwrap().printed.push(line.to_owned());
        }
    }
    assert!(!examples.is_empty(), "no examples in {section}");
    examples
}

/// Without what differs from run to run: column widths, dates, ages, random ids.
fn steady(line: &str) -> String {
    let digits = |word: &str, pattern: &str| {
        word.len() == pattern.len()
            && word.chars().zip(pattern.chars()).all(|(c, p)| match p {
                '0' => c.is_ascii_digit(),
                p => c == p,
            })
    };
    for start in ["The history is whole:", "History ", r#"{"id":"#] {
        if line.starts_with(start) {
            return start.to_owned();
        }
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut steady: Vec<String> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let bare = word.trim_matches(['(', ')', ',']);
        let after = words.get(index + 1..).unwrap_or_default();
        let old = matches!(after, ["s", "ago" | "ago)" | "ago,", ..]);
        let is_age = matches!(after, ["d", ago, ..] if ago.starts_with("ago"));
        let is_room = matches!(after, ["GiB" | "TiB", ..]);
        let word = if bare == login_name() {
            "vertex".into()
        } else if is_room {
            "N".into()
        } else if is_age {
            word.replace(bare, "N")
        } else if digits(bare, "0000-00-00") {
            "DATE".into()
        } else if digits(bare, "00:00") || digits(bare, "00:00:00") {
            "TIME".into()
        } else if old && bare.parse::<u32>().is_ok() {
            word.replace(bare, "just")
        } else if index > 0
            && *word == "s"
            && words[index..].get(1).is_some_and(|w| w.starts_with("ago"))
        {
            continue;
        } else if word.starts_with("ago") {
            word.replace("ago", "now")
        } else {
            (*word).to_owned()
        };
        steady.push(word);
    }
    steady.join(" ")
}

/// Runs a section's examples one after another, in a sandbox that stands for `/`.
fn run_examples(sandbox: &Sandbox, section: &str) {
    let root = sandbox.path().canonicalize().unwrap();
    let root = root.to_str().unwrap();
    let real = |text: &str| {
        ["/opt/", "/mnt/nas", "/srv/"]
            .iter()
            .fold(text.to_owned(), |text, path| {
                text.replace(path, &format!("{root}{path}"))
            })
    };
    let mut folder = real("/opt/vertex-ar");
    let mut variables: Vec<(String, String)> = Vec::new();
    let binaries = Path::new(BINARY).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(binaries.to_owned()).chain(std::env::split_paths(&path)),
    );
    let path = path.unwrap();
    let mut wrong = Vec::new();
    for Example { command, printed } in examples(section) {
        if let Some(there) = command.strip_prefix("cd ") {
            folder = real(there);
            continue;
        }
        if let Some((name, value)) = command
            .strip_prefix("export ")
            .and_then(|set| set.split_once('='))
        {
            variables.push((name.to_owned(), real(value)));
            continue;
        }
        let tools = ["jq", "tar", "sqlite3", "sha256sum"];
        let words: Vec<&str> = command.split_whitespace().collect();
        if tools
            .iter()
            .any(|tool| words.contains(tool) && !has_tool(tool))
        {
            continue;
        }
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("{{ {}\n}} 2>&1", real(&command)))
            .current_dir(&folder)
            .env_clear()
            .env("HOME", sandbox.path().join("home"))
            .env("PATH", &path)
            .env("USER", "vertex")
            .env("TZ", "UTC")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap().replace(root, "");
        let mut told: Vec<String> = printed.iter().map(|line| steady(line)).collect();
        let mut found: Vec<String> = text.lines().map(steady).collect();
        if command.contains('|') {
            // Whose line comes first is a matter of luck.
            told.sort();
            found.sort();
        }
        if command.contains("providers info") {
            told.truncate(1);
            found.truncate(1);
        }
        let fails = printed
            .first()
            .is_some_and(|line| line.starts_with("error: "));
        if output.status.success() == fails || (!printed.is_empty() && told != found) {
            wrong.push(format!("$ {command}\n{text}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "the README shows something else for:\n{}",
        wrong.concat()
    );
}

/// An application below the sandbox's `opt/vertex-ar`, and an empty NAS.
fn application() -> Sandbox {
    let sandbox = Sandbox::new();
    for folder in ["opt", "mnt/nas", "srv"] {
        fs::create_dir_all(sandbox.path().join(folder)).unwrap();
    }
    let app = sandbox.path().join("opt/vertex-ar");
    fs::rename(sandbox.app(), &app).unwrap();
    let config = app.join("config/remote_storage.json");
    fs::rename(app.join("config/remote_storage.example.json"), &config).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(app.join("token.txt"), "y0_token\n").unwrap();
    sandbox
}

#[test]
fn the_examples_print_what_the_readme_shows() {
    let sandbox = application();
    run_examples(&sandbox, "The first five minutes");
    run_examples(&sandbox, "Commands");
}

#[test]
fn the_restore_works_as_the_readme_tells_it() {
    let sandbox = application();
    run_examples(&sandbox, "The first five minutes");
    let app = sandbox.path().join("opt/vertex-ar");
    let parts = fs::read_dir(app.join("backups/storage")).unwrap();
    let parts = parts.map(|entry| entry.unwrap().path().into_os_string());
    let words = ["sync", "acme-corp"]
        .map(Into::into)
        .into_iter()
        .chain(parts);
    sandbox.command(words).cwd(&app).run().code(0);
    run_examples(&sandbox, "Restore on a bad day");
}
