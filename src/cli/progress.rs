//! Progress on stderr: a bar, plain lines, JSON lines, or nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::ui::{Stderr, Ui};
use crate::progress::{Progress, Silent, Task};
use crate::redact::known;
use crate::settings::ProgressMode;
use crate::text::{bytes, printable};

const PLAIN_PAUSE: Duration = Duration::from_secs(10);
const JSON_PAUSE: Duration = Duration::from_secs(1);

/// Shows progress in one of the modes.
pub(crate) struct Watcher<'a> {
    ui: &'a Ui,
    bars: MultiProgress,
    voice: Arc<Voice>,
}

/// Where the lines of all tasks go.
struct Voice {
    mode: ProgressMode,
    stderr: Stderr,
    /// When the last line was printed, whichever task it was about.
    last: Mutex<Option<Instant>>,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(ui: &'a Ui, mode: ProgressMode, bars: MultiProgress) -> Self {
        let voice = Voice {
            mode,
            stderr: ui.stderr(),
            last: Mutex::new(None),
        };
        Watcher {
            ui,
            bars,
            voice: Arc::new(voice),
        }
    }
}

impl Progress for Watcher<'_> {
    fn task(&self, label: &str, total: u64) -> Box<dyn Task + '_> {
        let label = printable(&known(label)).into_owned();
        match self.voice.mode {
            ProgressMode::Bar => Box::new(Bar::new(&self.bars, label, total)),
            ProgressMode::Plain | ProgressMode::Json => {
                Box::new(Lines::new(Arc::clone(&self.voice), label, total))
            }
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
    shown: ProgressBar,
    label: String,
    /// Counts what it was at: a clock that ticks for a wait ends with it.
    turn: Arc<AtomicU64>,
}

impl Bar {
    fn new(bars: &MultiProgress, label: String, total: u64) -> Self {
        let bar = Bar {
            shown: bars.add(ProgressBar::new(total)),
            label,
            turn: Arc::default(),
        };
        bar.show_bytes();
        bar.shown.set_message(bar.label.clone());
        bar
    }

    fn show_bytes(&self) {
        let style = "{wide_msg} {bar:20} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} eta {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.shown.set_style(style.progress_chars("=> "));
        }
    }
}

impl Task for Bar {
    fn advance(&self, bytes: u64) {
        self.shown.inc(bytes);
    }

    fn phase(&self, name: &str) {
        self.show_bytes();
        self.enter(name);
    }

    fn waiting(&self, what: &str) {
        if let Ok(style) = ProgressStyle::with_template("{wide_msg} {elapsed_precise}") {
            self.shown.set_style(style);
        }
        self.enter(what);
        let (bar, turn) = (self.shown.clone(), Arc::clone(&self.turn));
        let now = turn.load(Ordering::Relaxed);
        // Without the thread (its own would panic), the clock shows what it was when it stopped.
        let _ = std::thread::Builder::new().spawn(move || {
            while turn.load(Ordering::Relaxed) == now {
                bar.tick();
                std::thread::sleep(JSON_PAUSE / 4);
            }
        });
    }
}

impl Bar {
    fn enter(&self, name: &str) {
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.shown.reset();
        self.shown.set_message(format!("{}: {name}", self.label));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.shown.finish_and_clear();
    }
}

/// A line now and then, for logs and for programs.
struct Lines(Arc<Work>);

/// What there is to tell of.
struct Work {
    voice: Arc<Voice>,
    label: String,
    total: u64,
    done: AtomicU64,
    stage: Mutex<Stage>,
    started: Instant,
}

/// What the work is at.
#[derive(Clone)]
struct Stage {
    name: String,
    /// Since when nothing moves here, because the other side is at work.
    waiting: Option<Instant>,
    is_over: bool,
}

impl Lines {
    fn new(voice: Arc<Voice>, label: String, total: u64) -> Self {
        Lines(Arc::new(Work {
            voice,
            label,
            total,
            done: AtomicU64::new(0),
            stage: Mutex::new(Stage {
                name: "transferring".into(),
                waiting: None,
                is_over: false,
            }),
            started: Instant::now(),
        }))
    }
}

impl Work {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, name: &str, waiting: Option<Instant>) {
        self.done.store(0, Ordering::Relaxed);
        *self.stage() = Stage {
            name: name.to_owned(),
            waiting,
            is_over: false,
        };
        self.tell();
    }

    /// Goes on telling as long as the wait lasts that began then.
    fn tell_meanwhile(&self, since: Instant) {
        loop {
            std::thread::sleep(JSON_PAUSE / 4);
            let stage = self.stage().clone();
            if stage.is_over || stage.waiting != Some(since) {
                return;
            }
            self.tell();
        }
    }

    fn tell(&self) {
        let json = self.voice.mode == ProgressMode::Json;
        let stage = self.stage().clone();
        let mut last = self
            .voice
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let pause = if json { JSON_PAUSE } else { PLAIN_PAUSE };
        // The first JSON line comes at once; plain lines only for work that takes its time.
        let since = last.unwrap_or(self.started);
        if since.elapsed() < pause && (last.is_some() || !json) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        let done = self.done.load(Ordering::Relaxed);
        let waited = stage.waiting.map(|since| since.elapsed().as_secs());
        let (label, phase) = (&self.label, &stage.name);
        let line = if json {
            let mut line = json!({ "type": "progress", "name": label, "phase": phase, "bytes": done, "total": self.total });
            if let Some(waited) = waited {
                line["waited_seconds"] = waited.into();
            }
            line.to_string()
        } else if let Some(waited) = waited {
            format!("{label}: {phase} ({:02}:{:02})", waited / 60, waited % 60)
        } else {
            format!("{label}: {phase}, {} of {}", bytes(done), bytes(self.total))
        };
        self.voice.stderr.write(&format!("{line}\n"));
    }
}

impl Task for Lines {
    fn advance(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
        self.0.tell();
    }

    fn phase(&self, name: &str) {
        self.0.enter(name, None);
    }

    fn waiting(&self, what: &str) {
        let since = Instant::now();
        self.0.enter(what, Some(since));
        let work = Arc::clone(&self.0);
        // Without the thread, the next line comes when something moves again.
        let _ = std::thread::Builder::new().spawn(move || work.tell_meanwhile(since));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.0.stage().is_over = true;
    }
}
