//! Running totals since the mount began.

use std::sync::atomic::{AtomicU64, Ordering};

/// One running total, or one level that goes up and down.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Takes `n` away: for levels such as open handles.
    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Declares the totals once: the field, what it counts, and its place in [`Counters::all`].
macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The totals that `.stacfs/status` shows.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: Counter,)+
        }

        impl Counters {
            /// Name, explanation and value of every total, in a fixed order.
            pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),+).trim_ascii(), self.$name.get()),)+]
            }
        }
    };
}

counters! {
    /// HTTP requests sent, retries included.
    requests,
    /// Requests sent again after a failure that passes.
    retries,
    /// Bytes of response bodies from the network.
    network_bytes,
    /// Bytes of assets served from the cache on disk.
    cache_bytes,
    /// Bytes given to readers in all.
    read_bytes,
    /// Block reads answered from the cache.
    cache_hits,
    /// Block reads that went to the network.
    cache_misses,
    /// Blocks whose checksum on disk was wrong, and that were fetched again.
    cache_repairs,
    /// Bytes put out of the cache to keep its bound.
    evicted_bytes,
    /// Listings answered without a request.
    listing_hits,
    /// Pages of collections and items fetched.
    pages,
    /// File handles open now.
    open_files,
    /// Directory handles open now.
    open_directories,
    /// Inodes the kernel knows now, the root not counted.
    inodes,
    /// Files handed to the kernel by passthrough.
    passthrough_opens,
    /// Calls waiting for a worker or the network now.
    waiting,
    /// Calls that failed with words in `.stacfs/errors`.
    errors,
    /// Calls answered ETIMEDOUT while their work went on.
    timeouts,
}
