//! The terminal: stdout carries the result, stderr everything else.
//!
//! The only place that writes to either, so the only place that has to know
//! about closed pipes, full disks, colours, control characters and secrets.

use std::borrow::Cow;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::MultiProgress;
use rustix::event::{PollFd, PollFlags};
use serde::Serialize;

use super::log::{Log, defect_line};
use super::progress::Watcher;
use super::render::{Cell, Column, Layout};
use crate::failure::{Code, Failure};
use crate::redact::known;
use crate::settings::{ColorMode, Format, ProgressMode};
use crate::text::{acts_on_terminal, printable, printable_lines, system_reason};

/// More than any answer or secret has; keeps a wrong file out of memory.
const LONGEST_LINE: u64 = 64 * 1024;

/// How the user wants to be talked to.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) format: Format,
    pub(crate) progress: ProgressMode,
    pub(crate) color: ColorMode,
    pub(crate) quiet: bool,
    pub(crate) verbosity: u8,
    pub(crate) no_input: bool,
    pub(crate) yes: bool,
}

/// The terminal, or what stands in its place.
pub(crate) struct Ui {
    manners: Manners,
    bars: MultiProgress,
    /// Whoever read our table has gone; printing on would be in vain.
    closed: AtomicBool,
}

impl Ui {
    pub(crate) fn new(manners: Manners) -> Self {
        Ui {
            manners,
            bars: MultiProgress::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.manners.format == Format::Json
    }

    /// Nobody reads stdout any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Prints a result: JSON from the value, or text made by `human`.
    pub(crate) fn result<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_json() {
            self.json(value)
        } else {
            self.text(&human())
        }
    }

