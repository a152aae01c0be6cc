//! Completion scripts and manual pages, made from the command line's own types.

use std::io;

use clap_mangen::Man as Page;

use super::args::{Completions, Man};
use super::ui::Ui;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::text::system_reason;

const NAME: &str = "vertex-backup";

pub(super) fn completions(ui: &Ui, args: &Completions) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), NAME, &mut script);
    ui.own_text(&String::from_utf8_lossy(&script))?;
    Ok(exit::DONE)
}

pub(super) fn man(ui: &Ui, args: &Man) -> anyhow::Result<u8> {
    let failed = |what: &str, error: &io::Error| {
        Failure::new(
            Code::LocalIo,
            format!("cannot write {what}: {}", system_reason(error)),
        )
    };
    let Some(folder) = &args.out_dir else {
        let mut page = Vec::new();
        Page::new(super::command())
            .render(&mut page)
            .map_err(|error| failed("the manual page", &error))?;
        ui.own_text(&String::from_utf8_lossy(&page))?;
        return Ok(exit::DONE);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(super::command(), folder))
        .map_err(|error| {
            failed(
                &format!("the manual pages to '{}'", folder.display()),
                &error,
            )
        })?;
    ui.text(&format!("Manual pages written to {}\n", folder.display()))?;
    Ok(exit::DONE)
}
