//! The one budget for bytes that are in memory because the disk would not take them.
//!
//! Whoever fetches borrows room for what is left of a segment before more of it comes in; the room comes back
//! with the segment. So all readers of all files draw from one bound, whatever is read. Where none is left:
//!
//! - what was read goes first, bytes of large files before small files whole, the longest unused first;
//! - bytes that nobody has read yet go only for somebody who waits;
//! - what is fetched ahead waits, for a while, behind whoever has a reader waiting.
//!
//! Nobody starves: a loan covers all that its segment will ever need, so each one ends by itself, and then it may
//! go for the next who waits; and those take turns.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::body::Body;
use super::contact::SMALL;
use super::segment::{CHUNK, Segment};
use crate::report::lock;

/// Most bytes so kept.
pub const MOST: u64 = 64 * 1024 * 1024;
/// Small files stay when they are closed, up to so many bytes. Each counts as a chunk at least: it takes two open
/// files of the cache, too.
const SMALL_MOST: u64 = MOST / 4;
/// What nobody waits for waits no longer for room.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who waits looks this often whether anybody waits for him.
const GLANCE: Duration = Duration::from_millis(50);

/// The bytes so kept.
pub struct Memory {
    most: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Bytes of all loans.
    lent: u64,
    /// Who waits for room, in order, and whether a reader waits for him.
    waiting: BTreeMap<u64, Wish>,
    /// The number of the next who waits.
    next: u64,
    /// Segments that are over; the one used longest ago first.
    held: VecDeque<Holding>,
}

/// How much a piece of room is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// A reader waits for what is to come there.
    Awaited,
    /// Somebody may want it soon.
    Ahead,
    /// Nobody will.
    Vain,
}

/// Room for so many bytes; it comes back when this is dropped.
pub struct Loan {
    memory: Arc<Memory>,
    bytes: u64,
}

struct Holding {
    body: Kept,
    segment: Arc<Segment>,
}

/// The file that bytes are of.
enum Kept {
    /// A small one, which stays in memory when it is closed.
    Small(Arc<Body>),
    /// Its bytes go when it is closed.
    Large(Weak<Body>),
}

impl Kept {
    fn body(&self) -> Option<Arc<Body>> {
        match self {
            Kept::Small(body) => Some(body.clone()),
            Kept::Large(body) => body.upgrade(),
        }
    }

    fn is_small(&self) -> bool {
        matches!(self, Kept::Small(_))
    }

    fn is_closed(&self) -> bool {
        matches!(self, Kept::Large(body) if body.strong_count() == 0)
    }
}

