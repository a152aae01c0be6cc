//! Who does something: user, host, terminal or timer, process, command line. For
//! the history and for locks.

use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::redact::is_marked;
use crate::text::shell_word;

/// A person or a timer, as far as the system tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// The login name, or the number of the user.
    pub user: String,
    /// Who became that user by `sudo`.
    pub sudo_user: Option<String>,
    /// The real user id.
    pub uid: u32,
    /// Who logged in, whoever it became since, where the system keeps that.
    pub login_uid: Option<u32>,
    /// That user's name.
    pub login_user: Option<String>,
    /// The machine's name.
    pub host: String,
    /// Whether a terminal was there; cron and timers have none.
    pub terminal: bool,
    /// The terminal's name.
    pub tty: Option<String>,
    /// What started it: `terminal`, `systemd`, `cron`, or the parent process's name.
    pub started_by: Option<String>,
    /// The process id.
    pub pid: u32,
    /// When the process began, in the system's ticks since which boot: ids are used again.
    pub began: Option<String>,
    /// The command line, without what may be a secret.
    pub command: String,
}

impl Actor {
    /// The one who runs this process.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Actor> = OnceLock::new();
        CURRENT.get_or_init(Actor::look).clone()
    }

    fn look() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let tty = terminal_name();
        let login_uid = login_uid();
        Actor {
            user: login_name(uid)
                .or_else(|| variable("USER"))
                .unwrap_or_else(|| format!("uid {uid}")),
            sudo_user: variable("SUDO_USER"),
            uid,
            login_uid,
            login_user: login_uid.and_then(login_name),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
            started_by: started_by(tty.is_some()),
            tty,
            pid: std::process::id(),
            began: began(std::process::id()),
            command: command_line(std::env::args_os().map(|word| word.to_string_lossy().into())),
        }
    }

    /// Whether its process has certainly ended: it ran on this machine and is not there.
    pub fn is_gone(&self) -> bool {
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        // Another user's process cannot be signalled, but it is there.
        self.is_here()
            && pid.is_some_and(|pid| {
                let ended = rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
                let now = began(self.pid);
                ended || self.began.is_some() && now.is_some() && now != self.began
            })
    }

    /// Whether it is certainly another process than this one, and still there.
    pub fn is_another_alive(&self) -> bool {
        let is_it = self.began.is_some() && began(self.pid) == self.began;
        self.is_here() && is_it && self.pid != std::process::id()
    }

    fn is_here(&self) -> bool {
        self.host == Actor::current().host
    }

    /// As it is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As it was stored; what cannot be read, or was not stored yet, is left empty.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// When a process began; the same number at another time is that of another process.
fn began(pid: u32) -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses, and may hold some itself; the time is the 20th after it.
    let ticks = stat.rsplit(')').next()?.split_whitespace().nth(19)?;
    Some(format!("{ticks}@{}", boot.get(..8)?))
}