    /// Prints the result of something that was done: a quiet run says nothing of its success.
    pub(crate) fn done<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.manners.quiet && !self.is_json() {
            Ok(())
        } else {
            self.result(value, human)
        }
    }

    /// Whether only errors are to be told.
    pub(crate) fn is_quiet(&self) -> bool {
        self.manners.quiet
    }

    /// Prints one JSON document.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_string(value)
            .map_err(|error| Failure::new(Code::LocalIo, format!("cannot write JSON: {error}")))?;
        text.push('\n');
        self.json_text(&text)
    }

    /// Prints a piece of a JSON document that is written in pieces.
    pub(crate) fn json_text(&self, text: &str) -> Result<(), Failure> {
        let text = known(text);
        let text = inert(&text);
        self.bars
            .suspend(|| write_stdout(text.as_bytes()))
            .map_err(|error| not_written(&error))
    }

    /// Prints lines for people, in which nothing but our own colours acts on a terminal.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        self.own_text(&harmless(text, self.colors(&io::stdout())))
    }

    /// Prints lines that nobody but us has written: scripts and pages, with tabs in them.
    /// A reader that has gone is no error: it has seen enough.
    pub(crate) fn own_text(&self, text: &str) -> Result<(), Failure> {
        if self.is_closed() {
            return Ok(());
        }
        let text = known(text);
        match self.bars.suspend(|| write_stdout(text.as_bytes())) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(not_written(&error)),
            Ok(()) => Ok(()),
        }
    }

    /// Prints a whole table.
    pub(crate) fn table(&self, columns: &[Column], rows: Vec<Vec<Cell>>) -> String {
        let mut layout = Layout::new(columns);
        layout.measure(&rows);
        self.page(&layout, rows, true)
    }

    /// One page of a table that was measured before.
    pub(crate) fn page(&self, layout: &Layout, rows: Vec<Vec<Cell>>, heading: bool) -> String {
        layout.print(rows, heading, terminal_width(), self.colors(&io::stdout()))
    }

    /// Names and values, aligned.
    pub(crate) fn facts(&self, facts: Vec<(&str, Cell)>) -> String {
        let mut layout = Layout::new(&[super::render::left(""), super::render::left("")]);
        let rows: Vec<_> = facts
            .into_iter()
            .map(|(name, value)| vec![Cell::from(name), value])
            .collect();
        layout.measure(&rows);
        self.page(&layout, rows, false)
    }

    /// Bytes of a file to stdout.
    pub(crate) fn raw_stdout() -> impl io::Write {
        io::stdout().lock()
    }

    /// Whether stdout is a terminal, which raw bytes would confuse.
    pub(crate) fn stdout_is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// A warning: shown unless `--quiet`.
    pub(crate) fn warn(&self, text: &str) {
        if !self.manners.quiet {
            self.line("warning", "33", text);
        }
    }

    /// Something worth knowing: shown unless `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.manners.quiet {
            self.line("note", "36", text);
        }
    }

    /// Detail for `-v` (1) or `-vv` (2).
    pub(crate) fn verbose(&self, level: u8, text: &str) {
        if self.manners.verbosity >= level {
            self.line("info", "2", text);
        }
    }

    /// An error, whatever the manners: `error:`, `caused by:`, `hint:`.
    pub(crate) fn error(&self, detail: &str, causes: &[String], hint: Option<&str>) {
        self.line("error", "31", detail);
        for cause in causes {
            self.line("caused by", "31", cause);
        }
        if let Some(hint) = hint {
            self.line("hint", "36", hint);
        }
    }

    fn line(&self, label: &str, color: &str, text: &str) {
        self.stderr().line(label, color, text);
    }

    pub(crate) fn raw_stderr(&self, text: &str) {
        self.stderr().write(text);
    }

    /// A hold of stderr for who outlives a borrow.
    pub(crate) fn stderr(&self) -> Stderr {
        Stderr {
            bars: self.bars.clone(),
            colors: self.colors(&io::stderr()),
        }
    }

    /// Tells from now on what the library logs of itself: warnings as such, the rest for `-v` and `-vv`.
    pub(crate) fn listen_to_log(&self) {
        let level = match (self.manners.quiet, self.manners.verbosity) {
            // What must not be missed is told all the same.
            (true, _) => log::LevelFilter::Error,
            (false, 0) => log::LevelFilter::Warn,
            (false, 1) => log::LevelFilter::Info,
            (false, _) => log::LevelFilter::Debug,
        };
        if log::set_boxed_logger(Box::new(Log::to(self.stderr()))).is_ok() {
            log::set_max_level(level);
        }
    }

    /// Someone to watch long work.
    pub(crate) fn watcher(&self) -> Watcher<'_> {
        let mode = match self.manners.progress {
            _ if self.manners.quiet => ProgressMode::None,
            ProgressMode::Auto
                if io::stderr().is_terminal()
                    && std::env::var_os("TERM").is_none_or(|t| t != "dumb") =>
            {
                ProgressMode::Bar
            }
            ProgressMode::Auto => ProgressMode::Plain,
            mode => mode,
        };
        Watcher::new(self, mode, self.bars.clone())
    }

    /// Asks before something that cannot be undone.
    ///
    /// # Errors
    /// `confirmation_required` when nobody can be asked, or the answer is no.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.manners.yes {
            return Ok(());
        }
        let refuse = |why: &str| {
            Err(
                Failure::new(Code::ConfirmationRequired, format!("{question}: {why}"))
                    .hint("confirm with --yes"),
            )
        };
        if self.manners.no_input
            || self.is_json()
            || !io::stdin().is_terminal()
            || !io::stderr().is_terminal()
        {
            return refuse("this needs a confirmation, and nobody can be asked");
        }
        self.raw_stderr(&format!("{}? [y/N] ", printable(question)));
        let mut answer = String::new();
        match read_line(&mut answer) {
            Err(error) if crate::interrupt::received().is_some() => {
                // The question's line ends here.
                self.raw_stderr("\n");
                Err(unread(&error))
            }
            Ok(_) if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") => Ok(()),
            _ => refuse("not confirmed, nothing was done"),
        }
    }

    /// What must be told, quiet or not, so that the command can go on: a line of JSON on
    /// stderr for a script that passes it on, or lines for people.
    pub(crate) fn instruct<T: Serialize>(&self, event: &T, human: impl FnOnce() -> String) {
        let text = match serde_json::to_string(event) {
            Ok(json) if self.is_json() => inert(&json).into_owned() + "\n",
            _ => printable_lines(&human()),
        };
        self.raw_stderr(&text);
    }

    /// Fails where an answer will not be asked for.
    ///
    /// # Errors
    /// `confirmation_required` with `--no-input`.
    pub(crate) fn can_be_asked(&self, what: &str) -> Result<(), Failure> {
        if self.manners.no_input {
            return Err(unanswered(&format!("--no-input forbids to ask for {what}")));
        }
        Ok(())
    }

    /// A line that was asked for, from a terminal or from who passes it on.
    ///
    /// # Errors
    /// `confirmation_required` when there is none.
    pub(crate) fn read_answer(&self, what: &str) -> Result<String, Failure> {
        if io::stdin().is_terminal() && !self.is_json() {
            self.raw_stderr(&format!("Paste {what} and press Enter: "));
        }
        let mut line = String::new();
        read_line(&mut line).map_err(|error| unread(&error))?;
        match line.trim() {
            "" => Err(unanswered(&format!("stdin does not give {what}"))),
            answer => Ok(answer.to_owned()),
        }
    }

    /// A secret from stdin: its first line.
    pub(crate) fn read_secret(&self, what: &str) -> Result<crate::secret::Secret, Failure> {
        if io::stdin().is_terminal() {
            if self.manners.no_input {
                return Err(Failure::new(
                    Code::ConfirmationRequired,
                    format!("the {what} is read from stdin"),
                ));
            }
            self.raw_stderr(&format!(
                "Paste the {what} and press Enter (it will be visible): "
            ));
        }
        let mut line = zeroize::Zeroizing::new(String::new());
        read_line(&mut line).map_err(|error| unread(&error))?;
        let secret = crate::secret::Secret::new(&line);
        if secret.is_empty() {
            return Err(Failure::new(
                Code::Usage,
                format!("no {what} came from stdin"),
            ));
        }
        Ok(secret)
    }

    fn colors(&self, stream: &impl io::IsTerminal) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self.manners.color {
            ColorMode::Always => true,
            ColorMode::Never => false,
            ColorMode::Auto => {
                stream.is_terminal()
                    && !set("NO_COLOR")
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

/// Stderr, beside the bars that may be on it.
#[derive(Clone)]
pub(crate) struct Stderr {
    bars: MultiProgress,
    colors: bool,
}

impl Stderr {
    /// A closed stderr leaves nobody to tell.
    pub(crate) fn write(&self, text: &str) {
        let text = known(text);
        self.bars.suspend(|| {
            let _ = io::stderr().write_all(text.as_bytes());
        });
    }

    pub(super) fn line(&self, label: &str, color: &str, text: &str) {
        let text = known(text);
        let text = printable(&text);
        let line = if self.colors {
            format!("\u{1b}[{color}m{label}:\u{1b}[0m {text}\n")
        } else {
            format!("{label}: {text}\n")
        };
        self.write(&line);
    }
}

/// Lines in which nothing acts on a terminal but, where they are wanted, colours.
fn harmless(text: &str, colors: bool) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut shown = printable_lines(pieces.next().unwrap_or_default());
    for piece in pieces {
        let sets_color = |code: &&str| code.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';'));
        let color = piece.split('m').next().filter(sets_color);
        let is_color = colors && color.is_some_and(|code| piece.len() > code.len());
        shown.push_str(if is_color { "\u{1b}[" } else { "\\u{1b}[" });
        shown.push_str(&printable_lines(piece));
    }
    shown
}

