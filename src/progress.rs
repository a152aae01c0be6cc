//! How long work tells how far it is, without knowing who watches.

/// Somebody who may watch: a bar, a log, a program, or nobody.
pub trait Progress: Sync {
    /// Announces one piece of work of `total` bytes. It ends when the task is dropped.
    fn task(&self, label: &str, total: u64) -> Box<dyn Task + '_>;

    /// Says something the user may want to know, once.
    fn note(&self, text: &str);
}

/// One piece of work under way.
pub trait Task {
    /// `bytes` more are done.
    fn advance(&self, bytes: u64);

    /// The work enters another phase, such as "verifying"; the count starts again.
    fn phase(&self, name: &str);

    /// Nothing moves any more, but the other side is at work: how long is not known.
    fn waiting(&self, what: &str);
}

/// Nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn task(&self, _: &str, _: u64) -> Box<dyn Task + '_> {
        Box::new(Silent)
    }

    fn note(&self, _: &str) {}
}

impl Task for Silent {
    fn advance(&self, _: u64) {}

    fn phase(&self, _: &str) {}

    fn waiting(&self, _: &str) {}
}