impl Memory {
    /// Room for at most `most` bytes.
    pub fn new(most: u64) -> Arc<Memory> {
        Arc::new(Memory { most, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Most bytes to be fetched ahead of all readers together, where the disk takes nothing: the rest is for what
    /// they wait for.
    pub fn most_ahead(&self) -> u64 {
        self.most / 2
    }

    /// Lends room for `bytes` (or for all there is, if that is less), and waits for it. `wish` is asked time and
    /// again. `None` where nobody wants it any more, or nobody did for a while.
    pub fn lend(self: &Arc<Memory>, bytes: u64, wish: impl Fn() -> Wish) -> Option<Loan> {
        let bytes = bytes.min(self.most);
        let began = Instant::now();
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        loop {
            let wish = match wish() {
                Wish::Ahead if began.elapsed() > PATIENCE => Wish::Vain,
                wish => wish,
            };
            if wish == Wish::Vain {
                state.waiting.remove(&number);
                self.changed.notify_all();
                return None;
            }
            state.waiting.insert(number, wish);
            if state.is_first(number, wish) {
                if state.lent + bytes <= self.most {
                    state.waiting.remove(&number);
                    state.lent += bytes;
                    self.changed.notify_all();
                    return Some(Loan { memory: self.clone(), bytes });
                }
                let goes = state.make_room(bytes, self.most, wish);
                if !goes.is_empty() {
                    drop(state);
                    give_up(goes);
                    state = lock(&self.state);
                    continue;
                }
            }
            let waited = self.changed.wait_timeout(state, GLANCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lends room for `bytes` if that can be had without waiting.
    pub fn lend_now(self: &Arc<Memory>, bytes: u64) -> Option<Loan> {
        let mut state = lock(&self.state);
        if state.lent + bytes > self.most {
            let goes = state.make_room(bytes, self.most, Wish::Awaited);
            drop(state);
            give_up(goes);
            state = lock(&self.state);
        }
        if state.lent + bytes > self.most {
            return None;
        }
        state.lent += bytes;
        Some(Loan { memory: self.clone(), bytes })
    }

    /// Keeps a segment that is over until others need the room, or the file is closed; a small file's beyond that.
    pub fn hold(&self, body: &Arc<Body>, segment: &Arc<Segment>) {
        let is_small = body.size() <= SMALL;
        let body = if is_small { Kept::Small(body.clone()) } else { Kept::Large(Arc::downgrade(body)) };
        lock(&self.state).held.push_back(Holding { body, segment: segment.clone() });
        self.let_go();
    }

    /// A file was closed, or a small one has come: lets go of what need not stay.
    pub fn let_go(&self) {
        let goes = lock(&self.state).trim();
        give_up(goes);
        self.changed.notify_all();
    }

    /// Somebody read of a segment: it goes later, or, if all of it was read, sooner.
    pub fn used(&self, segment: &Arc<Segment>) {
        let mut state = lock(&self.state);
        let at = state.held.iter().position(|holding| Arc::ptr_eq(&holding.segment, segment));
        if let Some(holding) = at.and_then(|at| state.held.remove(at)) {
            state.held.push_back(holding);
            self.changed.notify_all();
        }
    }

    fn give_back(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.lent = state.lent.saturating_sub(bytes);
        self.changed.notify_all();
    }

    #[cfg(test)]
    pub fn lent(&self) -> u64 {
        lock(&self.state).lent
    }
}

impl State {
    /// Whether it is this one's turn.
    fn is_first(&self, number: u64, wish: Wish) -> bool {
        self.waiting.iter().all(|(other, other_wish)| (wish, number) <= (*other_wish, *other))
    }

    /// Takes out what must go for so many bytes, if that is enough.
    fn make_room(&mut self, bytes: u64, most: u64, wish: Wish) -> Vec<Holding> {
        let mut short = (self.lent + bytes).saturating_sub(most);
        let mut order: Vec<usize> = (0..self.held.len()).collect();
        let rank = |holding: &Holding| match (holding.body.is_closed(), holding.segment.is_read()) {
            (true, _) => Some(0),
            (_, true) if !holding.body.is_small() => Some(1),
            (_, true) => Some(2),
            (_, false) if wish == Wish::Awaited => Some(3),
            (_, false) => None,
        };
        order.retain(|at| rank(&self.held[*at]).is_some());
        order.sort_by_key(|at| rank(&self.held[*at]));
        let mut goes = Vec::new();
        for at in order {
            if short == 0 {
                break;
            }
            short = short.saturating_sub(self.held[at].segment.lent());
            goes.push(at);
        }
        if short > 0 { Vec::new() } else { self.take_out(goes) }
    }

    /// Takes out what nobody needs any more, and the small files that are too many: those that were read first.
    fn trim(&mut self) -> Vec<Holding> {
        let cost = |holding: &Holding| holding.segment.lent().max(CHUNK);
        let small = |holding: &&Holding| holding.body.is_small();
        let mut too_much = self.held.iter().filter(small).map(cost).sum::<u64>().saturating_sub(SMALL_MOST);
        let mut order: Vec<usize> = (0..self.held.len()).collect();
        order.sort_by_key(|at| !self.held[*at].segment.is_read());
        order.retain(|at| {
            let holding = &self.held[*at];
            let goes = holding.body.is_small() && too_much > 0;
            if goes {
                too_much = too_much.saturating_sub(cost(holding));
            }
            goes || holding.body.is_closed()
        });
        self.take_out(order)
    }

    fn take_out(&mut self, mut places: Vec<usize>) -> Vec<Holding> {
        places.sort_unstable();
        places.into_iter().rev().filter_map(|at| self.held.remove(at)).collect()
    }
}

/// Lets go of segments. Not under the lock: it takes theirs, and gives their loans back.
fn give_up(holdings: Vec<Holding>) {
    for Holding { body, segment } in holdings {
        match body.body() {
            Some(body) => body.give_up(&segment),
            None => segment.forget(),
        }
    }
}

impl Loan {
    /// Its bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many bytes of it, as a loan of their own.
    pub fn split(&mut self, bytes: u64) -> Loan {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Loan { memory: self.memory.clone(), bytes }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes);
    }
}

impl std::fmt::Debug for Loan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Loan({})", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    #[test]
    fn who_is_awaited_goes_first_and_who_is_in_vain_goes_without() {
        let memory = Memory::new(100);
        let first = memory.lend(80, || Wish::Ahead).unwrap();
        assert!(memory.lend_now(30).is_none(), "nothing to put out");
        assert!(memory.lend_now(101).is_none(), "more than there is");
        let turns = AtomicU64::new(0);
        let waits = |wish: Wish, name: u64| {
            let (memory, turns) = (memory.clone(), &turns);
            move || {
                let loan = memory.lend(90, || wish);
                assert_eq!(turns.fetch_add(1, Ordering::SeqCst), name);
                drop(loan);
            }
        };
        let are_waiting = |count: usize| {
            while lock(&memory.state).waiting.len() < count {
                thread::yield_now();
            }
        };
        thread::scope(|scope| {
            scope.spawn(waits(Wish::Ahead, 1));
            are_waiting(1);
            scope.spawn(waits(Wish::Awaited, 0));
            are_waiting(2);
            assert!(memory.lend(50, || Wish::Vain).is_none());
            drop(first);
        });
        assert_eq!(memory.lent(), 0);
    }

    #[test]
    fn a_loan_of_more_than_there_is_is_one_of_all_there_is() {
        let memory = Memory::new(100);
        assert_eq!(memory.lend(1000, || Wish::Awaited).unwrap().bytes(), 100);
        assert!(memory.lend_now(100).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Whoever borrows what, in whatever order, and keeps it for however long: never more than the bound is
        /// lent, everybody gets some, and all comes back.
        #[test]
        fn never_above_and_nobody_starves(
            readers in proptest::collection::vec(
                proptest::collection::vec((1..60u64, any::<bool>(), 0..40u64), 1..30), 1..9,
            ),
        ) {
            let memory = Memory::new(100);
            let (lent, most) = (AtomicU64::new(0), AtomicU64::new(0));
            thread::scope(|scope| {
                for wishes in &readers {
                    let (memory, lent, most) = (memory.clone(), &lent, &most);
                    scope.spawn(move || {
                        for (bytes, awaited, shrinks) in wishes {
                            let wish = if *awaited { Wish::Awaited } else { Wish::Ahead };
                            let mut loan = memory.lend(*bytes, || wish).unwrap();
                            most.fetch_max(lent.fetch_add(*bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                            thread::yield_now();
                            lent.fetch_sub(*bytes, Ordering::SeqCst);
                            drop(loan.split(*shrinks));
                        }
                    });
                }
            });
            prop_assert!(most.load(Ordering::SeqCst) <= 100);
            prop_assert_eq!(memory.lent(), 0);
            prop_assert!(lock(&memory.state).waiting.is_empty());
        }
    }
}
