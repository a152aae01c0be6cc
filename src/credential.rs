//! Where a secret comes from: written down, in a file, or printed by a command.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::protection::Protected;
use crate::secret::Secret;
use crate::text::system_reason;

/// More than any secret has; keeps a wrong file or a chatty command out of memory.
const MAX_SECRET_BYTES: u64 = 64 * 1024;
const COMMAND_TIME: Duration = Duration::from_secs(10);

/// One of the four ways to give a secret `X`: `X`, `X_file`, `X_command`, `X_age`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// Written in the configuration.
    Inline(Secret),
    /// The first line of a file.
    File(PathBuf),
    /// The first line a command prints; run without a shell.
    Command(CommandLine),
    /// Written in the configuration, encrypted.
    Protected(Protected),
}

/// A program and its arguments, from a string in shell quoting or a list of strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// Splits as a shell would, without running one.
    pub fn parse(text: &str) -> Option<Self> {
        shlex::split(text)
            .filter(|words| !words.is_empty())
            .map(CommandLine)
    }

    /// The program, which is all that is shown of it: its arguments may be secret.
    pub fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl SecretSource {
    /// Whether it is written where it is configured, and so by us or for us.
    pub fn is_written(&self) -> bool {
        matches!(self, SecretSource::Inline(_) | SecretSource::Protected(_))
    }

    /// How it is kept, in one word; `None` of what is no secret.
    pub fn kept(&self) -> Option<&'static str> {
        match self {
            SecretSource::Inline(secret) => (!is_placeholder(secret)).then_some("plain"),
            SecretSource::File(_) => Some("file"),
            SecretSource::Command(_) => Some("command"),
            SecretSource::Protected(_) => Some("protected"),
        }
    }

    /// Fetches the secret named `key`.
    ///
    /// # Errors
    /// `provider_not_configured` when the file cannot be read, the command
    /// fails or takes more than ten seconds, or what they give is empty;
    /// `key_unusable` when it is encrypted and cannot be opened. The secret
    /// itself is never part of the message.
    pub fn resolve(&self, key: &str) -> Result<Secret, Failure> {
        let found = match self {
            SecretSource::Inline(secret) => Ok(secret.clone()),
            SecretSource::File(path) => from_file(path),
            SecretSource::Command(line) => from_command(line),
            SecretSource::Protected(protected) => Ok(protected.open(key)?),
        };
        let refuse = |why: &str| Failure::new(Code::ProviderNotConfigured, format!("{key}: {why}"));
        match found {
            Ok(secret) if secret.is_empty() => Err(refuse("it is empty")),
            Ok(secret) if is_placeholder(&secret) => {
                Err(refuse("it still holds the placeholder of the example file"))
            }
            Ok(secret) => Ok(secret),
            Err(why) => {
                crate::interrupt::check()?;
                Err(refuse(&why))
            }
        }
    }
}

/// The example file has a text in the place of a secret.
fn is_placeholder(secret: &Secret) -> bool {
    secret.expose().starts_with("YOUR_")
}

fn first_line(reader: impl Read) -> std::io::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    reader.take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let is_file = std::fs::metadata(path).map(|meta| meta.is_file());
    match is_file {
        Ok(true) => File::open(path)
            .and_then(first_line)
            .map_err(|error| format!("cannot read '{shown}': {}", system_reason(&error))),
        Ok(false) => Err(format!("'{shown}' is not a file")),
        Err(error) => Err(format!("cannot read '{shown}': {}", system_reason(&error))),
    }
}

fn from_command(CommandLine(words): &CommandLine) -> Result<Secret, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the command is empty".into());
    };
    let shown = program.to_owned();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot run '{shown}': {}", system_reason(&error)))?;
    let Some(output) = child.stdout.take() else {
        return Err(format!("'{shown}' has no output"));
    };
    let reader = std::thread::spawn(move || first_line(output));
    let deadline = Instant::now() + COMMAND_TIME;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline && crate::interrupt::received().is_none() => {
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => {
                // It may be gone already, which is what is wanted.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "'{shown}' did not end within {} s",
                    COMMAND_TIME.as_secs()
                ));
            }
        }
    };
    if !status.success() {
        return Err(format!("'{shown}' failed with {status}"));
    }
    // A grandchild may hold the pipe open after the command has ended.
    while !reader.is_finished() {
        if Instant::now() >= deadline {
            return Err(format!(
                "the output of '{shown}' did not end within {} s",
                COMMAND_TIME.as_secs()
            ));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    match reader.join() {
        Ok(Ok(secret)) => Ok(secret),
        _ => Err(format!("'{shown}' printed something that is not text")),
    }
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = CommandLine;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command, as a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<CommandLine, E> {
                CommandLine::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Other("such text"), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CommandLine, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element()? {
                    words.push(word);
                }
                Ok(CommandLine(words))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> SecretSource {
        SecretSource::Command(CommandLine::parse(text).unwrap())
    }

    #[test]
    fn a_command_gives_its_first_line() {
        let secret = command("printf 'to ken\\nnoise'")
            .resolve("x_command")
            .unwrap();
        assert_eq!(secret.expose(), "to ken");
    }

    #[test]
    fn failures_name_the_key_and_the_program_only() {
        let failure = command("sh -c 'echo s3cret; exit 3'")
            .resolve("x_command")
            .unwrap_err();
        assert_eq!(
            failure.to_string(),
            "x_command: 'sh' failed with exit status: 3"
        );
        let failure = command("/no/such/program s3cret")
            .resolve("x_command")
            .unwrap_err();
        assert!(!failure.to_string().contains("s3cret"));
        let failure = command("true").resolve("x_command").unwrap_err();
        assert_eq!(failure.to_string(), "x_command: it is empty");
        let failure = SecretSource::Inline(Secret::new("YOUR_TOKEN"))
            .resolve("x")
            .unwrap_err();
        assert!(failure.to_string().contains("placeholder"));
    }

    #[test]
    fn endless_output_is_cut() {
        // It is read no further, and its end by a closed pipe is a failure.
        let failure = command("yes").resolve("x_command").unwrap_err();
        assert!(
            failure.to_string().starts_with("x_command: 'yes' failed"),
            "{failure}"
        );
    }
}
