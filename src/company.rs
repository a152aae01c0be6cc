//! The application's table `companies`: read it, and write two of its fields.
//!
//! Nothing else is ever added to this database. A connection lives as long as
//! one question or one short transaction; long lists are read in pages by key,
//! so that no read lock is held while anybody looks at the terminal.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::database::{self, Access};
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::text::Nearest;

/// Companies read at a time: a page takes about a millisecond.
const PAGE: usize = 1000;

const PROVIDER: &str = "backup_provider";
const REMOTE_PATH: &str = "backup_remote_path";

/// One company: who it is, and where its backups go. Both or none of the last two are usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    /// The primary key; our state is kept by it.
    pub id: String,
    /// The name shown to people.
    pub name: String,
    /// When the application made it, as stored (UTC).
    pub created_at: Option<String>,
    /// `backup_provider` as stored; it may be a name nobody knows.
    pub provider: Option<String>,
    /// `backup_remote_path` as stored.
    pub remote_path: Option<String>,
}

/// The two fields this tool assigns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupConfig {
    /// Which provider.
    pub provider: Option<String>,
    /// Which remote directory.
    pub remote_path: Option<String>,
}

/// Which companies a list is about.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those with this provider.
    pub provider: Option<ProviderKind>,
    /// Only those with a provider (`true`) or without one (`false`).
    pub configured: Option<bool>,
}

/// What changes in a company; absent means: as it is.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// A new name.
    pub name: Option<String>,
    /// A new assignment.
    pub backup: Option<BackupConfig>,
}

/// A row that could not be read, with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The id, as far as it can be shown.
    pub id: String,
    /// What is wrong with it.
    pub why: String,
}

/// The companies of one database file.
#[derive(Clone, Debug)]
pub struct Companies {
    path: PathBuf,
    wait: Duration,
}

impl Companies {
    /// Names the file; nothing is opened yet.
    pub fn at(path: &Path, wait: Duration) -> Self {
        Companies {
            path: path.to_owned(),
            wait,
        }
    }

    /// Finds a company by its id, else by its exact name.
    ///
    /// # Errors
    /// `company_not_found` with up to three near ones.
    pub fn find(&self, asked: &str) -> anyhow::Result<Company> {
        let reader = self.open(Access::Read)?;
        for key in ["id", "name"] {
            if let Some(company) = reader.one(key, asked)? {
                return Ok(company);
            }
        }
        drop(reader);
        let mut near = Nearest::to(asked);
        self.pages(&Filter::default(), |companies, _| {
            for Company { id, name, .. } in companies {
                near.offer([id.as_str(), name.as_str()], || format!("'{id}' ({name})"));
            }
            Ok(())
        })?;
        let failure = Failure::new(
            Code::CompanyNotFound,
            format!("Company '{asked}' not found"),
        );
        let hint = match near.labels().as_slice() {
            [] => "vertex-backup company list".to_owned(),
            near => format!(
                "did you mean {}? `vertex-backup company list` shows all",
                near.join(" or ")
            ),
        };
        Err(failure.hint(hint).into())
    }

    /// The company of that id, or `None`.
    pub fn get(&self, id: &str) -> anyhow::Result<Option<Company>> {
        self.open(Access::Read)?.one("id", id)
    }

    /// What is assigned to the company of that id; `None` when there is no such company.
    pub fn backup_config(&self, id: &str) -> anyhow::Result<Option<BackupConfig>> {
        let company = self.get(id)?;
        Ok(company.map(|company| BackupConfig {
            provider: company.provider,
            remote_path: company.remote_path,
        }))
    }

    /// Visits all companies that pass the filter, in pages, by name.
    ///
    /// Between two pages nothing is locked: the visitor may take its time.
    pub fn pages(
        &self,
        filter: &Filter,
        mut visit: impl FnMut(&[Company], &[BadRow]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            crate::interrupt::check()?;
            let page = self.open(Access::Read)?.page(filter, after.as_ref())?;
            if !page.companies.is_empty() || !page.bad.is_empty() {
                visit(&page.companies, &page.bad)?;
            }
            after = match page.last {
                Some(last) => Some(last),
                None => return Ok(()),
            };
        }
    }

