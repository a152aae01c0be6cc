//! `config`: which provider and remote directory a company has.

use serde::Serialize;
use serde_json::{Map, json};

use super::Context;
use super::args::{ConfigCommand, ConfigList, ConfigSet};
use super::render::{Cell, Layout, Tone, left};
use super::stream::JsonList;
use crate::assign::{self, Assignment};
use crate::company::{BackupConfig, BadRow, Changes, Company, Filter};
use crate::exit;
use crate::provider::ProviderKind;

/// The contract's four keys, in its order.
#[derive(Serialize)]
pub(super) struct ConfigReport<'a> {
    company_id: &'a str,
    company_name: &'a str,
    backup_provider: Option<&'a str>,
    backup_remote_path: Option<&'a str>,
}

impl<'a> From<&'a Company> for ConfigReport<'a> {
    fn from(company: &'a Company) -> Self {
        ConfigReport {
            company_id: &company.id,
            company_name: &company.name,
            backup_provider: company.provider.as_deref(),
            backup_remote_path: company.remote_path.as_deref(),
        }
    }
}

pub(super) fn run(context: &Context, command: &ConfigCommand) -> anyhow::Result<u8> {
    match command {
        ConfigCommand::Set(args) => set(context, args),
        ConfigCommand::Get(args) => {
            let company = context.installation.companies().find(&args.company)?;
            context
                .ui
                .result(&ConfigReport::from(&company), || facts(context, &company))?;
            Ok(exit::DONE)
        }
        ConfigCommand::List(args) => list(context, args),
        ConfigCommand::Unset(args) => unset(context, &args.company),
    }
}

fn facts(context: &Context, company: &Company) -> String {
    let absent = |text| Cell::toned(text, Tone::Dim);
    context.ui.facts(vec![
        (
            "Company",
            format!("{} ({})", company.name, company.id).into(),
        ),
        (
            "Provider",
            company
                .provider
                .as_ref()
                .map_or_else(|| absent("not configured"), Cell::from),
        ),
        (
            "Remote path",
            company
                .remote_path
                .as_ref()
                .map_or_else(|| absent("-"), Cell::from),
        ),
    ])
}

fn changed(context: &Context, company: &Company) -> anyhow::Result<u8> {
    context
        .ui
        .done(&ConfigReport::from(company), || facts(context, company))?;
    Ok(exit::DONE)
}

fn set(context: &Context, args: &ConfigSet) -> anyhow::Result<u8> {
    let Some(provider) = args.provider.as_deref().filter(|_| !args.unset) else {
        return unset(context, &args.company);
    };
    // Before the company is looked up: a name that can never work is told first.
    provider.parse::<ProviderKind>()?;
    let company = context.installation.companies().find(&args.company)?;
    let assignment = check_assignment(
        context,
        &company,
        provider,
        args.remote_path.as_deref(),
        args.no_test,
    )?;
    let changes = Changes {
        name: None,
        backup: Some(assignment.to_config()),
    };
    let company = assign::change(&context.installation, &company, "config set", &changes)?;
    changed(context, &company)
}

/// Checks an assignment, tests the connection, and says what the operator should know.
pub(super) fn check_assignment(
    context: &Context,
    company: &Company,
    provider: &str,
    directory: Option<&str>,
    no_test: bool,
) -> anyhow::Result<Assignment> {
    let provider: ProviderKind = provider.parse()?;
    let registry = context.providers()?;
    let assignment = Assignment::check(
        &context.installation,
        &registry,
        &company.id,
        provider,
        directory,
    )?;
    if directory.is_some_and(|asked| asked != assignment.directory.as_str()) {
        context.ui.note(&format!(
            "the remote directory is stored as '{}'",
            assignment.directory
        ));
    }
    if !no_test {
        assignment.connect(&context.installation, &registry, company)?;
        context
            .ui
            .verbose(1, &format!("connection to {provider} tested"));
    }
    context.warn_of_shared_disk(&registry, provider);
    context.ui.note(
        "the application's database and storage backups hold the data of every company, \
         whichever company's remote they are sent to",
    );
    Ok(assignment)
}

fn unset(context: &Context, company: &str) -> anyhow::Result<u8> {
    let company = context.installation.companies().find(company)?;
    let changes = Changes {
        name: None,
        backup: Some(BackupConfig::default()),
    };
    let company = assign::change(&context.installation, &company, "config unset", &changes)?;
    changed(context, &company)
}

fn list(context: &Context, args: &ConfigList) -> anyhow::Result<u8> {
    let provider = args.provider.as_deref().map(str::parse).transpose()?;
    let configured = match (args.configured, args.unconfigured) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    list_companies(
        context,
        &Filter {
            provider,
            configured,
        },
    )
}

