//! What an API says it can do, and what the user says it can.

use std::collections::BTreeMap;

/// An ability of an API that shapes its searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ability {
    /// Search by GET.
    Get,
    /// Search by POST.
    Post,
    /// `sortby`.
    Sort,
    /// The query extension (STACQL).
    Query,
    /// The filter extension, whatever the language.
    Filter,
    /// CQL2 as text.
    Cql2Text,
    /// CQL2 as JSON.
    Cql2Json,
    /// `LIKE` in CQL2.
    Like,
    /// `q`.
    FreeText,
    /// `fields`.
    Fields,
    /// Counts with searches.
    Count,
}

/// Every ability and its name in overrides.
const NAMES: &[(Ability, &str)] = &[
    (Ability::Get, "get"),
    (Ability::Post, "post"),
    (Ability::Sort, "sort"),
    (Ability::Query, "query"),
    (Ability::Filter, "filter"),
    (Ability::Cql2Text, "cql2-text"),
    (Ability::Cql2Json, "cql2-json"),
    (Ability::Like, "like"),
    (Ability::FreeText, "free-text"),
    (Ability::Fields, "fields"),
    (Ability::Count, "count"),
];

/// The abilities of one API.
#[derive(Debug, Clone, Default)]
pub(super) struct Conformance {
    classes: Vec<String>,
    overrides: BTreeMap<Ability, bool>,
}

impl Conformance {
    /// From `conformsTo`, with the user's overrides (`+filter`, `-post`) laid over it. Unknown overrides were
    /// refused with the configuration.
    pub(super) fn new(classes: Vec<String>, overrides: &[String]) -> Conformance {
        let overrides = overrides.iter().filter_map(|text| {
            let on = text.starts_with('+');
            let name = text.strip_prefix(['+', '-'])?.to_ascii_lowercase();
            NAMES.iter().find(|(_, n)| *n == name).map(|(ability, _)| (*ability, on))
        });
        Conformance { classes, overrides: overrides.collect() }
    }

    /// What the user says of an ability, where they do.
    pub(super) fn told(&self, ability: Ability) -> Option<bool> {
        self.overrides.get(&ability).copied()
    }

    /// Whether the API has an ability. Classes are known by their last part: versions, release candidates and
    /// `http` for `https` differ between servers and mean the same.
    pub(super) fn has(&self, ability: Ability) -> bool {
        self.told(ability).unwrap_or_else(|| match ability {
            Ability::Get | Ability::Post | Ability::Count => true,
            Ability::Sort => self.claims(&["item-search#sort"]),
            Ability::Query => self.claims(&["item-search#query"]),
            Ability::Filter => self.claims(&["item-search#filter"]),
            Ability::Cql2Text => self.claims(&["conf/cql2-text"]),
            Ability::Cql2Json => self.claims(&["conf/cql2-json"]),
            Ability::Like => self.claims(&["conf/advanced-comparison-operators"]),
            Ability::FreeText => self.claims(&["item-search#free-text"]),
            Ability::Fields => self.claims(&["item-search#fields"]),
        })
    }

    /// Whether it says that it has collections or item search at all.
    pub(super) fn is_api(&self) -> bool {
        self.claims(&["/core", "/item-search", "/ogcapi-features", "/collections"])
    }

    /// The abilities that are neither assumed nor missing, for people.
    pub(super) fn claimed(&self) -> Vec<&'static str> {
        let assumed = [Ability::Get, Ability::Post, Ability::Count];
        let of = NAMES.iter().filter(|(ability, _)| !assumed.contains(ability) && self.has(*ability));
        of.map(|(_, name)| *name).collect()
    }

    fn claims(&self, endings: &[&str]) -> bool {
        let class =
            |class: &String| endings.iter().any(|ending| class.trim_end_matches('/').ends_with(ending));
        self.classes.iter().any(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(classes: &[&str], overrides: &[&str]) -> Conformance {
        let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        Conformance::new(owned(classes), &owned(overrides))
    }

    #[test]
    fn the_configuration_takes_every_ability() {
        let names: Vec<&str> = NAMES.iter().map(|(_, name)| *name).collect();
        assert_eq!(names, crate::config::ABILITIES);
    }

    #[test]
    fn versions_and_schemes_do_not_matter() {
        for class in [
            "https://api.stacspec.org/v1.0.0/item-search#filter",
            "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
            "http://api.stacspec.org/v1.0.0-beta.4/item-search#filter",
        ] {
            assert!(of(&[class], &[]).has(Ability::Filter), "{class}");
        }
        let cql2 = of(&["http://www.opengis.net/spec/cql2/1.0/conf/cql2-json"], &[]);
        assert!(cql2.has(Ability::Cql2Json) && !cql2.has(Ability::Cql2Text) && !cql2.has(Ability::Filter));
    }

    #[test]
    fn the_user_knows_better() {
        let both = of(&["https://api.stacspec.org/v1.0.0/item-search#sort"], &["-sort", "+Filter", "-post"]);
        assert!(!both.has(Ability::Sort) && both.has(Ability::Filter) && !both.has(Ability::Post));
        assert!(both.has(Ability::Get));
    }

    #[test]
    fn collection_search_is_not_item_search() {
        let other = of(&["https://api.stacspec.org/v1.0.0-rc.1/collection-search#filter"], &[]);
        assert!(!other.has(Ability::Filter));
    }
}
