//! `providers protect` and `providers unprotect`.

use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::args::{ProvidersProtect, ProvidersUnprotect};
use crate::exit;
use crate::failure::{Code, Failure};
use crate::protect::{self, GivenKey, Report};
use crate::provider::ProviderKind;
use crate::provider_settings::ProviderSettings;

pub(super) fn protect(context: &Context, args: &ProvidersProtect) -> anyhow::Result<u8> {
    let kinds = kinds(&args.names)?;
    let settings = ProviderSettings::of(&context.installation.settings);
    let new = args.generate_key.clone().map(GivenKey::New);
    let given = new.or_else(|| given(args.key_file.as_ref(), args.key_command.as_ref()));
    let report = protect::protect(&settings, &kinds, given.as_ref(), args.all)?;
    print(context, &report)?;
    let ui = &context.ui;
    for path in &report.left {
        ui.note(&format!(
            "{path} stays readable in {}, for the application; --all protects it, too",
            report.file
        ));
    }
    if args.all {
        ui.warn(
            "what the application reads itself is protected, too: its own remote backups do not \
             work from now on",
        );
    }
    if let Some(key) = report.key.as_ref().filter(|_| !report.changed.is_empty()) {
        ui.note(&format!(
            "keep a copy of the key ({key}) apart from this machine's backups: without it, only a \
             new login helps"
        ));
    }
    Ok(exit::DONE)
}

pub(super) fn unprotect(context: &Context, args: &ProvidersUnprotect) -> anyhow::Result<u8> {
    let kinds = kinds(&args.names)?;
    let settings = ProviderSettings::of(&context.installation.settings);
    let given = given(args.key_file.as_ref(), args.key_command.as_ref());
    let report = protect::unprotect(&settings, &kinds, given.as_ref())?;
    print(context, &report)?;
    Ok(exit::DONE)
}

fn given(file: Option<&std::path::PathBuf>, command: Option<&String>) -> Option<GivenKey> {
    let file = file.cloned().map(GivenKey::File);
    file.or_else(|| command.cloned().map(GivenKey::Command))
}

/// The providers named, or all that have secrets.
fn kinds(names: &[String]) -> Result<Vec<ProviderKind>, Failure> {
    if names.is_empty() {
        return Ok(vec![ProviderKind::YandexDisk, ProviderKind::GoogleDrive]);
    }
    let kinds: Result<Vec<ProviderKind>, _> = names.iter().map(|name| name.parse()).collect();
    let kinds = kinds?;
    if kinds.contains(&ProviderKind::Local) {
        let detail = format!("{} has no secrets", ProviderKind::Local);
        return Err(Failure::new(Code::Usage, detail));
    }
    Ok(kinds)
}

fn print(context: &Context, report: &Report) -> Result<(), Failure> {
    let mut json = json!({ "success": true });
    if let (Value::Object(json), Ok(Value::Object(more))) =
        (&mut json, serde_json::to_value(report))
    {
        json.extend(more);
    }
    context.ui.done(&json, || {
        let which = report.changed.join(", ");
        let which = if which.is_empty() {
            String::new()
        } else {
            format!(": {which}")
        };
        format!("{}{which}\n", report.message)
    })
}
