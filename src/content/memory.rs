//! Arrived bytes that the disk would not take: kept in memory for a while, bounded for all files together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};

use super::body::Body;
use super::segment::Segment;
use crate::report::lock;

/// Most bytes so kept.
pub const MOST: u64 = 64 * 1024 * 1024;

/// The bytes so kept; the oldest go first.
#[derive(Default)]
pub struct Memory {
    held: Mutex<VecDeque<Holding>>,
}

struct Holding {
    body: Weak<Body>,
    segment: Arc<Segment>,
    bytes: u64,
}

impl Memory {
    /// Keeps a segment's bytes until others need the room, or the file is closed.
    pub fn hold(&self, body: &Arc<Body>, segment: &Arc<Segment>) {
        let mut held = lock(&self.held);
        let closed = |holding: &Holding| holding.body.strong_count() == 0;
        held.retain(|holding| !closed(holding));
        held.push_back(Holding {
            body: Arc::downgrade(body),
            segment: segment.clone(),
            bytes: segment.in_memory(),
        });
        let mut sum: u64 = held.iter().map(|holding| holding.bytes).sum();
        let mut given_up = Vec::new();
        while sum > MOST && held.len() > 1 {
            let Some(oldest) = held.pop_front() else { break };
            sum -= oldest.bytes;
            given_up.push(oldest);
        }
        drop(held);
        for holding in given_up {
            if let Some(body) = holding.body.upgrade() {
                body.give_up(&holding.segment);
            }
        }
    }
}
