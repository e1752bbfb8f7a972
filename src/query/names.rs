//! The words of the path language, and what was probably meant by others.

use super::error::Fault;

/// The predicates, as they stand before the `=`.
pub const PREDICATES: [&str; 11] = [
    "bbox",
    "intersects",
    "datetime",
    "collections",
    "ids",
    "max_cloud_cover",
    "months",
    "path",
    "row",
    "filter",
    "q",
];

/// The view options, as they stand before the `=`.
pub const VIEW_OPTIONS: [&str; 3] = ["sortby", "max_items", "assets"];

/// The operators, as they stand after a property's name and a dot.
pub const OPERATORS: [&str; 10] = ["eq", "ne", "lt", "lte", "gt", "gte", "in", "like", "between", "isnull"];

/// Words of other languages for what ours calls otherwise; the value means the same.
const RENAMED: [(&str, &[&str]); 9] = [
    ("max_items", &["limit", "maxitems", "max_results", "count", "head"]),
    ("collections", &["collection", "dataset", "datasets"]),
    ("ids", &["id", "item", "items"]),
    (
        "max_cloud_cover",
        &["cloud_cover", "cloudcover", "cloud", "clouds", "max_cloud", "max_clouds", "maxcloud"],
    ),
    ("datetime", &["date", "dates", "time", "temporal", "year", "day"]),
    ("sortby", &["sort", "sort_by", "order", "orderby", "order_by"]),
    ("bbox", &["bounds", "bounding_box"]),
    ("intersects", &["geometry", "geom", "polygon", "aoi", "wkt", "geojson", "footprint"]),
    ("assets", &["band", "bands", "files"]),
];

/// The same where the value must change too: the words to say.
const FOREIGN: [(&[&str], &str); 6] = [
    (&["query"], "write <property>=<value> or <property>.<operator>=<value>, as in eo:cloud_cover.lt=20"),
    (
        &["start", "start_date", "end", "end_date", "since", "until"],
        "write datetime=2018-01..2018-03, with either end left open",
    ),
    (&["cql", "cql2", "where", "filter-lang", "filter_lang"], "write filter=<CQL2 text>"),
    (&["wrs_path", "wrs_row"], "write path=197 and row=30"),
    (&["search", "text", "keyword"], "write q=<words>"),
    (&["fields"], "an item always comes whole; write assets=<keys> to choose its files"),
];

/// Operators of other languages, and how ours says it.
const FOREIGN_OPERATORS: [(&str, &str); 14] = [
    ("le", ".lte="),
    ("ge", ".gte="),
    ("neq", ".ne="),
    ("nin", ".ne= once for each value"),
    ("not_in", ".ne= once for each value"),
    ("equals", ".eq="),
    ("startswith", ".like=<text>*"),
    ("endswith", ".like=*<text>"),
    ("contains", ".like=*<text>*"),
    ("ilike", ".like=, which minds case"),
    ("null", ".isnull=true"),
    ("is_null", ".isnull=true"),
    ("notnull", ".isnull=false"),
    ("range", ".between=<low>,<high>"),
];

/// The candidate that a name was probably meant to be: the nearest within two edits (a letter more, less,
/// other, or two swapped; case does not count), the first of equally near ones. Four letters or fewer allow
/// one edit only, one letter none: `gsd` is no misspelt `ids`. An exact match is no suggestion.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let near = |candidate: &&'a str| {
        let most = match candidate.chars().count() {
            0 | 1 => 0,
            2..=4 => 1,
            _ => 2,
        };
        // A long name is near none; measuring it would cost its length times the candidate's.
        let length = candidate.len().abs_diff(lower.len());
        let distance =
            if length > 8 { usize::MAX } else { strsim::osa_distance(&lower, &candidate.to_lowercase()) };
        (distance <= most && *candidate != name).then_some((distance, *candidate))
    };
    candidates.into_iter().filter_map(|c| near(&c)).min_by_key(|(distance, _)| *distance).map(|(_, c)| c)
}

