//! What is known of objects: versions seen, when they were checked, how often they changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use lru::LruCache;

use super::Version;
use crate::cache::{Cache, Facts};
use crate::report::lock;

/// So many objects are known in memory; all others, on disk.
const KNOWN: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();
/// … and so many of whose bytes were wrong.
const WRONG: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// … and so many that have just changed.
const CHANGED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Numbers of changes: 512 KiB.
const GENERATIONS: u64 = 65_536;
/// The kernel repeats an open that found a change, at once. What the first found holds for the second: else an
/// object without validators could never be opened where versions have no lifetime.
const REOPENED: Duration = Duration::from_secs(1);

/// What was found wrong twice is fetched again after this time.
const FORGIVEN: Duration = Duration::from_secs(600);

/// What is known of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The version last seen.
    pub version: Version,
    /// When a server last confirmed it.
    pub checked: Timestamp,
    /// Whether this process may have seen it: then the kernel may hold bytes of it.
    pub seen_here: bool,
}

/// What is known of all objects.
pub struct Ledger {
    cache: Arc<Cache>,
    lifetime: Duration,
    /// When this process began to look.
    began: Timestamp,
    known: Mutex<LruCache<String, Known>>,
    /// Objects whose server gives another entity tag with every answer.
    restless: Mutex<LruCache<String, ()>>,
    /// How often objects were found to be another, or to be wrong, while this process looked. Objects share a number
    /// by the hash of their identity, so there are never more; who shares one with an object that changes is of
    /// another generation for nothing, and so gets another inode.
    generations: Box<[AtomicU64]>,
    /// When objects changed last.
    changed: Mutex<LruCache<String, Timestamp>>,
    /// Versions whose bytes were not what their checksum promises: how often in a row, and when last.
    wrong: Mutex<LruCache<String, (Version, u32, Timestamp)>>,
}

impl Known {
    /// What tells this version's blocks from those of others. A version without validators is only as good as
    /// the moment it was seen.
    pub fn validator(&self) -> String {
        self.version.validator().unwrap_or_else(|| format!("seen {}", self.checked.as_nanosecond()))
    }
}

impl Ledger {
    /// Over what the cache remembers. A version is taken for true for `lifetime`.
    pub fn new(cache: Arc<Cache>, lifetime: Duration) -> Ledger {
        Ledger {
            cache,
            lifetime,
            began: Timestamp::now(),
            known: Mutex::new(LruCache::new(KNOWN)),
            restless: Mutex::new(LruCache::new(KNOWN)),
            generations: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
            changed: Mutex::new(LruCache::new(CHANGED)),
            wrong: Mutex::new(LruCache::new(WRONG)),
        }
    }

    /// What is known of an object.
    pub fn get(&self, identity: &str) -> Option<Known> {
        if let Some(known) = lock(&self.known).get(identity) {
            return Some(known.clone());
        }
        let Facts { size, etag, modified, seen } = self.cache.facts(identity)?;
        // What was seen since then may have been seen here, and left the memory.
        let seen_here = seen >= self.began;
        let known = Known { version: Version { size, etag, modified }, checked: seen, seen_here };
        // Another thread may have seen it meanwhile.
        Some(lock(&self.known).get_or_insert(identity.to_owned(), || known).clone())
    }

    /// Whether the object was found to be another than this.
    pub fn is_doubted(&self, known: &Known) -> bool {
        known.checked == Timestamp::UNIX_EPOCH
    }

    /// Whether it is too early to ask again. A check in the future is a clock that was put back: no check.
    pub fn is_fresh(&self, known: &Known) -> bool {
        age(known.checked).is_some_and(|age| age < self.lifetime)
    }

    /// Whether an open may do without asking: it is too early, or the same open has just asked.
    pub fn is_good(&self, identity: &str, known: &Known) -> bool {
        let changed = lock(&self.changed).get(identity).copied();
        let has_just_changed = changed.is_some_and(|at| age(at).is_some_and(|age| age < REOPENED));
        self.is_fresh(known) || has_just_changed && !self.is_doubted(known)
    }

    /// Another number whenever an object was seen to change.
    pub fn generation(&self, identity: &str) -> u64 {
        self.changes(identity).load(Ordering::Relaxed)
    }

