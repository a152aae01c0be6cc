//! `status`: when each company was last backed up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, json};

use super::Context;
use super::args::Status as Args;
use super::config::{tell_unreadable, unreadable_as_json};
use super::metrics::{COMPANY_METRICS, heading, label};
use super::render::{Cell, Layout, Tone, ago, left, right};
use super::stream::JsonList;
use crate::chain::Chain;
use crate::company::{BadRow, Companies, Company, Filter};
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::state::State;
use crate::status::{
    CompanyStatus, Health, Newest, ProviderStatus, breaks_limit, of_company, of_provider,
};
use crate::text::{bytes, companies, printable};

/// What is asked once and then used for every company.
struct Survey<'a> {
    context: &'a Context,
    state: Option<State>,
    providers: BTreeMap<&'static str, ProviderStatus>,
    max_age: Option<Duration>,
    /// The same, as it was typed.
    limit: Option<&'a str>,
    now: Timestamp,
    unreadable: Vec<BadRow>,
}

/// A company's status and its provider's.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    status: CompanyStatus,
    connected: Option<bool>,
}

/// What the list adds up to.
#[derive(Default)]
struct Totals {
    companies: usize,
    configured: usize,
    stale: usize,
    failing: usize,
    sets: u64,
    bytes: u64,
    /// Backups from the future, and how many companies have one; the last of these.
    from_future: u64,
    ahead: usize,
    last_ahead: String,
    /// How many companies each provider has.
    by_provider: BTreeMap<String, usize>,
}

impl Totals {
    /// What to say of backups that no right clock can have stored.
    fn ahead(&self) -> Option<String> {
        let whose = match self.ahead {
            0 => return None,
            1 => format!("'{}'", printable(&self.last_ahead)),
            many => companies(many),
        };
        let (count, are) = match self.from_future {
            1 => ("a backup".to_owned(), "is"),
            many => (format!("{many} backups"), "are"),
        };
        Some(format!(
            "{count} of {whose} {are} from the future, and not counted as the newest: is a clock wrong?"
        ))
    }
}

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let max_age = args.max_age.as_deref().map(duration::parse).transpose();
    let max_age = max_age.map_err(|why| Failure::new(Code::Usage, format!("--max-age: {why}")))?;
    let known = context.installation.companies();
    let mut asked: Vec<Company> = Vec::new();
    for name in &args.companies {
        let company = known.find(name)?;
        // Named twice, by id and by name perhaps, it counts once.
        if !asked.iter().any(|one| one.id == company.id) {
            asked.push(company);
        }
    }
    let state = context.installation.state_if_any()?;
    let (used, unreadable) = first_look(&known, &asked)?;
    let providers = if args.no_check {
        BTreeMap::new()
    } else {
        check_providers(context, &used)?
    };
    let (limit, now) = (args.max_age.as_deref(), Timestamp::now());
    let survey = Survey {
        context,
        state,
        providers,
        max_age,
        limit,
        now,
        unreadable,
    };
    let visit = |each: &mut dyn FnMut(&[Company]) -> anyhow::Result<()>| match asked.as_slice() {
        [] => known.pages(&Filter::default(), |page, _| each(page)),
        asked => each(asked),
    };
    let totals = if args.metrics {
        survey.metrics(visit)?
    } else if context.ui.is_json() {
        survey.json(visit)?
    } else {
        survey.table(visit)?
    };
    if let Some(ahead) = totals.ahead() {
        context.ui.warn(&ahead);
    }
    let told = tell_unreadable(context, &survey.unreadable);
    // A backup that is too old is the more urgent news.
    Ok(if totals.stale > 0 { exit::STALE } else { told })
}

/// Which providers the companies in question use, and which of these cannot be read.
fn first_look(
    companies: &Companies,
    asked: &[Company],
) -> anyhow::Result<(BTreeSet<&'static str>, Vec<BadRow>)> {
    let (mut used, mut unreadable) = (BTreeSet::new(), Vec::new());
    let mut note = |page: &[Company]| {
        let kinds = page
            .iter()
            .filter_map(|company| company.provider.as_deref()?.parse::<ProviderKind>().ok());
        used.extend(kinds.map(ProviderKind::name));
    };
    note(asked);
    if asked.is_empty() {
        companies.pages(&Filter::default(), |page, bad| {
            note(page);
            unreadable.extend_from_slice(bad);
            Ok(())
        })?;
    }
    Ok((used, unreadable))
}

/// Tests each provider that is used, once.
fn check_providers(
    context: &Context,
    used: &BTreeSet<&'static str>,
) -> anyhow::Result<BTreeMap<&'static str, ProviderStatus>> {
    let registry = context.providers()?;
    let kinds = ProviderKind::ALL
        .into_iter()
        .filter(|kind| used.contains(kind.name()));
    Ok(kinds
        .map(|kind| {
            (
                kind.name(),
                of_provider(&context.installation, &registry, kind, true),
            )
        })
        .collect())
}

