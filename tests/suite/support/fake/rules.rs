//! What happens at which request: faults, holds, and changes behind the client's back.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::server::End;

/// Which requests of an operation. They are counted from 1, and from when the rule was made.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Once,
    Nth(usize),
    First(usize),
    AllAfter(usize),
    Always,
}

impl When {
    fn hits(self, number: usize) -> bool {
        match self {
            When::Once => number == 1,
            When::Nth(nth) => number == nth,
            When::First(count) => number <= count,
            When::AllAfter(count) => number > count,
            When::Always => true,
        }
    }
}

/// A point of a request at which the server can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The head is read, nothing else.
    BeforeWork,
    /// The work is done, nothing is answered.
    AfterWork,
    /// So many bytes of the body of an upload are read, or of a download sent.
    Body(u64),
}

/// Something to do at certain requests.
struct Rule<Op, Fault, Store> {
    op: Op,
    when: When,
    seen: usize,
    deed: Deed<Fault, Store>,
}

/// Done to what is stored, once.
type Run<Store> = Box<dyn FnOnce(&mut Store) + Send>;

enum Deed<Fault, Store> {
    Fault(Fault),
    Hold(Moment, Arc<Gate>),
    Run(Option<Run<Store>>),
}

/// All rules of a fake, and whether it is being stopped.
pub struct Rules<Op, Fault, Store> {
    rules: Vec<Rule<Op, Fault, Store>>,
    end: Arc<Gate>,
}

impl<Op, Fault, Store> Default for Rules<Op, Fault, Store> {
    fn default() -> Self {
        Rules {
            rules: Vec::new(),
            end: Arc::default(),
        }
    }
}

impl<Op: PartialEq + Copy, Fault: Clone, Store> Rules<Op, Fault, Store> {
    /// Makes something go wrong from now on. Several rules for one request all hold.
    pub fn fail(&mut self, op: Op, when: When, fault: Fault) {
        self.add(op, when, Deed::Fault(fault));
    }

    /// Nothing goes wrong any more.
    pub fn heal(&mut self) {
        self.rules
            .retain(|rule| !matches!(rule.deed, Deed::Fault(_)));
    }

    /// Holds the nth request from now on at a moment, until what is returned is dropped.
    pub fn hold(&mut self, op: Op, nth: usize, at: Moment) -> Hold {
        let gate = Arc::new(Gate::default());
        self.add(op, When::Nth(nth), Deed::Hold(at, Arc::clone(&gate)));
        Hold(gate)
    }

    /// Runs something right before the nth request from now on.
    pub fn before(&mut self, op: Op, nth: usize, run: Run<Store>) {
        self.add(op, When::Nth(nth), Deed::Run(Some(run)));
    }

    fn add(&mut self, op: Op, when: When, deed: Deed<Fault, Store>) {
        self.rules.push(Rule {
            op,
            when,
            seen: 0,
            deed,
        });
    }

    /// Counts a request and says what is to happen. Runs what is to run before it.
    pub fn begin(&mut self, op: Op, index: usize, store: &mut Store) -> Turn<Fault> {
        let mut turn = Turn {
            index,
            faults: Vec::new(),
            holds: Vec::new(),
            end: Arc::clone(&self.end),
        };
        for rule in &mut self.rules {
            if rule.op != op {
                continue;
            }
            rule.seen += 1;
            if !rule.when.hits(rule.seen) {
                continue;
            }
            match &mut rule.deed {
                Deed::Fault(fault) => turn.faults.push(fault.clone()),
                Deed::Hold(at, gate) => turn.holds.push((Arc::clone(gate), *at)),
                Deed::Run(run) => run.take().into_iter().for_each(|run| run(store)),
            }
        }
        turn
    }

    /// Nobody waits any more.
    pub fn stop(&self) {
        for rule in &self.rules {
            if let Deed::Hold(_, gate) = &rule.deed {
                gate.set(|gate| gate.stopped = true);
            }
        }
        self.end.set(|gate| gate.stopped = true);
    }
}

/// What is to happen during one request.
pub struct Turn<Fault> {
    /// The line of the log.
    pub index: usize,
    pub faults: Vec<Fault>,
    holds: Vec<(Arc<Gate>, Moment)>,
    end: Arc<Gate>,
}

impl<Fault> Turn<Fault> {
    /// What happens after so many bytes of a body, in order.
    pub fn stops(&self, of: impl Fn(&Fault) -> Option<(u64, Stop)>) -> Vec<(u64, Stop)> {
        let holds = self.holds.iter().filter_map(|(gate, at)| match at {
            Moment::Body(at) => Some((*at, Stop::Hold(Arc::clone(gate)))),
            _ => None,
        });
        let mut stops: Vec<_> = holds.chain(self.faults.iter().filter_map(of)).collect();
        stops.sort_by_key(|(at, _)| *at);
        stops
    }

    /// Waits where a test holds the request.
    pub fn pause(&self, moment: Moment) -> Result<(), End> {
        let mut held = self.holds.iter().filter(|(_, at)| *at == moment);
        held.try_for_each(|(gate, _)| gate.pass())
    }

    /// Lets time pass, unless the fake is stopped.
    pub fn stall(&self, time: Duration) {
        let waiting = |gate: &mut Passage| !gate.stopped;
        let changed = &self.end.changed;
        drop(changed.wait_timeout_while(self.end.lock(), time, waiting));
    }
}

/// What happens in the middle of a body.
pub enum Stop {
    Hold(Arc<Gate>),
    Reset,
    Close,
    /// And, where that is given, with another place to go to.
    Refuse(u16, Option<String>),
}

impl Stop {
    /// Makes it happen.
    pub fn halt(&self) -> Result<(), End> {
        match self {
            Stop::Hold(gate) => gate.pass(),
            Stop::Reset => Err(End::Reset),
            Stop::Close => Err(End::Close),
            Stop::Refuse(status, place) => Err(End::Refuse(*status, place.clone())),
        }
    }
}

/// Where a request waits.
#[derive(Default)]
pub struct Gate {
    passage: Mutex<Passage>,
    changed: Condvar,
}

#[derive(Default)]
struct Passage {
    reached: bool,
    released: bool,
    stopped: bool,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Passage> {
        self.passage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Passage)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until it is released.
    fn pass(&self) -> Result<(), End> {
        self.set(|gate| gate.reached = true);
        let held = |gate: &mut Passage| !gate.released && !gate.stopped;
        let gate = self.changed.wait_while(self.lock(), held).unwrap();
        if gate.stopped {
            Err(End::Close)
        } else {
            Ok(())
        }
    }
}

/// A point at which the server waits, until this is dropped.
pub struct Hold(Arc<Gate>);

impl Hold {
    /// Waits until the server is there.
    pub fn reached(&self) {
        let limit = Duration::from_secs(60);
        let missing = |gate: &mut Passage| !gate.reached;
        let wait = self
            .0
            .changed
            .wait_timeout_while(self.0.lock(), limit, missing);
        let (_gate, late) = wait.unwrap();
        assert!(!late.timed_out(), "no request came to where it is held");
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.set(|gate| gate.released = true);
    }
}
