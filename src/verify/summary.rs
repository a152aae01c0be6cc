//! What the verdicts of many backups add up to.

use std::collections::BTreeMap;

use super::Verified;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::{Outcome, Verdict};
use crate::report::{Finding, VerifyReport};
use crate::text::backups;

/// What all backups of a company add up to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many got each verdict.
    counts: BTreeMap<Finding, usize>,
    /// How many could not be compared, by exit code.
    failed: Vec<u8>,
    /// Bytes that were read back.
    pub bytes_read: u64,
    bad: Vec<String>,
}

impl Summary {
    pub(super) fn add(&mut self, report: &VerifyReport) {
        self.bytes_read += report.bytes_read;
        *self.counts.entry(report.result).or_default() += 1;
        if report.result.is_bad() {
            self.bad.push(report.name.clone());
        }
    }

    pub(super) fn fail(
        &mut self,
        name: &str,
        error: anyhow::Error,
        tell: &mut dyn FnMut(Verified),
    ) {
        let code = Failure::of(&error).map_or(exit::UNEXPECTED, |f| f.code().exit());
        self.failed.push(code);
        self.bad.push(name.to_owned());
        let name = name.to_owned();
        tell(Verified::Failed { name, error });
    }

    /// How many could not be compared.
    pub fn failed(&self) -> usize {
        self.failed.len()
    }

    /// How many got a verdict.
    pub fn count(&self, finding: Finding) -> usize {
        self.counts.get(&finding).copied().unwrap_or_default()
    }

    /// How many there were.
    pub fn total(&self) -> usize {
        self.counts.values().sum::<usize>() + self.failed.len()
    }

    /// How many cannot be relied on.
    pub fn bad(&self) -> usize {
        let counts = self.counts.iter().filter(|(finding, _)| finding.is_bad());
        counts.map(|(_, count)| count).sum()
    }

    /// The exit code: damage is the most urgent news.
    pub fn exit(&self) -> u8 {
        if self.bad() > 0 {
            return exit::INTEGRITY;
        }
        match self.failed.as_slice() {
            [] => exit::DONE,
            [first, ..]
                if self.failed.len() == self.total()
                    && self.failed.iter().all(|code| code == first) =>
            {
                *first
            }
            _ => exit::PARTIAL,
        }
    }

    /// Adds another company's.
    pub fn merge(&mut self, other: &Summary) {
        self.bytes_read += other.bytes_read;
        self.failed.extend(&other.failed);
        for (finding, count) in &other.counts {
            *self.counts.entry(*finding).or_default() += count;
        }
    }

    /// As people read it: `3 backups: 2 ok, 1 differs`.
    pub fn in_words(&self) -> String {
        let mut words: Vec<String> = self
            .counts
            .iter()
            .map(|(finding, count)| format!("{count} {}", finding.name()))
            .collect();
        if !self.failed.is_empty() {
            words.push(format!("{} failed", self.failed.len()));
        }
        let colon = if words.is_empty() { "" } else { ": " };
        format!("{}{colon}{}", backups(self.total()), words.join(", "))
    }

    pub(super) fn outcome(&self) -> Outcome {
        let mut detail = self.in_words();
        if self.bad.is_empty() {
            return Outcome::done(Verdict::Ok, detail, self.bytes_read);
        }
        let shown: Vec<&str> = self.bad.iter().take(5).map(String::as_str).collect();
        detail = format!("{detail} ({})", shown.join(", "));
        let code = if self.bad() > 0 {
            Some(Code::IntegrityFailed.name())
        } else {
            None
        };
        Outcome {
            verdict: Verdict::Failed,
            code,
            detail: Some(detail),
            bytes: self.bytes_read,
        }
    }
}
