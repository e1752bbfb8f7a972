//! Queries as values.

use std::collections::BTreeSet;

use crate::item::{Bbox, Span};

/// What one `key=value` segment means.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    /// It narrows what is below.
    Predicate(Predicate),
    /// It shapes the listing only.
    View(ViewOption),
}

/// A condition on items.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// `bbox=`: footprint meets the box. Normalised: west in [-180, 180), east - west in [0, 360], so east
    /// may pass 180 where the box crosses the antimeridian. [`Predicate::boxes`] splits it for servers.
    Bbox(Bbox),
    /// `intersects=`: footprint meets the area.
    Intersects(Area),
    /// `datetime=`: the item's instant or span meets this span; at least one end is closed.
    Datetime(Span),
    /// `collections=`.
    Collections(BTreeSet<String>),
    /// `ids=`.
    Ids(BTreeSet<String>),
    /// `max_cloud_cover=`: percent; items of unknown cover are kept (as lsru did).
    MaxCloudCover(f64),
    /// `months=`: calendar months (1-12) of any year, by the item's day (UTC).
    Months(BTreeSet<u8>),
    /// `path=`: WRS-2 path.
    WrsPath(u16),
    /// `row=`: WRS-2 row.
    WrsRow(u16),
    /// `<property>=`, `<property>.<op>=`.
    Property(Comparison),
    /// `filter=`: CQL2 text, as written (trimmed).
    Filter(String),
    /// `q=`: free text; commas are OR.
    FreeText(Vec<String>),
}

/// A condition on one property; `id`, `collection`, `datetime` name the item's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The property's name without `properties.`
    pub property: String,
    /// What is asked of it.
    pub test: Test,
}

/// What a [`Comparison`] asks. A property that is absent or null meets none but `IsNull(true)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `.eq`, or no operator.
    Eq(Literal),
    /// `.ne`
    Ne(Literal),
    /// `.lt`
    Lt(Literal),
    /// `.lte`
    Lte(Literal),
    /// `.gt`
    Gt(Literal),
    /// `.gte`
    Gte(Literal),
    /// `.in`: any of them.
    In(Vec<Literal>),
    /// `.like`: `*` stands for any text, `?` for one character.
    Like(String),
    /// `.between`: both ends included.
    Between(Literal, Literal),
    /// `.isnull=true` or `false`.
    IsNull(bool),
}

/// A value in a comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Literal {
    /// Without quotes: takes the property's type (number, boolean, text).
    Bare(String),
    /// In quotes (single or double): text.
    Quoted(String),
}

/// A polygon or other geometry that a search is cut to. Equal geometries are equal areas, however a path
/// spells them.
#[derive(Debug, Clone)]
pub struct Area {
    /// How the path spelt it: an AOI's name or WKT.
    pub spelling: String,
    /// GeoJSON geometry, lon/lat degrees.
    pub geometry: serde_json::Value,
    /// 16 hex digits of the SHA-256 of the canonical geometry: its identity, whatever its name.
    pub hash: String,
}

impl PartialEq for Area {
    fn eq(&self, other: &Area) -> bool {
        self.hash == other.hash
    }
}

/// A search: predicates, ANDed. Their order never matters; equal sets are equal queries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// In canonical order, without duplicates. Only `Query::and` adds to it.
    pub(super) predicates: Vec<Predicate>,
}

/// What shapes a listing and no search.
#[derive(Debug, Clone, PartialEq)]
pub enum ViewOption {
    /// `sortby=-datetime,id`: the first decides, the next breaks ties.
    SortBy(Vec<FieldOrder>),
    /// `max_items=N`; 0 is no limit.
    MaxItems(u64),
    /// `assets=red,nir`: keys, file names or globs.
    Assets(Vec<String>),
}

/// One key of an ordering.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldOrder {
    /// The property's name without `properties.`
    pub field: String,
    /// Largest first.
    pub descending: bool,
}

/// View options in force at a place: of each kind the last in the path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    /// Order of listings; empty is the server's own.
    pub sortby: Vec<FieldOrder>,
    /// Cut of listings; `None` is the mount's default, 0 none.
    pub max_items: Option<u64>,
    /// Which assets show; `None` is all.
    pub assets: Option<Vec<String>>,
}