/// What a list adds up to.
#[derive(Default)]
struct Counts {
    all: usize,
    configured: usize,
    by_provider: [usize; ProviderKind::ALL.len()],
}

impl Counts {
    fn add(&mut self, companies: &[Company]) {
        self.all += companies.len();
        for provider in companies
            .iter()
            .filter_map(|company| company.provider.as_deref())
        {
            self.configured += 1;
            if let Some(index) = ProviderKind::ALL
                .iter()
                .position(|kind| kind.name() == provider)
            {
                self.by_provider[index] += 1;
            }
        }
    }

    fn by_provider(&self) -> impl Iterator<Item = (&'static str, usize)> {
        ProviderKind::ALL
            .iter()
            .map(|kind| kind.name())
            .zip(self.by_provider)
    }
}

/// Lists companies, a page at a time: memory does not grow with their number.
pub(super) fn list_companies(context: &Context, filter: &Filter) -> anyhow::Result<u8> {
    let unreadable = if context.ui.is_json() {
        list_as_json(context, filter)?
    } else {
        list_as_table(context, filter)?
    };
    Ok(tell_unreadable(context, &unreadable))
}

pub(super) fn unreadable_as_json(unreadable: &[BadRow]) -> serde_json::Value {
    unreadable
        .iter()
        .map(|BadRow { id, why }| json!({ "company_id": id, "detail": why }))
        .collect()
}

/// Tells of rows that could not be read, one by one; the rest is shown all the same.
pub(super) fn tell_unreadable(context: &Context, unreadable: &[BadRow]) -> u8 {
    for BadRow { id, why } in unreadable {
        context
            .ui
            .error(&format!("company '{id}' cannot be read: {why}"), &[], None);
    }
    if unreadable.is_empty() {
        exit::DONE
    } else {
        exit::PARTIAL
    }
}

/// A first pass finds what cannot be read, because `success` stands first.
fn list_as_json(context: &Context, filter: &Filter) -> anyhow::Result<Vec<BadRow>> {
    let unreadable = context.installation.companies().unreadable(filter)?;
    let mut counts = Counts::default();
    let mut list = JsonList::new(&context.ui, "companies", unreadable.is_empty());
    context.installation.companies().pages(filter, |page, _| {
        counts.add(page);
        list.page(page.iter().map(ConfigReport::from))
    })?;
    let by_provider: Map<_, _> = counts
        .by_provider()
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect();
    let mut rest = Map::new();
    rest.insert("configured".into(), counts.configured.into());
    rest.insert(
        "unconfigured".into(),
        (counts.all - counts.configured).into(),
    );
    rest.insert("by_provider".into(), by_provider.into());
    rest.insert("unreadable".into(), unreadable_as_json(&unreadable));
    list.finish(&rest)?;
    Ok(unreadable)
}

/// Twice over the pages: once for the widths, once to print.
fn list_as_table(context: &Context, filter: &Filter) -> anyhow::Result<Vec<BadRow>> {
    let companies = context.installation.companies();
    let mut layout = Layout::new(&[
        left("ID"),
        left("NAME"),
        left("PROVIDER"),
        left("REMOTE PATH"),
    ]);
    let mut unreadable = Vec::new();
    companies.pages(filter, |page, bad| {
        layout.measure(&page.iter().map(row).collect::<Vec<_>>());
        unreadable.extend_from_slice(bad);
        Ok(())
    })?;
    let mut counts = Counts::default();
    companies.pages(filter, |page, _| {
        let heading = counts.all == 0;
        counts.add(page);
        if page.is_empty() || context.ui.is_closed() {
            return Ok(());
        }
        Ok(context.ui.text(
            &context
                .ui
                .page(&layout, page.iter().map(row).collect(), heading),
        )?)
    })?;
    let used: Vec<_> = counts
        .by_provider()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let used = if used.is_empty() {
        String::new()
    } else {
        format!(" ({})", used.join(", "))
    };
    let blank = if counts.all == 0 { "" } else { "\n" };
    context.ui.text(&format!(
        "{blank}{} {}, {} configured{used}, {} not configured\n",
        counts.all,
        if counts.all == 1 {
            "company"
        } else {
            "companies"
        },
        counts.configured,
        counts.all - counts.configured
    ))?;
    Ok(unreadable)
}

fn row(company: &Company) -> Vec<Cell> {
    let absent = || Cell::toned("-", Tone::Dim);
    vec![
        Cell::from(&company.id),
        Cell::from(&company.name),
        company.provider.as_ref().map_or_else(absent, Cell::from),
        company.remote_path.as_ref().map_or_else(absent, Cell::from),
    ]
}
