//! Progress on stderr: a bar, plain lines, JSON lines, or nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::ui::Ui;
use crate::progress::{Progress, Silent, Task};
use crate::settings::ProgressMode;
use crate::text::{bytes, printable};

const PLAIN_PAUSE: Duration = Duration::from_secs(10);
const JSON_PAUSE: Duration = Duration::from_secs(1);

/// Shows progress in one of the modes.
pub(crate) struct Watcher<'a> {
    ui: &'a Ui,
    mode: ProgressMode,
    bars: MultiProgress,
    /// When the last line was printed, whichever task it was about.
    last: Mutex<Option<Instant>>,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(ui: &'a Ui, mode: ProgressMode, bars: MultiProgress) -> Self {
        Watcher {
            ui,
            mode,
            bars,
            last: Mutex::new(None),
        }
    }
}

impl Progress for Watcher<'_> {
    fn task(&self, label: &str, total: u64) -> Box<dyn Task + '_> {
        let label = printable(label).into_owned();
        match self.mode {
            ProgressMode::Bar => Box::new(Bar::new(&self.bars, label, total)),
            ProgressMode::Plain | ProgressMode::Json => Box::new(Lines {
                watcher: self,
                label,
                total,
                done: AtomicU64::new(0),
                phase: Mutex::new("transferring".into()),
                started: Instant::now(),
            }),
            ProgressMode::Auto | ProgressMode::None => Box::new(Silent),
        }
    }

    fn note(&self, text: &str) {
        self.ui.note(text);
    }
}

/// Progress of one of several at a time: its lines begin with whose they are.
pub(crate) struct Labelled<'a> {
    watcher: &'a Watcher<'a>,
    label: String,
}

impl<'a> Labelled<'a> {
    pub(crate) fn new(watcher: &'a Watcher<'a>, label: &str) -> Self {
        Labelled {
            watcher,
            label: label.to_owned(),
        }
    }
}

impl Progress for Labelled<'_> {
    fn task(&self, label: &str, total: u64) -> Box<dyn Task + '_> {
        self.watcher
            .task(&format!("{}: {label}", self.label), total)
    }

    fn note(&self, text: &str) {
        self.watcher.note(&format!("{}: {text}", self.label));
    }
}

struct Bar {
    bar: ProgressBar,
    label: String,
}

impl Bar {
    fn new(bars: &MultiProgress, label: String, total: u64) -> Self {
        let bar = bars.add(ProgressBar::new(total));
        let style = "{wide_msg} {bar:20} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} eta {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(label.clone());
        Bar { bar, label }
    }
}

impl Task for Bar {
    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn phase(&self, name: &str) {
        self.bar.reset();
        self.bar.set_message(format!("{}: {name}", self.label));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A line now and then, for logs and for programs.
struct Lines<'a> {
    watcher: &'a Watcher<'a>,
    label: String,
    total: u64,
    done: AtomicU64,
    phase: Mutex<String>,
    started: Instant,
}

impl Lines<'_> {
    fn tell(&self) {
        let json = self.watcher.mode == ProgressMode::Json;
        let Ok(mut last) = self.watcher.last.lock() else {
            return;
        };
        let pause = if json { JSON_PAUSE } else { PLAIN_PAUSE };
        // The first JSON line comes at once; plain lines only for work that takes its time.
        let since = last.unwrap_or(self.started);
        if since.elapsed() < pause && (last.is_some() || !json) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        let done = self.done.load(Ordering::Relaxed);
        let phase = self
            .phase
            .lock()
            .map(|phase| phase.clone())
            .unwrap_or_default();
        let line = if json {
            json!({ "type": "progress", "name": self.label, "phase": phase, "bytes": done, "total": self.total }).to_string()
        } else {
            format!(
                "{}: {phase}, {} of {}",
                self.label,
                bytes(done),
                bytes(self.total)
            )
        };
        self.watcher.ui.raw_stderr(&format!("{line}\n"));
    }
}

impl Task for Lines<'_> {
    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }

    fn phase(&self, name: &str) {
        self.done.store(0, Ordering::Relaxed);
        if let Ok(mut phase) = self.phase.lock() {
            name.clone_into(&mut phase);
        }
        self.tell();
    }
}
