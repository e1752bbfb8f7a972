//! Segments in the queue or under way, and which of them a run of blocks needs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::body::Body;
use super::segment::{Outcome, Segment};

/// A segment in the queue or under way. However it ends, the segment is told.
pub(super) struct Flight {
    pub(super) body: Arc<Body>,
    pub(super) segment: Arc<Segment>,
}

impl Flight {
    pub(super) fn run(self) {
        let outcome = match self.body.pull(&self.segment) {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::debug!(identity = self.body.place.identity(), blocks = ?self.segment.blocks, %error);
                Outcome::Failed(error)
            }
        };
        self.end(outcome);
    }

    /// Who comes from now on finds what arrived, or nothing; who waits already is told.
    fn end(&self, outcome: Outcome) {
        if self.segment.in_memory() > 0 && matches!(outcome, Outcome::Complete) {
            self.segment.end(outcome);
            // Before others need the memory.
            self.body.check();
            self.body.means.memory.hold(&self.body, &self.segment);
        } else {
            self.body.land(&self.segment);
            self.segment.end(outcome);
            self.body.check();
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.segment.is_over() {
            self.end(Outcome::Abandoned);
        }
    }
}

/// A run of blocks in pieces of about `step` blocks, none of them a crumb.
pub(super) fn pieces(run: Range<u64>, step: u64) -> impl Iterator<Item = Range<u64>> {
    let count = (run.end - run.start).saturating_sub(step / 4).div_ceil(step).max(1);
    let step = (run.end - run.start).div_ceil(count).max(1);
    (run.start..run.end).step_by(step as usize).map(move |at| at..(at + step).min(run.end))
}

/// The parts of a run of blocks that no segment covers.
pub(super) fn uncovered(flights: &BTreeMap<u64, Arc<Segment>>, run: Range<u64>) -> Vec<Range<u64>> {
    let mut gaps = Vec::new();
    let mut end = run.end;
    for segment in flights.range(..run.end).rev().map(|(_, segment)| segment) {
        if segment.blocks.end <= run.start {
            break;
        }
        if segment.blocks.end < end {
            gaps.push(segment.blocks.end..end);
        }
        end = segment.blocks.start;
    }
    if end > run.start {
        gaps.push(run.start..end);
    }
    gaps.reverse();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_make_up_the_run(start in 0..100u64, length in 1..1000u64, step in 1..300u64) {
            let all: Vec<Range<u64>> = pieces(start..start + length, step).collect();
            prop_assert_eq!(all[0].start, start);
            prop_assert_eq!(all.last().unwrap().end, start + length);
            prop_assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
            prop_assert!(all.iter().all(|piece| piece.end - piece.start <= step + step / 4));
        }

        #[test]
        fn gaps_and_segments_make_up_the_run(
            cuts in proptest::collection::btree_set(0..100u64, 0..10), start in 0..100u64, length in 1..50u64,
        ) {
            let cuts: Vec<u64> = cuts.into_iter().collect();
            let flights: BTreeMap<u64, Arc<Segment>> = cuts
                .chunks_exact(2)
                .map(|pair| (pair[0], Arc::new(Segment::new(pair[0]..pair[1], u64::MAX))))
                .collect();
            let run = start..start + length;
            let gaps = uncovered(&flights, run.clone());
            for block in run {
                let flying = flights.values().any(|segment| segment.blocks.contains(&block));
                let gap = gaps.iter().filter(|gap| gap.contains(&block)).count();
                prop_assert_eq!(usize::from(!flying), gap, "block {}", block);
            }
            prop_assert!(gaps.iter().all(|gap| gap.start >= start && gap.end <= start + length));
        }
    }
}
