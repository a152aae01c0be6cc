//! Providers that were found down in a run over many companies.
//!
//! Each is asked once: what concerns all of its companies is told to the
//! remaining ones at once, and not found out again by as many time-outs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::company::Company;
use crate::failure::{Code, Failure};

/// The providers that are down, by name, and why.
#[derive(Debug, Default)]
pub struct Outages {
    down: Mutex<BTreeMap<String, Failure>>,
}

impl Outages {
    /// Fails when the company's provider is known to be down, for the reason it is.
    ///
    /// # Errors
    /// What was noted.
    pub fn refuse(&self, company: &Company) -> Result<(), Failure> {
        let down = self.down();
        let failure = company.provider.as_deref().and_then(|name| down.get(name));
        failure.map_or(Ok(()), |failure| Err(failure.again()))
    }

    /// Notes a failure of a company, where it is its provider's.
    pub fn note(&self, company: &Company, error: &anyhow::Error) {
        if let (Some(failure), Some(provider)) = (Failure::of(error), &company.provider)
            && is_outage(error)
            && !may_be_its_own(failure)
        {
            self.down()
                .entry(provider.clone())
                .or_insert_with(|| failure.again());
        }
    }

    fn down(&self) -> MutexGuard<'_, BTreeMap<String, Failure>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a failure is the provider's, for every company it has.
pub fn is_outage(error: &anyhow::Error) -> bool {
    matches!(
        Failure::of(error).map(Failure::code),
        // What fetches its credentials is not asked anew for each company either.
        Some(Code::ProviderConnectionFailed | Code::ProviderNotConfigured | Code::KeyUnusable)
    )
}

/// Whether it may be about one company's directory: a refusal that stays costs the next
/// company one question, and must not keep its backups from being made.
fn may_be_its_own(failure: &Failure) -> bool {
    let reason = failure.fields().iter().find(|(key, _)| *key == "reason");
    let reason = reason.and_then(|(_, reason)| reason.as_str());
    match reason {
        Some("forbidden") => true,
        Some("network") => !failure.is_retryable(),
        _ => false,
    }
}
