//! The last N of something.

use std::collections::VecDeque;

/// A queue that forgets its oldest member when it is full.
#[derive(Debug, Default)]
pub struct Ring<T> {
    most: usize,
    members: VecDeque<T>,
}

impl<T> Ring<T> {
    /// A ring of at most `most` members.
    pub fn new(most: usize) -> Ring<T> {
        Ring { most, members: VecDeque::new() }
    }

    /// Adds the newest member.
    pub fn push(&mut self, member: T) {
        while self.members.len() >= self.most.max(1) {
            self.members.pop_front();
        }
        self.members.push_back(member);
    }

    /// The members, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.members.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let mut ring = Ring::new(2);
        (1..=3).for_each(|n| ring.push(n));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [2, 3]);
    }
}