    /// The rows that [`Companies::pages`] would pass over because they cannot be read.
    pub fn unreadable(&self, filter: &Filter) -> anyhow::Result<Vec<BadRow>> {
        let mut unreadable = Vec::new();
        self.pages(filter, |_, bad| {
            unreadable.extend_from_slice(bad);
            Ok(())
        })?;
        Ok(unreadable)
    }

    /// Adds a company.
    ///
    /// # Errors
    /// `already_exists` when the id or the name is taken.
    pub fn create(&self, id: &str, name: &str, backup: &BackupConfig) -> anyhow::Result<Company> {
        self.write(|table| {
            for (key, value) in [("id", id), ("name", name)] {
                if let Some(taken) = table.one(key, value)? {
                    let detail = format!(
                        "A company with the {key} '{}' exists already: '{}' ({})",
                        value, taken.name, taken.id
                    );
                    return Err(Failure::new(Code::AlreadyExists, detail).into());
                }
            }
            let insert = "INSERT INTO companies (id, name) VALUES (?1, ?2)";
            table.execute(insert, params![id, name])?;
            if *backup != BackupConfig::default() {
                table.assign(id, backup)?;
            }
            Ok(())
        })?;
        self.find(id)
    }

    /// Changes a company; whether there was anything to change.
    ///
    /// # Errors
    /// `already_exists` when the new name is taken.
    pub fn update(&self, id: &str, changes: &Changes) -> anyhow::Result<bool> {
        if changes.name.is_none() && changes.backup.is_none() {
            return Ok(false);
        }
        self.write(|table| {
            let mut found = false;
            if let Some(name) = &changes.name {
                if let Some(taken) = table.one("name", name)?.filter(|taken| taken.id != id) {
                    let detail = format!("The name '{}' is taken by company '{}'", name, taken.id);
                    return Err(Failure::new(Code::AlreadyExists, detail).into());
                }
                found = table.execute(
                    "UPDATE companies SET name = ?2 WHERE id = ?1",
                    params![id, name],
                )? > 0;
            }
            if let Some(backup) = &changes.backup {
                found = table.assign(id, backup)?;
            }
            Ok(found)
        })
    }

    /// Assigns provider and remote directory; both absent takes the assignment
    /// away. Whether there is such a company.
    pub fn set_backup_config(&self, id: &str, backup: &BackupConfig) -> anyhow::Result<bool> {
        self.write(|table| table.assign(id, backup))
    }

    fn open(&self, access: Access) -> anyhow::Result<Table> {
        let connection = database::open(&self.path, access, self.wait)?;
        let mut table = Table {
            connection,
            path: self.path.clone(),
            has_provider: false,
            has_path: false,
            has_created: false,
        };
        table.look_at_columns()?;
        Ok(table)
    }

    /// One short transaction, which takes the write lock at once.
    fn write<T>(&self, change: impl FnOnce(&mut Table) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let mut table = self.open(Access::Write)?;
        table.execute("BEGIN IMMEDIATE", [])?;
        // Somebody may have added the columns while we waited for the lock.
        table.look_at_columns()?;
        let done = table
            .add_missing_columns()
            .and_then(|()| change(&mut table));
        let done = done.and_then(|value| table.execute("COMMIT", []).map(|_| value));
        if done.is_err() {
            // Already rolled back where the commit itself failed.
            let _ = table.connection.execute("ROLLBACK", []);
        }
        done
    }
}

struct Page {
    companies: Vec<Company>,
    bad: Vec<BadRow>,
    last: Option<(Key, Key)>,
}