    fn changes(&self, identity: &str) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        identity.hash(&mut hasher);
        &self.generations[(hasher.finish() % GENERATIONS) as usize]
    }

    /// A server says that this is the object's version now. `shown` is the size that was given out for it
    /// before, where any was: another size is a change too.
    pub fn see(&self, identity: &str, mut version: Version, shown: Option<u64>) -> Known {
        let restless = lock(&self.restless).get(identity).is_some();
        if restless {
            version.etag = None;
        }
        let before = self.get(identity);
        let volatile = version.validator().is_none();
        let same = before.as_ref().filter(|before| !volatile && before.version.is_same(&version));
        let changed_here = before.as_ref().is_some_and(|before| before.seen_here) && same.is_none();
        let size_was_wrong = shown.is_some_and(|shown| shown != version.size);
        if changed_here || size_was_wrong {
            self.changes(identity).fetch_add(1, Ordering::Relaxed);
            lock(&self.changed).put(identity.to_owned(), Timestamp::now());
        }
        // A server that leaves a validator out this once has not taken it back.
        let mut version = same.map_or(version, |before| before.version.clone());
        if restless {
            version.etag = None;
        }
        let known = Known { version, checked: Timestamp::now(), seen_here: true };
        lock(&self.known).put(identity.to_owned(), known.clone());
        let Version { size, etag, modified } = known.version.clone();
        self.cache.keep_facts(identity, &Facts { size, etag, modified, seen: known.checked });
        known
    }

    /// How often in a row, lately, the bytes of a version were found wrong.
    pub fn wrong_before(&self, identity: &str, version: &Version) -> u32 {
        let mut wrong = lock(&self.wrong);
        let found = wrong
            .get(identity)
            .filter(|(of, _, at)| of == version && age(*at).is_some_and(|age| age < FORGIVEN));
        found.map_or(0, |(_, times, _)| *times)
    }

    /// The bytes of a version were found wrong. The kernel may hold some of them, so the object is of another
    /// generation from now on.
    pub fn was_wrong(&self, identity: &str, version: &Version) {
        let (times, now) = (self.wrong_before(identity, version) + 1, Timestamp::now());
        lock(&self.wrong).put(identity.to_owned(), (version.clone(), times, now));
        self.changes(identity).fetch_add(1, Ordering::Relaxed);
    }

    /// An object's entity tag is another with every answer: it says nothing.
    pub fn ignore_tag(&self, identity: &str) {
        lock(&self.restless).put(identity.to_owned(), ());
    }

    /// The object was found to be another: the next open must ask.
    pub fn doubt(&self, identity: &str) {
        if let Some(known) = lock(&self.known).get_mut(identity) {
            known.checked = Timestamp::UNIX_EPOCH;
        }
    }
}

/// How long ago something was; `None` where it lies in the future.
fn age(at: Timestamp) -> Option<Duration> {
    Duration::try_from(Timestamp::now().duration_since(at)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    fn ledger(lifetime: Duration) -> Ledger {
        Ledger::new(Arc::new(Cache::none(Arc::new(Report::new()))), lifetime)
    }

    fn version(etag: Option<&str>, size: u64) -> Version {
        Version { size, etag: etag.map(str::to_owned), modified: None }
    }

    #[test]
    fn only_a_change_is_a_new_generation() {
        let ledger = ledger(Duration::from_secs(60));
        for etag in ["\"1\"", "\"1\"", "W/\"1\""] {
            ledger.see("a", version(Some(etag), 5), None);
        }
        assert_eq!(ledger.generation("a"), 0);
        ledger.see("a", version(Some("\"2\""), 5), None);
        assert_eq!(ledger.generation("a"), 1);
        ledger.see("a", version(Some("\"2\""), 5), Some(6));
        assert_eq!(ledger.generation("a"), 2, "another size was shown");
        assert_eq!(ledger.generation("b"), 0);
    }

    #[test]
    fn a_change_is_one_also_of_what_left_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let cache = || {
            let settings =
                crate::cache::Settings { folder: folder.path().into(), max_bytes: None, min_free: 0 };
            Arc::new(Cache::open(settings, Arc::new(Report::new())))
        };
        let before = Ledger::new(cache(), Duration::from_secs(60));
        before.see("a", version(Some("\"1\""), 5), None);
        let ledger = Ledger::new(cache(), Duration::from_secs(60));
        assert_eq!(ledger.see("a", version(Some("\"2\""), 5), None).version.size, 5);
        assert_eq!(ledger.generation("a"), 0, "the kernel never had the first");
        lock(&ledger.known).pop("a");
        ledger.see("a", version(Some("\"3\""), 5), None);
        assert_eq!(ledger.generation("a"), 1);
    }

    #[test]
    fn what_changes_again_and_again_takes_no_more_room() {
        let ledger = ledger(Duration::ZERO);
        for number in 0..20_000u64 {
            let name = number.to_string();
            ledger.see(&name, version(None, 5), None);
            let first = ledger.generation(&name);
            ledger.see(&name, version(None, 5), None);
            assert!(ledger.generation(&name) > first);
        }
        assert!(lock(&ledger.changed).len() <= CHANGED.get());
    }

    #[test]
    fn without_validators_every_check_is_another_version() {
        let ledger = ledger(Duration::from_secs(60));
        let first = ledger.see("a", version(None, 5), None);
        assert!(first.validator().starts_with("seen "));
        ledger.see("a", version(None, 5), None);
        assert_eq!(ledger.generation("a"), 1);
    }

    #[test]
    fn an_open_that_found_a_change_is_repeated_without_asking() {
        let ledger = ledger(Duration::ZERO);
        let first = ledger.see("a", version(None, 5), None);
        assert!(!ledger.is_good("a", &first));
        let second = ledger.see("a", version(None, 5), None);
        assert!(ledger.is_good("a", &second));
        ledger.doubt("a");
        assert!(!ledger.is_good("a", &ledger.get("a").unwrap()));
    }

    #[test]
    fn doubt_and_age_call_for_a_check() {
        let fresh = ledger(Duration::from_secs(60));
        let known = fresh.see("a", version(Some("\"1\""), 5), None);
        assert!(fresh.is_fresh(&known));
        fresh.doubt("a");
        assert!(!fresh.is_fresh(&fresh.get("a").unwrap()));
        assert!(!ledger(Duration::ZERO).is_fresh(&known));
        let tomorrow = Timestamp::now() + Duration::from_secs(86_400);
        assert!(!fresh.is_fresh(&Known { checked: tomorrow, ..known }));
    }
}
