//! What all files of a mount share.

use std::sync::Arc;

use super::ledger::Ledger;
use super::memory::Memory;
use super::turns::Turns;
use crate::cache::Cache;
use crate::http::Http;
use crate::report::Report;

/// The rooms and the bounds that every file works with.
pub struct Means {
    /// The cache.
    pub cache: Arc<Cache>,
    /// The client.
    pub http: Arc<Http>,
    /// What is known of all objects.
    pub ledger: Arc<Ledger>,
    /// Who may ask when.
    pub turns: Arc<Turns>,
    /// Arrived bytes that the disk would not take.
    pub memory: Arc<Memory>,
    /// Bytes that all readers together may be served ahead, where they go to the disk.
    pub most_ahead: u64,
    /// Where it is told what happens.
    pub report: Arc<Report>,
}

impl Means {
    /// Bytes that all readers together may be served ahead.
    pub fn ahead(&self) -> u64 {
        match self.cache.keeps() {
            true => self.most_ahead,
            false => self.most_ahead.min(self.memory.most_ahead()),
        }
    }
}