/// The table in one open connection.
struct Table {
    connection: Connection,
    path: PathBuf,
    has_provider: bool,
    has_path: bool,
    has_created: bool,
}

impl Table {
    fn failed(&self, error: &rusqlite::Error) -> anyhow::Error {
        database::classify(&self.path, error).into()
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> anyhow::Result<usize> {
        self.connection
            .execute(sql, params)
            .map_err(|error| self.failed(&error))
    }

    fn look_at_columns(&mut self) -> anyhow::Result<()> {
        let columns = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self
                .connection
                .prepare("SELECT name FROM pragma_table_info('companies')")?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        let columns = columns().map_err(|error| self.failed(&error))?;
        let has = |name: &str| columns.iter().any(|column| column == name);
        if !has("id") || !has("name") {
            let detail = format!(
                "'{}' is not a database of the application: it has no table of companies",
                self.path.display()
            );
            return Err(Failure::new(Code::DatabaseInvalid, detail)
                .hint("name the application's app_data.db with --db FILE")
                .into());
        }
        (self.has_provider, self.has_path) = (has(PROVIDER), has(REMOTE_PATH));
        self.has_created = has("created_at");
        Ok(())
    }

    fn add_missing_columns(&mut self) -> anyhow::Result<()> {
        for (present, column) in [(self.has_provider, PROVIDER), (self.has_path, REMOTE_PATH)] {
            if !present {
                self.execute(
                    &format!("ALTER TABLE companies ADD COLUMN {column} TEXT"),
                    [],
                )?;
            }
        }
        (self.has_provider, self.has_path) = (true, true);
        Ok(())
    }

    /// The columns of a [`Company`], NULL where an older database has none.
    fn columns(&self) -> String {
        let or_null = |present: bool, column: &'static str| if present { column } else { "NULL" };
        format!(
            "id, name, {}, {}, {}",
            or_null(self.has_provider, PROVIDER),
            or_null(self.has_path, REMOTE_PATH),
            or_null(self.has_created, "created_at")
        )
    }

    fn one(&self, key: &'static str, value: &str) -> anyhow::Result<Option<Company>> {
        let sql = format!("SELECT {} FROM companies WHERE {key} = ?1", self.columns());
        let row = self
            .connection
            .query_row(&sql, [value], |row| Ok(read_row(row)))
            .optional();
        match row.map_err(|error| self.failed(&error))? {
            None => Ok(None),
            Some(Ok(company)) => Ok(Some(company)),
            Some(Err(BadRow { id, why })) => {
                let detail = format!("The company '{id}' cannot be read: {why}");
                Err(Failure::new(Code::DatabaseInvalid, detail).into())
            }
        }
    }

    fn page(&self, filter: &Filter, after: Option<&(Key, Key)>) -> anyhow::Result<Page> {
        // Each form binds the same parameters; an OR would keep SQLite from seeking by the index.
        let position = match after {
            Some((name, id)) => format!("(name, id) > ({}, {})", name.place(1), id.place(2)),
            None => "?1 IS NULL AND ?2 IS NULL".to_owned(),
        };
        let mut conditions = vec![position];
        let provider = if self.has_provider { PROVIDER } else { "NULL" };
        match filter.configured {
            Some(true) => conditions.push(format!("{provider} IS NOT NULL")),
            Some(false) => conditions.push(format!("{provider} IS NULL")),
            None => {}
        }
        if filter.provider.is_some() {
            conditions.push(format!("{provider} = ?3"));
        } else {
            conditions.push("?3 IS NULL".to_owned());
        }
        let sql = format!(
            "SELECT {} FROM companies WHERE {} ORDER BY name, id LIMIT {PAGE}",
            self.columns(),
            conditions.join(" AND ")
        );
        let value = |key: Option<&Key>| key.map_or(Value::Null, |key| key.value.clone());
        let (name, id) = (
            value(after.map(|key| &key.0)),
            value(after.map(|key| &key.1)),
        );
        let read = || -> rusqlite::Result<Page> {
            let mut page = Page {
                companies: Vec::new(),
                bad: Vec::new(),
                last: None,
            };
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows =
                statement.query(params![name, id, filter.provider.map(ProviderKind::name)])?;
            while let Some(row) = rows.next()? {
                page.last = Some((Key::of(row.get_ref(1)?), Key::of(row.get_ref(0)?)));
                match read_row(row) {
                    Ok(company) => page.companies.push(company),
                    Err(bad) => page.bad.push(bad),
                }
            }
            if page.companies.len() + page.bad.len() < PAGE {
                page.last = None;
            }
            Ok(page)
        };
        read().map_err(|error| self.failed(&error))
    }

    fn assign(&self, id: &str, backup: &BackupConfig) -> anyhow::Result<bool> {
        let sql =
            "UPDATE companies SET backup_provider = ?2, backup_remote_path = ?3 WHERE id = ?1";
        Ok(self.execute(sql, params![id, backup.provider, backup.remote_path])? > 0)
    }
}

/// A cell as a page's last key: behind it the next page begins.
#[derive(Clone)]
struct Key {
    value: Value,
    is_text: bool,
}

impl Key {
    /// Text is kept as bytes: it may be invalid UTF-8, and must sort as text all the same.
    fn of(cell: ValueRef<'_>) -> Self {
        let value = match cell {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
        };
        Key {
            value,
            is_text: matches!(cell, ValueRef::Text(_)),
        }
    }

