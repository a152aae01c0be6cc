//! Which company has which remote directory: two may not share one, nor one lie inside the other's.
//!
//! One look at all companies answers for as many of them as are asked about.

use std::collections::{BTreeMap, HashMap};

use crate::company::{Companies, Company, Filter};
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::remote_path::RemotePath;

/// The directories of all companies that have one.
#[derive(Default)]
pub struct Directories {
    /// By provider: path components joined by a character no path holds, to the company's id and name.
    taken: HashMap<ProviderKind, BTreeMap<String, Vec<(String, String)>>>,
}

impl Directories {
    /// Reads all assignments, or those of one provider.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read(companies: &Companies, provider: Option<ProviderKind>) -> anyhow::Result<Self> {
        let mut directories = Directories::default();
        let filter = Filter {
            provider,
            configured: Some(true),
        };
        companies.pages(&filter, |page, _| {
            for company in page {
                // A directory nobody can use cannot be shared.
                if let Ok((kind, directory)) = assignment(company) {
                    let owner = (company.id.clone(), company.name.clone());
                    let taken = directories.taken.entry(kind).or_default();
                    taken.entry(key(&directory)).or_default().push(owner);
                }
            }
            Ok(())
        })?;
        Ok(directories)
    }

    /// Fails when another company's directory on the same provider is this one,
    /// or one of the two lies inside the other.
    ///
    /// # Errors
    /// `remote_path_conflict`, naming the other company.
    pub fn refuse_shared(
        &self,
        id: &str,
        kind: ProviderKind,
        directory: &RemotePath,
    ) -> Result<(), Failure> {
        let Some(taken) = self.taken.get(&kind) else {
            return Ok(());
        };
        let ours = key(directory);
        let above = ours.match_indices(END).map(|(at, _)| &ours[..=at]);
        let above = above.filter_map(|path| taken.get_key_value(path));
        let inside = taken
            .range(ours.clone()..)
            .take_while(|(path, _)| path.starts_with(&ours));
        for (path, owners) in above.chain(inside) {
            if let Some((other, name)) = owners.iter().find(|(other, _)| other != id) {
                let theirs = format!("/{}", path.trim_end_matches(END).replace(END, "/"));
                let detail = format!(
                    "The remote directory '{directory}' on {kind} overlaps '{theirs}' of company '{name}' ({other})"
                );
                return Err(Failure::new(Code::RemotePathConflict, detail)
                    .hint("give each company a directory of its own: config set COMPANY --remote-path DIR")
                    .field("other_company_id", other.clone()));
            }
        }
        Ok(())
    }
}

/// Ends each component, so that `/a/b` is inside `/a` and not inside `/a/bc`.
const END: char = '\0';

fn key(directory: &RemotePath) -> String {
    directory
        .components()
        .flat_map(|component| [component.to_owned(), END.to_string()])
        .collect()
}

/// What a company is assigned, read strictly.
///
/// # Errors
/// `no_backup_provider`, `invalid_provider`, `invalid_remote_path`.
pub fn assignment(company: &Company) -> Result<(ProviderKind, RemotePath), Failure> {
    let Some(provider) = &company.provider else {
        let detail = format!(
            "Company '{}' does not have a backup provider configured",
            company.name
        );
        return Err(Failure::new(Code::NoBackupProvider, detail).hint(format!(
            "vertex-backup config set {} --provider local",
            shell_word(&company.id)
        )));
    };
    let directory = match &company.remote_path {
        Some(stored) => RemotePath::parse_stored(stored)?,
        None => RemotePath::default_for(&company.id)?,
    };
    Ok((provider.parse()?, directory))
}

/// A word as it can be typed into a shell.
pub fn shell_word(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}
