//! A search: its parameters read, and the items that meet them.

use super::{
    fields::Fields,
    filter::{Filter, Record},
    index::{Index, Ref},
    problem::Problem,
    quirks::{BboxRule, Filtering, OverLimit, Quirks, Sorting},
    shape::{Area, Bbox, FirstLook, parse_geometry},
    sort::{self, SortKey},
    stacql::Query,
    time::{Interval, TimeRule},
    words::Words,
};
use serde_json::{Map, Value};

/// A search, read and found good.
#[derive(Clone, Debug)]
pub(super) struct Search {
    collections: Option<Vec<String>>,
    ids: Option<Vec<String>>,
    area: Option<Area>,
    time: Option<Interval>,
    time_rule: TimeRule,
    query: Option<Query>,
    filter: Option<Filter>,
    words: Option<Words>,
    sort: Vec<SortKey>,
    /// Which fields are wanted; `None`: all.
    pub fields: Option<Fields>,
    /// Items per page.
    pub limit: usize,
}

impl Search {
    /// Reads the parameters of a search, in the form that POST gives them.
    pub fn parse(params: &Map<String, Value>, quirks: &Quirks) -> Result<Search, Problem> {
        let given = |name: &str| params.get(name).filter(|value| !value.is_null());
        let supported = |name: &str, support: super::Support| given(name).filter(|_| support.is_there());
        let area = match (given("bbox"), given("intersects")) {
            (Some(_), Some(_)) => return invalid("bbox and intersects exclude each other"),
            (Some(bbox), None) => Some(Area::Bbox(read_bbox(bbox, quirks.bbox)?)),
            (None, Some(geometry)) => {
                Some(Area::Geometry(parse_geometry(geometry).map_err(Problem::Invalid)?))
            }
            (None, None) => None,
        };
        let time = match given("datetime") {
            Some(Value::String(text)) => Some(Interval::parse(text).map_err(Problem::Invalid)?),
            Some(_) => return invalid("datetime is not text"),
            None => None,
        };
        Ok(Search {
            collections: given("collections").map(|list| texts("collections", list)).transpose()?,
            ids: given("ids").map(|list| texts("ids", list)).transpose()?,
            area,
            time,
            time_rule: quirks.time,
            query: supported("query", quirks.query).map(read(Query::parse)).transpose()?,
            filter: read_filter(params, quirks.filter)?,
            words: supported("q", quirks.free_text).map(read(Words::parse)).transpose()?,
            sort: given("sortby")
                .filter(|_| quirks.sort != Sorting::Ignored)
                .map(|keys| SortKey::parse_all(keys, quirks.sort).map_err(Problem::Invalid))
                .transpose()?
                .unwrap_or_default(),
            fields: given("fields").map(read(Fields::parse)).transpose()?,
            limit: read_limit(given("limit"), quirks)?,
        })
    }

    /// The items that meet it among those of the collections at `shelves`, in order.
    pub fn run(&self, index: &Index, shelves: &[usize]) -> Vec<Ref> {
        let wanted: Vec<usize> = match &self.collections {
            Some(ids) if !ids.is_empty() => {
                shelves.iter().copied().filter(|&shelf| ids.contains(&index.shelves[shelf].id)).collect()
            }
            _ => shelves.to_vec(),
        };
        let mut found = match &self.ids {
            Some(ids) if !ids.is_empty() => named(index, &wanted, ids),
            _ => index.in_order(&wanted),
        };
        let area = self.area.as_ref().map(Area::prepare);
        found.retain(|&at| {
            let summary = index.summary(at);
            let in_time = self.time.is_none_or(|time| time.meets(summary, self.time_rule));
            let in_area = |area: &super::shape::Prepared| match area.first_look(summary) {
                FirstLook::Inside => true,
                FirstLook::Outside => false,
                FirstLook::Unsure => index.detail(at).geometry.as_ref().is_some_and(|one| area.meets(one)),
            };
            in_time && area.as_ref().is_none_or(in_area) && self.closer(index, at)
        });
        sort::sort(&mut found, &self.sort, index);
        found
    }

    /// What results are sorted by of an item, as text: after it the next page begins, at stac-server.
    pub fn place_of(&self, at: Ref, index: &Index) -> String {
        let (summary, collection) = (index.summary(at), &index.shelves[at.shelf].id);
        let usual = || {
            let time = summary.datetime.map(|time| time.to_string()).unwrap_or_default();
            vec![time, summary.id.clone(), collection.clone()]
        };
        let asked: Vec<String> = self.sort.iter().map(|key| key.text(index, at)).collect();
        if asked.is_empty() { usual() } else { asked }.join(",")
    }

    /// Whether an item as it is shown has what results are sorted by.
    pub fn shows_order_of(&self, item: &Value) -> bool {
        let usual = ["datetime", "id", "collection"];
        let mut names: Vec<&str> = self.sort.iter().map(SortKey::field).collect();
        if names.is_empty() {
            names.extend(usual);
        }
        names.iter().all(|name| item.get(name).or_else(|| item["properties"].get(name)).is_some())
    }