/// The system's name for a user, which the caller cannot choose as it can `$USER`.
fn login_name(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut users = users.lines().map(|line| line.split(':'));
    users.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Who logged in, as the kernel remembers it whatever `su` and `sudo` did since.
fn login_uid() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/self/loginuid").ok()?;
    // The largest number stands for: nobody did.
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

fn terminal_name() -> Option<String> {
    let name = rustix::termios::ttyname(std::io::stderr(), Vec::new())
        .or_else(|_| rustix::termios::ttyname(std::io::stdin(), Vec::new()));
    Some(name.ok()?.to_string_lossy().into_owned())
}

/// How far up the parents of a process a timer is looked for: cron starts a shell,
/// which may start a script, which starts us.
const GENERATIONS: usize = 16;

fn started_by(from_terminal: bool) -> Option<String> {
    if from_terminal {
        return Some("terminal".into());
    }
    // systemd gives it to what its units start, and all of those inherit it.
    if variable("INVOCATION_ID").is_some() {
        return Some("systemd".into());
    }
    let mut process = Some(std::process::id());
    let mut parent = None;
    for _ in 0..GENERATIONS {
        let Some((above, name)) = process.and_then(parent_of) else {
            break;
        };
        if matches!(
            name.as_str(),
            "cron" | "crond" | "anacron" | "fcron" | "dcron"
        ) {
            return Some("cron".into());
        }
        parent.get_or_insert(name);
        process = Some(above);
    }
    parent
}

/// The parent of a process, with its name.
fn parent_of(pid: u32) -> Option<(u32, String)> {
    let stat = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    // The name stands in parentheses, and may hold some itself.
    let own = stat(pid)?;
    let parent = own.rsplit(')').next()?.split_whitespace().nth(1)?;
    let parent: u32 = parent.parse().ok().filter(|pid| *pid > 0)?;
    let told = stat(parent)?;
    let name = told.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
    Some((parent, name))
}

/// Longer command lines are cut: a glob can have thousands of words.
const LONGEST_COMMAND: usize = 500;

/// The words of a command line as they would be typed, without what may be a secret.
fn command_line(words: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    let (mut before, mut is_about_providers) = (String::new(), false);
    for (index, word) in words.enumerate() {
        let told = if index == 0 {
            let name = Path::new(&word).file_name();
            name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        } else {
            told(&word, &before, is_about_providers)
        };
        is_about_providers |= word == "providers";
        before = word;
        if !text.is_empty() {
            text.push(' ');
        }
        let is_ours = told.ends_with(REDACTED);
        text.push_str(&if is_ours { told } else { shell_word(&told) });
        if text.len() > LONGEST_COMMAND {
            while text.len() > LONGEST_COMMAND {
                text.pop();
            }
            text.push('…');
            break;
        }
    }
    text
}

/// A word after another one, as it may be told.
fn told(word: &str, before: &str, is_about_providers: bool) -> String {
    match word.split_once('=') {
        Some((option, _)) if takes_secret(option) => return format!("{option}={REDACTED}"),
        _ if takes_secret(before) => return REDACTED.to_owned(),
        _ => {}
    }
    // A token that was given as a word of its own is no command and no provider.
    let is_option = word.starts_with('-') || before.starts_with("--");
    let is_plain = word
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_about_providers && !is_option && !is_plain || is_marked(word) {
        return REDACTED.to_owned();
    }
    word.to_owned()
}

const REDACTED: &str = "[redacted]";

/// Whether an option's value may be a secret or hold one. No option of ours takes a secret
/// itself, but somebody may try, and is then refused.
fn takes_secret(option: &str) -> bool {
    let Some(name) = option.strip_prefix("--") else {
        return false;
    };
    let is_place = ["-file", "-stdin"].iter().any(|end| name.ends_with(end));
    let may_hold = ["token", "secret", "password", "passphrase", "credential"];
    let is_command = name.ends_with("-command");
    is_command || !is_place && may_hold.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> String {
        command_line(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn a_command_line_is_told_as_it_was_typed() {
        assert_eq!(
            told(&["/usr/bin/vertex-backup", "sync", "a b", "-v"]),
            "vertex-backup sync 'a b' -v"
        );
    }

    #[test]
    fn what_may_be_a_secret_is_not_told() {
        for words in [
            &["x", "providers", "--token-command", "echo canary"][..],
            &["x", "--token-command=echo canary"],
            &["x", "--client-secret-command", "canary"],
            &["x", "--token", "canary"],
            &["x", "--password=canary"],
            &["x", "--key-command", "echo canary"],
            &["x", "providers", "set", "yandex_disk", "y0_canary"],
            &[
                "x",
                "providers",
                "set",
                "yandex_disk",
                "--auth",
                "y0_canary",
            ],
            &["x", "sync", "--pass", "1//0canary"],
        ] {
            let text = told(words);
            assert!(
                text.contains(REDACTED) && !text.contains("canary"),
                "{text}"
            );
        }
        assert_eq!(
            told(&["x", "--token-file", "/etc/t"]),
            "x --token-file /etc/t"
        );
        assert_eq!(told(&["x", "--token-stdin", "-v"]), "x --token-stdin -v");
    }

    #[test]
    fn a_long_command_line_is_cut() {
        let words = vec!["ж".repeat(100); 20];
        let text = command_line(words.into_iter());
        assert!(
            text.len() < LONGEST_COMMAND + 10 && text.ends_with('…'),
            "{text}"
        );
    }

    #[test]
    fn what_an_older_version_stored_still_reads() {
        let actor =
            Actor::from_json(r#"{"user":"root","uid":0,"host":"h","terminal":true,"pid":7}"#);
        assert_eq!((actor.user.as_str(), actor.pid), ("root", 7));
        assert_eq!((actor.tty, actor.command), (None, String::new()));
        assert_eq!(Actor::from_json("no JSON"), Actor::default());
    }
}
