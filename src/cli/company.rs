//! `company`: add, list, show and change companies.

use serde::Serialize;

use super::Context;
use super::args::{Assign, CompanyAdd, CompanyCommand, CompanyUpdate};
use super::config::{ConfigReport, list_companies};
use super::render::{Cell, Tone};
use crate::assign::{self, Assignment};
use crate::company::{Changes, Company, Filter};
use crate::exit;
use crate::failure::{Code, Failure};
use crate::remote_path::RemotePath;

/// A company as JSON: the four keys of a configuration first.
#[derive(Serialize)]
struct CompanyReport<'a> {
    #[serde(flatten)]
    config: ConfigReport<'a>,
    created_at: Option<&'a str>,
}

pub(super) fn run(context: &Context, command: &CompanyCommand) -> anyhow::Result<u8> {
    match command {
        CompanyCommand::Add(args) => add(context, args),
        CompanyCommand::List => list_companies(context, &Filter::default()),
        CompanyCommand::Show(args) => {
            let company = context.installation.companies().find(&args.company)?;
            context
                .ui
                .result(&report(&company), || facts(context, &company))?;
            Ok(exit::DONE)
        }
        CompanyCommand::Update(args) => update(context, args),
    }
}

fn report(company: &Company) -> CompanyReport<'_> {
    CompanyReport {
        config: company.into(),
        created_at: company.created_at.as_deref(),
    }
}

fn facts(context: &Context, company: &Company) -> String {
    let absent = || Cell::toned("-", Tone::Dim);
    context.ui.facts(vec![
        ("Id", Cell::from(&company.id)),
        ("Name", Cell::from(&company.name)),
        (
            "Provider",
            company.provider.as_ref().map_or_else(absent, Cell::from),
        ),
        (
            "Remote path",
            company.remote_path.as_ref().map_or_else(absent, Cell::from),
        ),
        (
            "Created",
            company
                .created_at
                .as_ref()
                .map_or_else(absent, |at| format!("{at} UTC").into()),
        ),
    ])
}

fn changed(context: &Context, company: &Company) -> anyhow::Result<u8> {
    context
        .ui
        .done(&report(company), || facts(context, company))?;
    Ok(exit::DONE)
}

fn add(context: &Context, args: &CompanyAdd) -> anyhow::Result<u8> {
    check_id(&args.id)?;
    check_name(&args.name)?;
    let mut company = Company {
        id: args.id.clone(),
        name: args.name.trim().to_owned(),
        created_at: None,
        provider: None,
        remote_path: None,
    };
    if let Some(assignment) = assignment(context, &company, &args.assign)? {
        let config = assignment.to_config();
        (company.provider, company.remote_path) = (config.provider, config.remote_path);
    }
    let company = assign::add(&context.installation, &company)?;
    context.ui.note(&format!("company '{}' added", company.id));
    changed(context, &company)
}

fn update(context: &Context, args: &CompanyUpdate) -> anyhow::Result<u8> {
    if args.name.is_none() && args.assign.provider.is_none() {
        return Err(Failure::new(Code::Usage, "nothing to change was given")
            .hint("give --name NAME, or --provider PROVIDER [--remote-path DIR]")
            .into());
    }
    if let Some(name) = &args.name {
        check_name(name)?;
    }
    let company = context.installation.companies().find(&args.company)?;
    let backup =
        assignment(context, &company, &args.assign)?.map(|assignment| assignment.to_config());
    let changes = Changes {
        name: args.name.as_ref().map(|name| name.trim().to_owned()),
        backup,
    };
    let company = assign::change(&context.installation, &company, "company update", &changes)?;
    changed(context, &company)
}

/// The assignment asked for, if one is, checked and its connection tested.
fn assignment(
    context: &Context,
    company: &Company,
    args: &Assign,
) -> anyhow::Result<Option<Assignment>> {
    let Some(provider) = &args.provider else {
        return Ok(None);
    };
    let assignment = super::config::check_assignment(
        context,
        company,
        provider,
        args.remote_path.as_deref(),
        args.no_test,
    )?;
    Ok(Some(assignment))
}

/// An id becomes part of the default remote directory.
fn check_id(id: &str) -> Result<(), Failure> {
    RemotePath::default_for(id).map(drop).map_err(|_| {
        Failure::new(Code::Usage, format!("'{id}' cannot be a company id"))
            .hint("use letters, digits, '-' and '_', such as acme-corp")
    })
}

fn check_name(name: &str) -> Result<(), Failure> {
    let refuse = |why| {
        Err(Failure::new(
            Code::Usage,
            format!("'{name}' cannot be a company name: {why}"),
        ))
    };
    if name.trim().is_empty() {
        return refuse("it is empty");
    }
    if name.chars().any(char::is_control) {
        return refuse("it holds a control character");
    }
    Ok(())
}
