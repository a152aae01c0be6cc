//! Backups as the application makes them, and companies in numbers.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vertex_backup::hash::Sha256;

use super::Sandbox;

/// Bytes that differ with their seed and hold no pattern a part could share.
pub fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// What the application writes down about a backup whose folder is gone since.
pub fn sidecar(kind: &str, name: &str, bytes: &[u8], parts: &[String]) -> Value {
    let place = |name: &str| format!("/opt/long-gone/backups/{kind}/{name}");
    let mut told = json!({
        "type": kind,
        "backup_path": place(name),
        "file_size": bytes.len(),
        "checksum": Sha256::of(bytes).to_string(),
    });
    if !parts.is_empty() {
        told["split_files"] = parts.iter().map(|part| place(part)).collect();
        told["split"] = json!(true);
        told["chunk_size_mb"] = json!(1);
    }
    told
}

/// The name of the sidecar of a whole file.
pub fn sidecar_of(name: &str) -> String {
    format!("{}.json", name.rsplit_once('.').unwrap().0)
}

impl Sandbox {
    /// A backup in one piece and its sidecar, in a folder of the installation.
    pub fn backup(&self, folder: &str, name: &str, bytes: &[u8]) -> PathBuf {
        let kind = if name.starts_with("db_") {
            "database"
        } else {
            "storage"
        };
        let text = sidecar(kind, name, bytes, &[]).to_string();
        self.write(&format!("{folder}/{}", sidecar_of(name)), text);
        self.write(&format!("{folder}/{name}"), bytes)
    }

    /// A storage backup `STEM.tar.gz` split into parts, and its sidecar; the parts' names.
    pub fn split(&self, folder: &str, stem: &str, parts: &[Vec<u8>]) -> Vec<String> {
        let names: Vec<String> = (1..=parts.len())
            .map(|number| format!("{stem}.tar.part{number:03}.gz"))
            .collect();
        for (name, bytes) in names.iter().zip(parts) {
            self.write(&format!("{folder}/{name}"), bytes);
        }
        let told = sidecar(
            "storage",
            &format!("{stem}.tar.gz"),
            &parts.concat(),
            &names,
        );
        self.write(
            &format!("{folder}/{stem}.tar.part001.json"),
            told.to_string(),
        );
        names
    }

    /// No backups at all, but their folder.
    pub fn without_backups(&self) {
        fs::remove_dir_all(self.file("backups")).unwrap();
        fs::create_dir(self.file("backups")).unwrap();
    }

    /// Companies `company-000`, `company-001`, … on a provider, as the application stores them.
    pub fn companies(&self, count: usize, provider: &str) {
        let mut sql = self.sql();
        let all = sql.transaction().unwrap();
        for number in 0..count {
            let id = format!("company-{number:03}x");
            let directory = format!("/vertex-ar/{id}/backups");
            let words = [&id, &format!("Company {number:03}"), provider, &directory];
            let insert = "INSERT INTO companies (id, name, backup_provider, backup_remote_path) VALUES (?1, ?2, ?3, ?4)";
            all.execute(insert, words).unwrap();
        }
        all.commit().unwrap();
    }

    /// Stores an assignment as the application would, without a question.
    pub fn assign(&self, company: &str, provider: &str, directory: &str) {
        let update =
            "UPDATE companies SET backup_provider = ?2, backup_remote_path = ?3 WHERE id = ?1";
        let changed = self.sql().execute(update, [company, provider, directory]);
        assert_eq!(changed.unwrap(), 1, "{company}");
    }

    /// The names in a folder, sorted; none where it is not there.
    pub fn names_in(folder: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}
