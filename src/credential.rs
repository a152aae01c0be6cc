//! Where a secret comes from: written down, in a file, or printed by a command.

mod command;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::protection::Protected;
use crate::secret::Secret;
use crate::text::system_reason;

/// More than any secret has; keeps a wrong file or a chatty command out of memory.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

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

    /// The file it is read from, if it is.
    pub fn file(&self) -> Option<&Path> {
        match self {
            SecretSource::File(path) => Some(path),
            SecretSource::Inline(_) | SecretSource::Command(_) | SecretSource::Protected(_) => None,
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

/// The first line of what a file or a command gave; `None` when that is not text.
fn first_line(bytes: &[u8]) -> Option<Secret> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    str::from_utf8(line).ok().map(Secret::new)
}

fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let failed =
        |error: std::io::Error| format!("cannot read '{shown}': {}", system_reason(&error));
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(format!("'{shown}' is not a file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(format!(
            "'{shown}' is larger than {MAX_SECRET_BYTES} bytes, which no secret is"
        ));
    }
    first_line(&bytes).ok_or_else(|| format!("'{shown}' does not hold text"))
}

fn from_command(CommandLine(words): &CommandLine) -> Result<Secret, String> {
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    command::run(program, arguments)
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
        let failure = command("yes").resolve("x_command").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "x_command: 'yes' printed more than 65536 bytes"
        );
    }
}
