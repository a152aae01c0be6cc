//! What providers remember from run to run, kept in the state.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;
use crate::provider::Notes;
use crate::state::State;

/// Notes in the state, which is opened when there is something to read or write.
pub struct StateNotes {
    path: PathBuf,
    state: Mutex<Option<State>>,
}

impl StateNotes {
    /// Of the state at a path.
    pub fn new(path: PathBuf) -> Self {
        StateNotes {
            path,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes for StateNotes {
    /// Without a readable state nothing was noted: what is remembered can be asked for again.
    fn recall(&self, key: &str) -> Option<String> {
        let mut state = self.state();
        if state.is_none() {
            *state = State::open_existing(&self.path).ok().flatten();
        }
        state.as_ref()?.identity(key).ok().flatten()
    }

    fn note(&self, key: &str, value: &str) -> Result<(), Failure> {
        let mut state = self.state();
        // One that was opened to be read cannot be written.
        let mut writable = State::open(&self.path)?;
        writable.set_identity(key, Some(value))?;
        *state = Some(writable);
        Ok(())
    }
}