/// JSON in which nothing acts on a terminal: what may stand raw in JSON is escaped all the same.
fn inert(json: &str) -> Cow<'_, str> {
    let acts = |c: char| c != '\n' && acts_on_terminal(c);
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let escaped = json.chars().map(|c| {
        if acts(c) {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    });
    Cow::Owned(escaped.collect())
}

/// Tells of a defect of ours without what the words of it may hold.
pub(crate) fn tell_defects() {
    std::panic::set_hook(Box::new(|defect| {
        let line = defect_line(&defect.to_string());
        // A closed stderr leaves nobody to tell.
        let _ = io::stderr().write_all(line.as_bytes());
    }));
}

/// The width of the terminal behind stdout, if there is one.
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// Reads a line; a signal ends the wait, which the system by itself would take up again.
fn read_line(line: &mut String) -> io::Result<usize> {
    let pause = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    loop {
        if crate::interrupt::received().is_some() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let stdin = io::stdin();
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        // What cannot be waited for (a file) is read at once.
        match rustix::event::poll(&mut waiting, Some(&pause)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            _ => return stdin.lock().take(LONGEST_LINE).read_line(line),
        }
    }
}

fn unanswered(why: &str) -> Failure {
    Failure::new(Code::ConfirmationRequired, why).hint("run it in a terminal, or pass it on stdin")
}

fn unread(error: &io::Error) -> Failure {
    let why = system_reason(error);
    crate::interrupt::check()
        .err()
        .unwrap_or_else(|| Failure::new(Code::LocalIo, format!("cannot read stdin: {why}")))
}

/// Writes and flushes, so that a failure shows here and not at the end of the process.
fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn not_written(error: &io::Error) -> Failure {
    Failure::new(
        Code::LocalIo,
        format!(
            "cannot write the result to stdout: {}",
            system_reason(error)
        ),
    )
}