    fn place(&self, number: usize) -> String {
        if self.is_text {
            format!("CAST(?{number} AS TEXT)")
        } else {
            format!("?{number}")
        }
    }
}

fn read_row(row: &Row<'_>) -> Result<Company, BadRow> {
    let bad = |why: String| BadRow {
        id: shown(row, 0),
        why,
    };
    let required = |cell: Result<Option<String>, String>, column: &str| {
        cell.and_then(|text| text.ok_or_else(|| format!("{column} is NULL")))
    };
    Ok(Company {
        name: required(text_cell(row, 1, "name"), "name").map_err(bad)?,
        provider: text_cell(row, 2, PROVIDER)
            .map_err(bad)?
            .filter(|text| !text.is_empty()),
        remote_path: text_cell(row, 3, REMOTE_PATH)
            .map_err(bad)?
            .filter(|text| !text.is_empty()),
        created_at: text_cell(row, 4, "created_at").unwrap_or_default(),
        id: required(text_cell(row, 0, "id"), "id").map_err(bad)?,
    })
}

/// A cell as far as it can be shown: what is no text as `SQL` would write it.
fn shown(row: &Row<'_>, index: usize) -> String {
    const LONGEST: usize = 32;
    match row.get_ref(index) {
        Ok(ValueRef::Text(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Ok(ValueRef::Blob(bytes)) => {
            let mut hex = String::new();
            for byte in bytes.iter().take(LONGEST) {
                // Writing to a String cannot fail.
                let _ = write!(hex, "{byte:02X}");
            }
            let cut = if bytes.len() > LONGEST { "…" } else { "" };
            format!("X'{hex}{cut}'")
        }
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Real(number)) => number.to_string(),
        Ok(ValueRef::Null) | Err(_) => "?".into(),
    }
}

fn text_cell(row: &Row<'_>, index: usize, column: &str) -> Result<Option<String>, String> {
    match row.get_ref(index) {
        Ok(ValueRef::Null) => Ok(None),
        Ok(ValueRef::Text(bytes)) => match str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(format!("{column} is not UTF-8")),
        },
        Ok(ValueRef::Integer(number)) => Ok(Some(number.to_string())),
        Ok(ValueRef::Real(number)) => Ok(Some(number.to_string())),
        Ok(ValueRef::Blob(_)) => Err(format!("{column} is a blob")),
        Err(error) => Err(format!("{column}: {error}")),
    }
}