    /// The conditions for which an item must be read.
    fn closer(&self, index: &Index, at: Ref) -> bool {
        if self.query.is_none() && self.filter.is_none() && self.words.is_none() {
            return true;
        }
        let (summary, detail) = (index.summary(at), index.detail(at));
        let record = Record { summary, collection: &index.shelves[at.shelf].id, detail };
        self.query.as_ref().is_none_or(|query| query.holds(&record))
            && self.filter.as_ref().is_none_or(|filter| filter.holds(&record))
            && self.words.as_ref().is_none_or(|words| words.occur(&summary.id, &detail.properties))
    }
}

fn invalid<T>(words: &str) -> Result<T, Problem> {
    Err(Problem::Invalid(words.to_owned()))
}

/// Makes the errors of a reader problems.
fn read<T>(reader: fn(&Value) -> Result<T, String>) -> impl Fn(&Value) -> Result<T, Problem> {
    move |value| reader(value).map_err(Problem::Invalid)
}

/// The items with these ids, in order.
fn named(index: &Index, shelves: &[usize], ids: &[String]) -> Vec<Ref> {
    let found = shelves.iter().flat_map(|&shelf| ids.iter().filter_map(move |id| index.find(shelf, id)));
    let mut found: Vec<Ref> = found.collect();
    index.put_in_order(&mut found);
    found.dedup();
    found
}

/// A list of texts; numbers, as some write ids, count as text.
fn texts(name: &str, list: &Value) -> Result<Vec<String>, Problem> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let texts: Option<Vec<String>> = list.as_array().and_then(|list| list.iter().map(one).collect());
    texts.ok_or_else(|| Problem::Invalid(format!("{name} is not an array of text")))
}

fn read_bbox(json: &Value, rule: BboxRule) -> Result<Bbox, Problem> {
    let numbers: Option<Vec<f64>> =
        json.as_array().and_then(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
    let Some(numbers) = numbers else { return invalid("bbox is not an array of numbers") };
    let bbox = Bbox::parse(&numbers).map_err(Problem::Invalid)?;
    let Bbox([west, south, east, north]) = bbox;
    match rule {
        BboxRule::NotSix if numbers.len() == 6 => invalid("bbox must have 4 numbers"),
        BboxRule::NotFlat if west == east || south == north => invalid("bbox has no area"),
        // stac-server looks at the third and the fourth number, also of six.
        BboxRule::OnTheMap if !Bbox([numbers[0], numbers[1], numbers[2], numbers[3]]).is_on_the_map() => {
            invalid("bbox must be within -180,-90,180,90")
        }
        // It makes one polygon of the corners, which around the antimeridian is the rest of the world.
        BboxRule::OnTheMap => Ok(Bbox([west.min(east), south, west.max(east), north])),
        _ => Ok(bbox),
    }
}

fn read_limit(given: Option<&Value>, quirks: &Quirks) -> Result<usize, Problem> {
    let Some(given) = given else { return Ok(quirks.default_limit) };
    match given.as_u64().and_then(|limit| usize::try_from(limit).ok()) {
        None | Some(0) => invalid("limit is not a positive integer"),
        Some(limit) if limit > quirks.max_limit => match quirks.over_limit {
            OverLimit::Clamped => Ok(quirks.max_limit),
            OverLimit::Rejected => {
                Err(Problem::Invalid(format!("limit must be at most {}", quirks.max_limit)))
            }
        },
        Some(limit) => Ok(limit),
    }
}

fn read_filter(params: &Map<String, Value>, support: Filtering) -> Result<Option<Filter>, Problem> {
    let Some(filter) = params.get("filter").filter(|filter| !filter.is_null()) else { return Ok(None) };
    match support {
        Filtering::Ignored => return Ok(None),
        Filtering::Refused => return invalid("Unsupported parameter: filter"),
        _ => {}
    }
    if let Some(crs) = params.get("filter-crs").and_then(Value::as_str)
        && crs != "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    {
        return Err(Problem::Invalid(format!("filter-crs {crs:?} is not supported")));
    }
    let written = if filter.is_string() { "cql2-text" } else { "cql2-json" };
    let language = params.get("filter-lang").and_then(Value::as_str).unwrap_or(written);
    let read = match (language, support) {
        ("cql2-text", Filtering::Both | Filtering::TextOnly) => {
            filter.as_str().ok_or_else(|| "filter is not text".to_owned()).and_then(Filter::from_text)
        }
        ("cql2-json", Filtering::Both) => Filter::from_json(filter),
        ("cql2-json", Filtering::JsonOnly) => few_operators(filter).and_then(|()| Filter::from_json(filter)),
        _ => Err(format!("filter-lang {language:?} is not supported")),
    };
    read.map(Some).map_err(Problem::Invalid)
}

/// Refuses the operators that stac-server does not know.
fn few_operators(filter: &Value) -> Result<(), String> {
    const KNOWN: [&str; 13] =
        ["and", "or", "not", "=", "<>", "<", "<=", ">", ">=", "isNull", "in", "between", "s_intersects"];
    match filter["op"].as_str() {
        Some(op) if !KNOWN.contains(&op) => Err(format!("The '{op}' operator is not currently supported")),
        _ => filter["args"].as_array().into_iter().flatten().try_for_each(few_operators),
    }
}
