//! Who does something: user, host, terminal, process. For the history and for locks.

use serde::{Deserialize, Serialize};

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
    /// The machine's name.
    pub host: String,
    /// Whether a terminal was there; cron and timers have none.
    pub terminal: bool,
    /// The process id.
    pub pid: u32,
}

impl Actor {
    /// The one who runs this process.
    pub fn current() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let uid = rustix::process::getuid().as_raw();
        Actor {
            user: login_name(uid)
                .or_else(|| variable("USER"))
                .unwrap_or_else(|| format!("uid {uid}")),
            sudo_user: variable("SUDO_USER"),
            uid,
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
            pid: std::process::id(),
        }
    }

    /// Whether its process has certainly ended: it ran on this machine and is not there.
    pub fn is_gone(&self) -> bool {
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let here = self.host == Actor::current().host;
        // Another user's process cannot be signalled, but it is there.
        here && pid.is_some_and(|pid| {
            rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
        })
    }

    /// As it is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As it was stored; what cannot be read is left empty.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
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
