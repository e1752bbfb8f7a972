//! Searches as sets of predicates.

use super::ast::{Predicate, Query};

impl Query {
    /// This search, narrowed. The order in which predicates come never matters, and one that is there already
    /// changes nothing; two of a kind are two conditions.
    #[must_use]
    pub fn and(&self, predicate: Predicate) -> Query {
        let mut keyed: Vec<(String, Predicate)> =
            self.predicates.iter().cloned().chain([predicate]).map(|p| (p.key(), p)).collect();
        // Stable: of two names for one area the first stays.
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        keyed.dedup_by(|later, earlier| later.0 == earlier.0);
        Query { predicates: keyed.into_iter().map(|(_, predicate)| predicate).collect() }
    }

    /// The predicates, in canonical order.
    pub fn predicates(&self) -> &[Predicate] {
        &self.predicates
    }

    /// Whether it narrows nothing.
    pub fn is_empty(&self) -> bool {
        self.predicates.is_empty()
    }

    /// One canonical segment per predicate, in canonical order: the search as a path.
    pub fn segments(&self) -> Vec<String> {
        self.predicates.iter().map(Predicate::segment).collect()
    }

    /// The search as a relative path, `""` where it narrows nothing. Equal searches print the same but for
    /// the names of areas: see [`Query::key`].
    pub fn canonical(&self) -> String {
        self.segments().join("/")
    }

    /// What makes it this search and no other, for cache keys: like [`Query::canonical`], with areas by the
    /// hash of their geometry (`intersects=#0123456789abcdef`). It is not a path.
    pub fn key(&self) -> String {
        self.predicates.iter().map(Predicate::key).collect::<Vec<_>>().join("/")
    }
}

impl<'a> IntoIterator for &'a Query {
    type Item = &'a Predicate;
    type IntoIter = std::slice::Iter<'a, Predicate>;

    fn into_iter(self) -> Self::IntoIter {
        self.predicates.iter()
    }
}

impl FromIterator<Predicate> for Query {
    fn from_iter<I: IntoIterator<Item = Predicate>>(predicates: I) -> Query {
        predicates.into_iter().fold(Query::default(), |query, predicate| query.and(predicate))
    }
}