/// Refuses a bare name (no operator) that was probably meant to be one of ours; `value` is what followed the
/// `=`, for the hint. What passes is a property's name. Real properties as near to our words as that (`item`,
/// `month`) are written with `.eq=`.
pub(super) fn check_bare(name: &str, value: &str) -> Result<(), Fault> {
    let why = |name: &str| Fault::new(format!("there is no {name}="));
    let lower = name.to_lowercase();
    if let Some((ours, _)) = RENAMED.iter().find(|(_, others)| others.contains(&lower.as_str())) {
        return Err(why(name).hint(format!("did you mean {ours}={value}?")));
    }
    if let Some((_, words)) = FOREIGN.iter().find(|(others, _)| others.contains(&lower.as_str())) {
        return Err(why(name).hint(*words));
    }
    if let Some(ours) = suggest(name, PREDICATES.into_iter().chain(VIEW_OPTIONS)) {
        return Err(why(name).hint(format!("did you mean {ours}={value}? ({name}.eq= asks for a property)")));
    }
    for (sign, operator) in [("<", "lte"), (">", "gte"), ("!", "ne")] {
        if let Some(property) = name.strip_suffix(sign) {
            return Err(Fault::new(format!("{sign}= is no operator in a path"))
                .hint(format!("did you mean {property}.{operator}={value}?")));
        }
    }
    if let Some((property, suffix)) = name.rsplit_once('.') {
        check_operator(property, suffix, value)?;
    }
    Ok(())
}

/// Refuses a suffix that is an operator elsewhere, or ours in other letters.
fn check_operator(property: &str, suffix: &str, value: &str) -> Result<(), Fault> {
    let why = || Fault::new(format!("there is no operator .{suffix}"));
    let lower = suffix.to_lowercase();
    if let Some(ours) = OPERATORS.iter().find(|ours| **ours == lower) {
        return Err(why().hint(format!("did you mean {property}.{ours}={value}?")));
    }
    match FOREIGN_OPERATORS.iter().find(|(other, _)| *other == lower) {
        Some((_, ours)) => Err(why().hint(format!("write {property}{ours}"))),
        None => Ok(()),
    }
}

/// Whether a property's equality must be written with `.eq` to be read back as that.
pub(super) fn needs_eq(property: &str) -> bool {
    let ends_as_operator = property.rsplit_once('.').is_some_and(|(_, suffix)| OPERATORS.contains(&suffix));
    let ours = PREDICATES.contains(&property) || VIEW_OPTIONS.contains(&property);
    ends_as_operator || ours || check_bare(property, "").is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_not() {
        let ours = || PREDICATES.into_iter().chain(VIEW_OPTIONS);
        for (name, meant) in [
            ("bbx", "bbox"),
            ("bbxo", "bbox"),
            ("box", "bbox"),
            ("BBOX", "bbox"),
            ("datetim", "datetime"),
            ("datteime", "datetime"),
            ("intersect", "intersects"),
            ("max_cloudcover", "max_cloud_cover"),
            ("rows", "row"),
            ("Q", "q"),
        ] {
            assert_eq!(suggest(name, ours()), Some(meant), "{name}");
        }
        for name in ["bbox", "gsd", "platform", "s", "bb", "datetimestamp", "eo:cloud_cover", ""] {
            assert_eq!(suggest(name, ours()), None, "{name}");
        }
    }

    #[test]
    fn the_properties_of_stac_pass() {
        for name in [
            "gsd",
            "platform",
            "mission",
            "constellation",
            "instruments",
            "license",
            "title",
            "created",
            "updated",
            "description",
            "start_datetime",
            "end_datetime",
            "version",
            "deprecated",
            "published",
            "quad",
            "orbit",
            "eo:cloud_cover",
            "view:off_nadir",
            "landsat:wrs_path",
            "proj:code",
            "sat:orbit_state",
            "s2:mgrs_tile",
            "ssys:targets",
            "grid:code",
            "sci:doi",
            "providers",
            "roles",
            "status",
            "data_type",
            "isis:ver",
        ] {
            assert_eq!(check_bare(name, "x"), Ok(()), "{name}");
            assert!(!needs_eq(name), "{name}");
        }
        for name in ["bbx", "path", "limit", "a.lt", "a.le", "a<", "month"] {
            assert!(needs_eq(name), "{name}");
        }
    }
}
