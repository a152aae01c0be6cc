//! One company, or all that have a provider, one after another.
//!
//! One company's failure does not stop the others. A provider that is down is
//! asked once: its remaining companies fail with the same reason at once.

use super::Context;
use super::batch::{Batch, exit_of};
use super::config::tell_unreadable;
use super::render::{Cell, Column};
use super::ui::Ui;
use crate::company::{Company, Filter};
use crate::directories::{Directories, assignment};
use crate::exit;
use crate::failure::Failure;
use crate::history::Intent;
use crate::installation::Remote;
use crate::lock::Lock;
use crate::outage::Outages;
use crate::provider::ProviderKind;
use crate::provider::registry::Registry;
use crate::state::State;

/// What is done at each company.
pub(super) trait Visitor {
    /// The command, as the history has it.
    fn operation(&self) -> &'static str;

    /// Takes the lock that the work needs.
    fn lock(&self, context: &Context, company: &Company) -> Result<Lock, Failure>;

    /// Does the work; the exit code it comes to for this company alone.
    fn visit(
        &mut self,
        remote: &Remote,
        lock: &Lock,
        state: &mut State,
        batch: &mut Batch,
    ) -> anyhow::Result<u8>;
}

/// What a round has come to.
#[derive(Default)]
pub(super) struct Round {
    /// The results, in the order of the companies.
    pub(super) batch: Batch,
    /// The exit code of each company.
    exits: Vec<u8>,
    outages: Outages,
    /// What unreadable rows come to.
    told: u8,
}

impl Round {
    /// Visits the companies of these names; without any all, of one provider if it is given.
    ///
    /// # Errors
    /// Why the one company that was asked for could not be visited.
    pub(super) fn run<V: Visitor>(
        context: &Context,
        (names, provider): (&[String], Option<&str>),
        visitor: &mut V,
    ) -> anyhow::Result<Round> {
        let provider: Option<ProviderKind> = provider.map(str::parse).transpose()?;
        let companies = context.installation.companies();
        let mut named: Vec<Company> = Vec::new();
        for name in names {
            let company = companies.find(name)?;
            assignment(&company)?;
            // Named twice, by id and by name perhaps, it is visited once.
            if !named.iter().any(|known| known.id == company.id) {
                named.push(company);
            }
        }
        let registry = context.providers()?;
        let directories = Directories::read(&companies, provider)?;
        let mut state = context.installation.state()?;
        let mut round = Round::default();
        let mut one = |round: &mut Round, company: &Company| -> anyhow::Result<u8> {
            let stop = (&registry, &directories);
            round.company(context, stop, company, &mut state, visitor)
        };
        if let [company] = named.as_slice() {
            let exit = one(&mut round, company)?;
            round.exits.push(exit);
            return Ok(round);
        }
        let mut each = |round: &mut Round, page: &[Company]| {
            for company in page {
                round.batch.about(&company.id);
                match one(round, company) {
                    Ok(exit) => round.exits.push(exit),
                    Err(error) => round.failed(context, company, &error),
                }
                if crate::interrupt::received().is_some() {
                    break;
                }
            }
        };
        if !named.is_empty() {
            each(&mut round, &named);
            return Ok(round);
        }
        let filter = Filter {
            provider,
            configured: Some(true),
        };
        let mut unreadable = Vec::new();
        companies
            .pages(&filter, |page, bad| {
                unreadable.extend_from_slice(bad);
                each(&mut round, page);
                Ok(())
            })
            .or_else(|error| match crate::interrupt::received() {
                // What was found until then is told.
                Some(_) => Ok(()),
                None => Err(error),
            })?;
        round.told = tell_unreadable(context, &unreadable);
        Ok(round)
    }

    fn company<V: Visitor>(
        &mut self,
        context: &Context,
        (registry, directories): (&Registry, &Directories),
        company: &Company,
        state: &mut State,
        visitor: &mut V,
    ) -> anyhow::Result<u8> {
        let lock = visitor.lock(context, company)?;
        let installation = &context.installation;
        let opened = self
            .outages
            .refuse(company)
            .map_err(anyhow::Error::from)
            .and_then(|()| installation.remote_apart(registry, company, Some(state), directories));
        let target = company.remote_path.clone().unwrap_or_default();
        let operation = visitor.operation();
        let intent = Intent::of(operation, company, company.provider.as_deref(), target);
        let remote = state.attempted(intent, &lock, opened)?;
        visitor.visit(&remote, &lock, state, &mut self.batch)
    }

    fn failed(&mut self, context: &Context, company: &Company, error: &anyhow::Error) {
        let what = [
            ("company_id", company.id.as_str()),
            ("company_name", company.name.as_str()),
        ];
        self.batch.failed(context, &what, error);
        let failure = Failure::of(error);
        let exit = failure.map_or(exit::UNEXPECTED, |failure| failure.code().exit());
        self.exits.push(exit);
        self.outages.note(company, error);
    }

    /// How many companies there were.
    pub(super) fn companies(&self) -> usize {
        self.exits.len()
    }

    /// One company's code; of several, the one they share, or 3.
    pub(super) fn exit(&self) -> u8 {
        match common(&self.exits) {
            exit::DONE => self.told,
            exit => exit,
        }
    }
}

/// The results as a table; of one company, without the first column, which names it.
pub(super) fn table(
    ui: &Ui,
    columns: &[Column],
    mut rows: Vec<Vec<Cell>>,
    all: bool,
    message: &str,
) -> String {
    if rows.is_empty() {
        return format!("{message}\n");
    }
    let columns = if all {
        columns
    } else {
        for row in &mut rows {
            row.remove(0);
        }
        &columns[1..]
    };
    format!("{}\n{message}\n", ui.table(columns, rows))
}

/// The code that all share, or 3 when only some went well.
pub(super) fn common(exits: &[u8]) -> u8 {
    let failed = exits.iter().copied().filter(|exit| *exit != exit::DONE);
    exit_of(&failed.collect::<Vec<_>>(), exits.len())
}
