//! A command that prints a secret: run without a shell, bounded in time and in what it says.
//!
//! What it prints to stdout is the secret; what it prints to stderr is the
//! operator's only way to learn why there is none. So the first line of that
//! is told, without the words that may be part of a secret.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::{MAX_SECRET_BYTES, first_line};
use crate::interrupt;
use crate::redact::said;
use crate::secret::Secret;
use crate::text::system_reason;

const TIME: Duration = Duration::from_secs(10);

/// How long to wait for output before looking whether the command has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Of what it says on stderr; the rest is read and forgotten.
const MAX_COMPLAINT: usize = 4096;

/// Runs a program for the first line it prints.
///
/// It has nobody to ask: its stdin is empty, and it is in a process group of
/// its own, which cannot read the terminal and ends as a whole when it takes
/// too long. A process it leaves behind on purpose keeps nobody waiting.
///
/// # Errors
/// Why there is no secret, without any of it.
pub(super) fn run(program: &str, arguments: &[String]) -> Result<Secret, String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for name in variables_with_passwords() {
        command.env_remove(name);
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("cannot run '{program}': {}", system_reason(&error)))?;
    let mut output = Stream::of(child.stdout.take().map(OwnedFd::from));
    let mut complaint = Stream::of(child.stderr.take().map(OwnedFd::from));
    let status = follow(&mut child, &mut output, &mut complaint).map_err(|stopped| {
        stop(&mut child);
        match stopped {
            Stopped::Late => format!("'{program}' did not end within {} s", TIME.as_secs()),
            Stopped::Chatty => {
                format!("'{program}' printed more than {MAX_SECRET_BYTES} bytes")
            }
            Stopped::Failed(error) => format!("'{program}' failed: {}", system_reason(&error)),
        }
    })?;
    if !status.success() {
        let why = shown_complaint(&complaint.bytes, &output.bytes);
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        return Err(format!("'{program}' failed with {status}{why}"));
    }
    first_line(&output.bytes)
        .ok_or_else(|| format!("'{program}' printed something that is not text"))
}

/// Why a command was not waited for any longer.
enum Stopped {
    Late,
    Chatty,
    Failed(io::Error),
}

/// What a command prints, as far as it is wanted.
struct Stream {
    /// `None` when it has ended.
    pipe: Option<File>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Stream {
    fn of(pipe: Option<OwnedFd>) -> Self {
        Stream {
            pipe: pipe.map(File::from),
            bytes: Zeroizing::default(),
        }
    }

    /// Reads what is there; whether anything was.
    fn read(&mut self, limit: usize) -> io::Result<bool> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(false);
        };
        let mut block = Zeroizing::new([0; 4096]);
        match pipe.read(&mut *block) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                let wanted = count.min(limit - self.bytes.len());
                self.bytes.extend_from_slice(&block[..wanted]);
                return Ok(true);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(false)
    }
}

/// Reads along until the command has ended.
fn follow(
    child: &mut Child,
    output: &mut Stream,
    complaint: &mut Stream,
) -> Result<ExitStatus, Stopped> {
    let limit = usize::try_from(MAX_SECRET_BYTES).unwrap_or(usize::MAX);
    let deadline = Instant::now() + TIME;
    loop {
        // Looked at first: what it printed before its end is then all there to be read.
        let ended = child.try_wait().map_err(Stopped::Failed)?;
        let pause = if ended.is_some() {
            Duration::ZERO
        } else {
            PAUSE
        };
        let [out, err] = readable(output, complaint, pause).map_err(Stopped::Failed)?;
        let mut any = false;
        if out {
            any |= output.read(limit + 1).map_err(Stopped::Failed)?;
        }
        if err {
            any |= complaint.read(MAX_COMPLAINT).map_err(Stopped::Failed)?;
        }
        if output.bytes.len() > limit {
            return Err(Stopped::Chatty);
        }
        match ended {
            Some(status) if !any => return Ok(status),
            _ if Instant::now() >= deadline || interrupt::received().is_some() => {
                return Err(Stopped::Late);
            }
            _ => {}
        }
    }
}

