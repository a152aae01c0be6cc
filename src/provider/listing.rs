//! A whole listing from its pages.
//!
//! Guards that a listing which cannot be trusted is an error, never a short
//! one: what is believed to be absent is sent again, or counted as pruned.

use std::collections::HashMap;

use super::error::{Error, Kind, Reason};
use super::{Object, Provider};
use crate::failure::Failure;

/// How often a directory is listed anew because it changed meanwhile.
const LISTINGS: usize = 4;

/// Pages in a row that may bring nothing new before the provider is going in circles.
pub(super) const BARREN_PAGES: usize = 10;

impl dyn Provider {
    /// Visits every object of the directory once, in no order, foreign and
    /// temporary ones included. A missing directory is an empty one; any doubt
    /// about completeness is an error. The visitor may stop it with an error.
    ///
    /// # Errors
    /// Those of the visitor, and a settled failure where the provider cannot say.
    pub fn list(&self, visit: &mut dyn FnMut(Object) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let settled = |error: anyhow::Error| match error.downcast::<Error>() {
            Ok(error) => Failure::from(error).into(),
            Err(error) => error,
        };
        let mut seen = HashMap::new();
        for round in 1.. {
            match self.list_round(round, &mut seen, visit) {
                Err(error) if is_changed(&error) => {
                    if round == LISTINGS {
                        let why = format!("{error}, each of {LISTINGS} times");
                        return Err(settled(Error::new(self.kind(), Kind::Locked, why).into()));
                    }
                }
                result => return result.map_err(settled),
            }
        }
        Ok(())
    }

    /// `seen` tells of each name in which round it was seen last.
    fn list_round(
        &self,
        round: usize,
        seen: &mut HashMap<String, usize>,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut page: Option<String> = None;
        let mut barren = 0;
        loop {
            barren += 1;
            let next = self.list_page(page.as_deref(), &mut |object| {
                let before = seen.insert(object.name.clone(), round);
                if before != Some(round) {
                    barren = 0;
                }
                match before {
                    None => visit(object),
                    Some(_) => Ok(()),
                }
            })?;
            let Some(next) = next else {
                return Ok(());
            };
            if barren >= BARREN_PAGES {
                let reason = Kind::Connection(Reason::Network);
                let why = "its listing of the directory goes in circles";
                return Err(Error::new(self.kind(), reason, why).into());
            }
            page = Some(next);
        }
    }
}

fn is_changed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Error>()
        .is_some_and(|error| matches!(error.kind, Kind::Changed))
}
