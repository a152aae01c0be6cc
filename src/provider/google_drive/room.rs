//! The room there is, asked for before the first byte goes (§11).

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::KIND;
use super::api::Account;
use super::file::Number;
use super::home::NO_STORAGE;
use crate::provider::Quota;
use crate::provider::error::{Error, Kind, Result, Shortage};
use crate::provider::lenient::readable;
use crate::provider::locked;
use crate::text::bytes;

/// Google takes no larger file (§6.1).
const MAX_FILE_SIZE: u64 = 5_120 * 1024 * 1024 * 1024;

/// Room is asked for anew after this time.
const ROOM_LASTS: Duration = Duration::from_secs(60);

/// The room as it was when it was asked for, less what was begun since.
pub(super) struct Room {
    at: Instant,
    quota: StorageQuota,
    begun: u64,
}

/// What is taken of an account's room; without a limit it has none (§3).
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct StorageQuota {
    #[serde(deserialize_with = "readable")]
    limit: Option<Number>,
    #[serde(deserialize_with = "readable")]
    usage: Option<Number>,
    #[serde(deserialize_with = "readable")]
    usage_in_drive_trash: Option<Number>,
}

impl StorageQuota {
    /// Absent where there is no limit.
    fn free(&self) -> Option<u64> {
        let usage = self.usage.map_or(0, |Number(usage)| usage);
        Some(self.limit?.0.saturating_sub(usage))
    }

    fn takes(&self, size: u64, begun: u64) -> Result<()> {
        let free = self.free().map(|free| free.saturating_sub(begun));
        match free.filter(|free| size > *free) {
            Some(free) => Err(self.full(size, Some(free))),
            None => Ok(()),
        }
    }

    /// The error of a file that has no room, with what takes it.
    fn full(&self, needed: u64, free: Option<u64>) -> Error {
        let detail = match free {
            Some(free) => format!(
                "the Drive has no room: {} are needed, {} are free",
                bytes(needed),
                bytes(free)
            ),
            None => format!("the Drive has no room for {}", bytes(needed)),
        };
        let hint = match self.usage_in_drive_trash {
            Some(Number(trash)) if trash > 0 => format!(
                "the trash holds {}: empty it; or remove old backups: vertex-backup prune --all --permanent",
                bytes(trash)
            ),
            _ => "remove old backups: vertex-backup prune --all --permanent".to_owned(),
        };
        Error::new(KIND, Kind::Full(Shortage { needed, free }), detail).hint(hint)
    }
}

#[cfg(any(test, fuzzing))]
impl StorageQuota {
    /// Whatever it tells, a file fits or does not.
    pub(super) fn check(&self) {
        for size in [0, 1, u64::MAX] {
            let _ = (self.takes(size, 0), self.takes(size, u64::MAX));
        }
    }
}

impl Account {
    /// The room there is.
    pub(super) fn quota_now(&self) -> Result<Quota> {
        let quota = self.about()?.storage_quota;
        if self.home()?.drive.is_some() {
            // A shared drive takes from the organisation's room, which nobody here is told.
            return Ok(Quota {
                total: None,
                used: None,
                available: None,
                trash: None,
                max_file_size: Some(MAX_FILE_SIZE),
            });
        }
        Ok(Quota {
            total: quota.limit.map(|Number(limit)| limit),
            used: quota.usage.map(|Number(usage)| usage),
            available: quota.free(),
            trash: quota.usage_in_drive_trash.map(|Number(trash)| trash),
            max_file_size: Some(MAX_FILE_SIZE),
        })
    }

    /// Fails when the account is known not to take a file as large.
    pub(super) fn check_room(&self, size: u64) -> Result<()> {
        if size > MAX_FILE_SIZE {
            let detail = format!(
                "Google Drive takes files up to {}, this one has {}",
                bytes(MAX_FILE_SIZE),
                bytes(size)
            );
            return Err(
                Error::new(KIND, Kind::TooLarge(Some(MAX_FILE_SIZE)), detail)
                    .hint("let Vertex AR split its backups"),
            );
        }
        if self.home()?.drive.is_some() {
            return Ok(());
        }
        let mut room = locked(&self.room);
        if let Some(room) = &mut *room
            && room.at.elapsed() < ROOM_LASTS
            && room.quota.takes(size, room.begun).is_ok()
        {
            room.begun += size;
            return Ok(());
        }
        let quota = self.about()?.storage_quota;
        let at = Instant::now();
        let begun = size;
        *room = Some(Room { at, quota, begun });
        quota.takes(size, 0)
    }

    /// The error of a file for which the service says to have no room: the numbers are worth
    /// a question.
    pub(super) fn no_room(&self, size: u64) -> Error {
        *locked(&self.room) = None;
        let is_homeless = self.credentials.owns_nothing();
        match self.about() {
            Ok(about) => {
                let quota = about.storage_quota;
                let error = quota.full(size, quota.free().filter(|free| *free < size));
                if is_homeless {
                    error.hint(NO_STORAGE)
                } else {
                    error
                }
            }
            Err(_) => StorageQuota::default().full(size, None),
        }
    }
}
