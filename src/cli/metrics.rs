//! `status --metrics`: the status as Prometheus text, for the node exporter's textfile collector.
//!
//! The format wants all samples of a metric together, so the companies are
//! visited once for each metric: memory does not grow with their number.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::history::Verdict;
use crate::status::{CompanyStatus, Health};
use crate::text::printable_lines;

/// One metric of a company: its name, what it means, and its samples.
pub(super) struct Metric {
    name: &'static str,
    help: &'static str,
    samples: fn(&CompanyStatus) -> Vec<(String, f64)>,
}

/// All metrics of companies, in the order in which they are printed.
pub(super) const COMPANY_METRICS: [Metric; 12] = [
    Metric {
        name: "vertex_backup_company_configured",
        help: "Whether the company is assigned a provider.",
        samples: |status| one(f64::from(status.backup_provider.is_some())),
    },
    Metric {
        name: "vertex_backup_company_health",
        help: "1 for the health the company has, 0 for the others.",
        samples: |status| {
            let all = Health::ALL.map(|health| {
                let label = label("health", health.name());
                (label, f64::from(health == status.health))
            });
            all.into()
        },
    },
    Metric {
        name: "vertex_backup_last_success_timestamp_seconds",
        help: "When a sync last ended well.",
        samples: |status| at(status.last_success),
    },
    Metric {
        name: "vertex_backup_last_attempt_timestamp_seconds",
        help: "When a sync was last tried.",
        samples: |status| at(status.last_attempt),
    },
    Metric {
        name: "vertex_backup_last_attempt_success",
        help: "Whether the last sync ended well.",
        samples: |status| {
            let verdict = status
                .last_verdict
                .filter(|verdict| *verdict != Verdict::Running);
            let well = |verdict| matches!(verdict, Verdict::Ok | Verdict::Skipped);
            verdict.map_or_else(Vec::new, |verdict| one(f64::from(well(verdict))))
        },
    },
    Metric {
        name: "vertex_backup_last_backup_timestamp_seconds",
        help: "When the newest verified backup was stored.",
        samples: |status| at(status.last_backup),
    },
    Metric {
        name: "vertex_backup_last_verified_timestamp_seconds",
        help: "When a stored backup was last compared.",
        samples: |status| at(status.last_verified),
    },
    Metric {
        name: "vertex_backup_sets",
        help: "Backups known on the remote.",
        samples: |status| one(count(status.sets)),
    },
    Metric {
        name: "vertex_backup_size_bytes",
        help: "Bytes of the backups known on the remote.",
        samples: |status| one(count(status.bytes)),
    },
    Metric {
        name: "vertex_backup_newest_timestamp_seconds",
        help: "When the newest backup of a type was made.",
        samples: |status| {
            let newest = status.newest.iter().filter_map(|newest| {
                let label = label("type", newest.backup_type.name());
                Some((label, at(newest.made_at).pop()?.1))
            });
            newest.collect()
        },
    },
    Metric {
        name: "vertex_backup_last_restore_test_timestamp_seconds",
        help: "When a backup was last restored for a test.",
        samples: |status| at(status.last_restore_test),
    },
    Metric {
        name: "vertex_backup_last_restore_test_success",
        help: "Whether the last restore test went well.",
        samples: |status| {
            let passed = status.restore_test_passed;
            passed.map_or_else(Vec::new, |passed| one(f64::from(passed)))
        },
    },
];

impl Metric {
    /// What stands before the samples.
    pub(super) fn heading(&self) -> String {
        heading(self.name, self.help)
    }

    /// A line for each sample of each company.
    pub(super) fn lines(&self, companies: &[CompanyStatus]) -> String {
        let mut text = String::new();
        for status in companies {
            let mut labels = label("company", &status.company_id);
            if let Some(provider) = &status.backup_provider {
                labels = format!("{labels},{}", label("provider", provider));
            }
            for (more, value) in (self.samples)(status) {
                let comma = if more.is_empty() { "" } else { "," };
                let _ = writeln!(text, "{}{{{labels}{comma}{more}}} {value}", self.name);
            }
        }
        text
    }
}

/// What stands before a metric's samples.
pub(super) fn heading(name: &str, help: &str) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n")
}

/// `key="value"`, with what would end the value or act on a terminal escaped.
pub(super) fn label(key: &str, value: &str) -> String {
    let value = printable_lines(value)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{key}=\"{value}\"")
}

fn one(value: f64) -> Vec<(String, f64)> {
    vec![(String::new(), value)]
}

/// A time that is not known has no sample: 0 would be 1970.
#[expect(
    clippy::cast_precision_loss,
    reason = "whole seconds fit for 285 million years"
)]
fn at(time: Option<Timestamp>) -> Vec<(String, f64)> {
    time.map_or_else(Vec::new, |at| one(at.as_second() as f64))
}

/// Prometheus counts in doubles.
#[expect(clippy::cast_precision_loss, reason = "the format's own precision")]
fn count(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_be_broken_out_of() {
        assert_eq!(label("company", "a\"} 1\n\\"), r#"company="a\"} 1\n\\""#);
        assert_eq!(label("company", "\u{1b}c"), r#"company="\\u{1b}c""#);
    }
}