/// Which of the two can be read, waiting no longer than that.
fn readable(output: &Stream, complaint: &Stream, pause: Duration) -> io::Result<[bool; 2]> {
    let open = [&output.pipe, &complaint.pipe];
    let mut polled: Vec<_> = open
        .into_iter()
        .flatten()
        .map(|pipe| PollFd::new(pipe, PollFlags::IN))
        .collect();
    let pause = Timespec::try_from(pause).map_err(io::Error::other)?;
    match poll(&mut polled, Some(&pause)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut answers = polled.iter().map(|polled| !polled.revents().is_empty());
    Ok(open.map(|pipe| pipe.is_some() && answers.next().unwrap_or(false)))
}

/// Ends a command and whatever it started and did not let go.
fn stop(child: &mut Child) {
    // They may be gone already, which is what is wanted.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

/// Names of variables whose values hold a password: a program that is there to
/// tell one secret has no use for the others.
fn variables_with_passwords() -> impl Iterator<Item = std::ffi::OsString> {
    let is_proxy = |name: &str| name.to_ascii_lowercase().ends_with("_proxy");
    let holds = |value: &str| value.contains('@');
    std::env::vars_os()
        .filter(move |(name, value)| {
            is_proxy(&name.to_string_lossy()) && holds(&value.to_string_lossy())
        })
        .map(|(name, _)| name)
}

/// The first line a command said on stderr, without what may be a secret.
fn shown_complaint(complaint: &[u8], output: &[u8]) -> Option<String> {
    let complaint = Zeroizing::new(String::from_utf8_lossy(complaint).into_owned());
    let output = Zeroizing::new(String::from_utf8_lossy(output).into_owned());
    let line = complaint
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())?;
    let words = line.split_whitespace().map(|word| {
        if is_plain(word) && !(word.len() > 3 && output.contains(word)) {
            word
        } else {
            "[redacted]"
        }
    });
    Some(said(&words.collect::<Vec<_>>().join(" ")))
}

/// Whether a word is one of a language, a path or a small number: tokens and keys mix
/// letters with digits, or cases, or are long.
fn is_plain(word: &str) -> bool {
    const JOINTS: [char; 5] = ['-', '/', '\'', '.', ':'];
    const LONGEST: usize = 24;
    let edges = |c: char| "\"'`‘’“”«»()[]<>.,:;!?…".contains(c);
    let pieces = word.trim_matches(edges).split(JOINTS);
    let plain = |piece: &str| {
        let mut rest = piece.chars();
        rest.next();
        let is_word = piece.chars().all(char::is_alphabetic)
            && (rest.all(char::is_lowercase) || piece.chars().all(char::is_uppercase));
        let is_number = piece.len() <= 5 && piece.chars().all(|c| c.is_ascii_digit());
        piece.chars().count() <= LONGEST && (is_word || is_number)
    };
    word.chars().count() <= 3 * LONGEST && pieces.into_iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_told_without_what_may_be_a_secret() {
        let shown = |complaint: &str| shown_complaint(complaint.as_bytes(), b"hunter\n");
        for whole in [
            "gpg: decryption failed: No secret key",
            "error: the agent isn't running; code 17",
            "cat: /run/secrets/drive: Permission denied",
            "Ключ «облако» не найден",
        ] {
            assert_eq!(
                shown(&format!("\n \n{whole}\nmore\n")).as_deref(),
                Some(whole)
            );
        }
        for secret in [
            "ya29.a0AfH6SM",
            "y0_AgAAAA",
            "1//0gRefresh",
            "GOCSPX-xYz",
            "https://ops:pw@proxy",
            "key=value",
            "abcdefghijklmnopqrstuvwxyz",
            "hunter",
        ] {
            let line = format!("bad token {secret} here");
            assert_eq!(
                shown(&line).as_deref(),
                Some("bad token [redacted] here"),
                "{secret}"
            );
        }
        assert_eq!(shown(""), None);
        assert_eq!(shown(" \n\n"), None);
        assert!(shown(&"word ".repeat(1000)).unwrap().len() < 300);
    }
}