impl Survey<'_> {
    /// Looks at a page of companies, in their order.
    fn look(
        &self,
        companies: &[Company],
        totals: &mut Totals,
    ) -> Result<Vec<CompanyStatus>, Failure> {
        let look = |state: Option<&State>| {
            companies
                .iter()
                .map(|company| of_company(company, state, self.max_age, self.now))
                .collect()
        };
        let page: Vec<CompanyStatus> = match &self.state {
            Some(state) => state.at_once(|state| look(Some(state)))?,
            None => look(None)?,
        };
        for status in &page {
            totals.companies += 1;
            totals.configured += usize::from(status.health != Health::NotConfigured);
            totals.failing += usize::from(status.health == Health::Failing);
            totals.stale += usize::from(
                self.max_age
                    .is_some_and(|limit| breaks_limit(status, limit, self.now)),
            );
            totals.sets += status.sets;
            totals.bytes += status.bytes;
            if status.from_future > 0 {
                totals.from_future += status.from_future;
                totals.ahead += 1;
                totals.last_ahead.clone_from(&status.company_id);
            }
            if let Some(provider) = &status.backup_provider {
                *totals.by_provider.entry(provider.clone()).or_default() += 1;
            }
        }
        Ok(page)
    }

    /// What shows a history that was cut or forged as a whole, where it is kept elsewhere.
    fn head(&self) -> Result<Option<Chain>, Failure> {
        self.state.as_ref().map(State::head).transpose()
    }

    fn connected(&self, status: &CompanyStatus) -> Option<&ProviderStatus> {
        self.providers.get(status.backup_provider.as_deref()?)
    }

    fn json(
        &self,
        visit: impl Fn(&mut dyn FnMut(&[Company]) -> anyhow::Result<()>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Totals> {
        let mut totals = Totals::default();
        let mut list = JsonList::new(&self.context.ui, "companies", self.unreadable.is_empty());
        visit(&mut |companies| {
            let page = self
                .look(companies, &mut totals)?
                .into_iter()
                .map(|status| {
                    let connected = self
                        .connected(&status)
                        .and_then(|provider| provider.connected);
                    Row { status, connected }
                });
            list.page(page)
        })?;
        let mut rest = Map::new();
        let summary = json!({
            "configured": totals.configured,
            "unconfigured": totals.companies - totals.configured,
            "stale": totals.stale,
            "failing": totals.failing,
            "sets": totals.sets,
            "bytes": totals.bytes,
            "by_provider": totals.by_provider,
        });
        rest.insert("summary".into(), summary);
        rest.insert("unreadable".into(), unreadable_as_json(&self.unreadable));
        rest.insert("history".into(), json!(self.head()?));
        list.finish(&rest)?;
        Ok(totals)
    }

    /// Each metric's companies together, then what is known of providers.
    fn metrics(
        &self,
        visit: impl Fn(&mut dyn FnMut(&[Company]) -> anyhow::Result<()>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Totals> {
        let ui = &self.context.ui;
        let mut totals = Totals::default();
        for metric in &COMPANY_METRICS {
            totals = Totals::default();
            ui.text(&metric.heading())?;
            visit(&mut |companies| {
                Ok(ui.text(&metric.lines(&self.look(companies, &mut totals)?))?)
            })?;
        }
        let mut text = heading("vertex_backup_companies", "Companies, by provider.");
        let unconfigured = (String::new(), totals.companies - totals.configured);
        let counts = totals.by_provider.clone().into_iter().chain([unconfigured]);
        for (provider, count) in counts {
            let _ = writeln!(
                text,
                "vertex_backup_companies{{{}}} {count}",
                label("provider", &provider)
            );
        }
        text += &heading(
            "vertex_backup_unreadable_companies",
            "Companies whose row cannot be read.",
        );
        let _ = writeln!(
            text,
            "vertex_backup_unreadable_companies {}",
            self.unreadable.len()
        );
        if !self.providers.is_empty() {
            text += &heading(
                "vertex_backup_provider_connected",
                "Whether the provider answers.",
            );
        }
        for (name, provider) in &self.providers {
            let connected = u8::from(provider.connected == Some(true));
            let _ = writeln!(
                text,
                "vertex_backup_provider_connected{{{}}} {connected}",
                label("provider", name)
            );
        }
        ui.text(&text)?;
        Ok(totals)
    }

    fn table(
        &self,
        visit: impl Fn(&mut dyn FnMut(&[Company]) -> anyhow::Result<()>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Totals> {
        let ui = &self.context.ui;
        let mut columns = vec![
            left("COMPANY"),
            left("PROVIDER"),
            left("HEALTH"),
            left("LAST SUCCESS"),
            left("LAST ATTEMPT"),
            right("SETS"),
            right("SIZE"),
            left("NEWEST").extra(),
        ];
        // Most never test a restore: a column of dashes would tell them nothing.
        let is_tested = self.state.as_ref().map_or(Ok(false), State::has_tests)?;
        if is_tested {
            columns.push(left("RESTORE TEST").extra());
        }
        let mut layout = Layout::new(&columns);
        let rows =
            |companies: &[Company], totals: &mut Totals| -> Result<Vec<Vec<Cell>>, Failure> {
                Ok(self
                    .look(companies, totals)?
                    .iter()
                    .map(|status| self.row(status))
                    .collect())
            };
        visit(&mut |companies| {
            layout.measure(&rows(companies, &mut Totals::default())?);
            Ok(())
        })?;
        let mut totals = Totals::default();
        visit(&mut |companies| {
            let heading = totals.companies == 0;
            let page = rows(companies, &mut totals)?;
            // A quiet run tells by its exit code.
            if ui.is_quiet() {
                Ok(())
            } else {
                Ok(ui.text(&ui.page(&layout, page, heading))?)
            }
        })?;
        if !ui.is_quiet() {
            ui.text(&self.summary(&totals))?;
        }
        if let Some(Chain { rows, head }) = self.head()? {
            let text = format!(
                "history: {rows} rows, head {head}; keep the head elsewhere for history --check --head"
            );
            ui.verbose(1, &text);
        }
        for provider in self
            .providers
            .values()
            .filter(|provider| provider.connected != Some(true))
        {
            let why = provider
                .detail
                .clone()
                .unwrap_or_else(|| format!("Provider '{}' is not configured", provider.kind));
            ui.warn(&why);
        }
        Ok(totals)
    }

    fn summary(&self, totals: &Totals) -> String {
        let by_provider = totals
            .by_provider
            .iter()
            .map(|(name, count)| format!("{name} {count}"));
        let by_provider = by_provider.collect::<Vec<_>>().join(", ");
        let by_provider = if by_provider.is_empty() {
            by_provider
        } else {
            format!(" ({by_provider})")
        };
        let mut words = vec![
            format!(
                "{} configured{}",
                totals.configured,
                printable(&by_provider)
            ),
            format!("{} not configured", totals.companies - totals.configured),
        ];
        if totals.failing > 0 {
            words.push(format!("{} failing", totals.failing));
        }
        if let Some(limit) = self.limit {
            words.push(format!(
                "{} without a verified backup in the last {}",
                totals.stale, limit
            ));
        }
        let blank = if totals.companies == 0 { "" } else { "\n" };
        let plural = if totals.companies == 1 {
            "company"
        } else {
            "companies"
        };
        let sets = if totals.sets == 1 {
            "backup"
        } else {
            "backups"
        };
        format!(
            "{blank}{} {plural}: {}; {} {sets}, {} on remotes\n",
            totals.companies,
            words.join(", "),
            totals.sets,
            bytes(totals.bytes)
        )
    }

    /// How old the newest backup of each type is.
    fn newest(&self, status: &CompanyStatus) -> Cell {
        let aged = |newest: &Newest| Some((newest.backup_type, newest.made_at?));
        let mut ages: Vec<_> = status.newest.iter().filter_map(aged).collect();
        ages.sort_by_key(|(_, made)| std::cmp::Reverse(*made));
        let Some((_, newest)) = ages.first() else {
            return Cell::toned("-", Tone::Dim);
        };
        let each = ages
            .iter()
            .map(|(kind, made)| format!("{kind} {}", ago(*made, self.now)));
        Cell::from(each.collect::<Vec<_>>().join(", ")).or_short(ago(*newest, self.now))
    }

    fn row(&self, status: &CompanyStatus) -> Vec<Cell> {
        let absent = || Cell::toned("-", Tone::Dim);
        let tone = match status.health {
            Health::Ok => Tone::Good,
            Health::Failing | Health::Stale => Tone::Bad,
            Health::NeverSynced => Tone::Warn,
            Health::NotConfigured => Tone::Dim,
        };
        let provider = match (&status.backup_provider, self.connected(status)) {
            (None, _) => absent(),
            (Some(name), Some(provider)) if provider.connected != Some(true) => {
                Cell::toned(format!("{name} (not connected)"), Tone::Bad)
                    .or_short(format!("{name} ✗"))
            }
            (Some(name), _) => Cell::from(name),
        };
        let attempt = match (status.last_attempt, status.last_verdict) {
            (Some(at), Some(verdict)) => {
                format!("{}, {}", verdict.name(), ago(at, self.now)).into()
            }
            _ => absent(),
        };
        let tested = match (status.last_restore_test, status.restore_test_passed) {
            (Some(at), Some(true)) => Cell::toned(format!("ok, {}", ago(at, self.now)), Tone::Good),
            (Some(at), _) => Cell::toned(format!("failed, {}", ago(at, self.now)), Tone::Bad),
            _ => absent(),
        };
        vec![
            Cell::from(&status.company_name),
            provider,
            Cell::toned(status.health.words(), tone),
            status
                .last_success
                .map_or_else(absent, |at| ago(at, self.now).into()),
            attempt,
            status.sets.to_string().into(),
            bytes(status.bytes).into(),
            self.newest(status),
            tested,
        ]
    }
}
