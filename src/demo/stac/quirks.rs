//! How a server differs from the specification: single quirks, and the sets of them that real servers have.

use super::time::TimeRule;

/// A server to take after. The facts are those of the software's source and of recorded traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Personality {
    /// Conforms to the specification in all points.
    #[default]
    Plain,
    /// stac-server 5 on AWS, as USGS Astrogeology and Earth Search run it.
    StacServer,
    /// stac-fastapi with pgstac, as the Planetary Computer and eoAPI run it.
    Pgstac,
    /// GeoServer's STAC module.
    GeoServer,
    /// No API at all: a static catalogue in files.
    Static,
}

impl Personality {
    /// Its quirks. (Those of [`Static`](Self::Static) are the plain ones: it has no API to have any.)
    pub fn quirks(self) -> Quirks {
        match self {
            Personality::Plain | Personality::Static => Quirks::default(),
            Personality::StacServer => Quirks::stac_server(),
            Personality::Pgstac => Quirks::pgstac(),
            Personality::GeoServer => Quirks::geoserver(),
        }
    }
}

impl std::str::FromStr for Personality {
    type Err = String;

    /// Reads `plain`, `stac-server`, `pgstac`, `geoserver` or `static`.
    fn from_str(text: &str) -> Result<Personality, String> {
        Ok(match text {
            "plain" => Personality::Plain,
            "stac-server" => Personality::StacServer,
            "pgstac" => Personality::Pgstac,
            "geoserver" => Personality::GeoServer,
            "static" => Personality::Static,
            other => {
                return Err(format!("{other:?} is none of plain, stac-server, pgstac, geoserver, static"));
            }
        })
    }
}

/// All that can be odd about an API. The default is a server that conforms.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// What POST /search does.
    pub post: Method,
    /// What GET /search does.
    pub get: Method,
    /// What is done with a slash at the end of a path.
    pub slash: Slash,
    /// The form of errors.
    pub errors: ErrorShape,
    /// What `conformsTo` says.
    pub conformance: Conformance,
    /// How the landing page points to /search.
    pub search_links: SearchLinks,
    /// A parameter on every link, for example `f=application%2Fjson`, with HTML twins of the links beside them.
    pub format_param: Option<&'static str>,
    /// Scheme and authority that links show instead of our own (a host behind a gateway).
    pub link_origin: Option<String>,
    /// Whether the landing page has a `child` link for each collection.
    pub children: Children,
    /// Page size where the request has none.
    pub default_limit: usize,
    /// The greatest page size.
    pub max_limit: usize,
    /// What happens above `max_limit`.
    pub over_limit: OverLimit,
    /// A page with more items than this is 502, however it was asked for: the answer would be too large.
    pub breaks_above: Option<usize>,
    /// A path and query with more bytes than this is 414, as content delivery networks have it.
    pub longest_url: Option<usize>,
    /// How many items match is told in this form.
    pub count: Count,
    /// The form of `next` links.
    pub next: Next,
    /// What is wrong with `next` links.
    pub next_fault: Option<NextFault>,
    /// Which boxes are refused.
    pub bbox: BboxRule,
    /// Which times of an item `datetime` looks at.
    pub time: TimeRule,
    /// Which encodings of CQL2 are understood.
    pub filter: Filtering,
    /// Whether `query` is understood; else it is ignored.
    pub query: Support,
    /// What `sortby` means.
    pub sort: Sorting,
    /// Whether `q` is understood; else it is ignored.
    pub free_text: Support,
    /// What `fields` means.
    pub fields: FieldsRule,
    /// Whether `/aggregate` is there.
    pub aggregation: Support,
    /// Whether there is a `/search` at all; else the API has collections and their items only.
    pub search: Support,
    /// How `/collections` is cut into pages.
    pub collection_pages: CollectionPages,
    /// Whether `/collections` can be searched; else the parameters are ignored.
    pub collection_search: Support,
    /// What is answered for an item that is not there.
    pub missing_item: MissingItem,
    /// How ids of digits only are written.
    pub ids: Ids,
    /// The version items and collections claim to be of.
    pub stac_version: Option<&'static str>,
    /// Members that items are served without: `bbox`, `geometry`, `links`, `collection`,
    /// `properties.datetime` …
    pub without: Vec<&'static str>,
    /// Item boxes in metres instead of degrees.
    pub bbox_unit: BboxUnit,
    /// Where asset hrefs lead.
    pub hrefs: Hrefs,
    /// Whether JSON is compressed for clients that accept it.
    pub gzip: Support,
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl Support {
    /// Whether it is [`Yes`](Self::Yes).
    pub fn is_there(self) -> bool {
        self == Support::Yes
    }
}

/// What becomes of a request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// It is served.
    Served,
    /// 405 with an error in JSON.
    NotAllowed,
    /// 403 with an HTML page, as CloudFront sends it.
    Forbidden,
    /// 501.
    NotImplemented,
    /// It is served, but an answer that has a next page is 500 (rustac 0.9 by GET).
    OnePage,
}

impl Method {
    /// Whether the landing page has a link to it.
    pub(super) fn is_offered(self) -> bool {
        matches!(self, Method::Served | Method::OnePage)
    }
}

/// What is done with a slash at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slash {
    /// It does not matter.
    Either,
    /// With a slash: 404.
    Forbidden,
    /// Without one: 404.
    Needed,
    /// With a slash: 307 to the path without (FastAPI).
    Redirected,
}

/// The form of error bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"code":"NotFound","description":"Not Found"}` (stac-server, the specification).
    Code,
    /// `{"code":"NotFoundError","description":"Item X in Collection Y does not exist."}`, and
    /// `{"detail":…}` for 422 (stac-fastapi).
    FastApi,
    /// `{"message":"Forbidden"}` (API Gateway).
    Message,
    /// `{"message":…,"errors":[…]}` (CMR).
    Errors,
    /// `{"ErrorMessage":…,"ErrorCode":…}` (resto).
    Resto,
    /// An HTML page (CloudFront, a proxy).
    Html,
    /// A line of text.
    Text,
}

/// What `conformsTo` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conformance {
    /// What is true.
    True,
    /// There is none (Earth Search v0).
    Missing,
    /// Every class there is, whether it is so or not.
    All,
    /// Core only, whatever else there is.
    CoreOnly,
}

/// How the landing page points to /search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchLinks {
    /// One link for each method that is served.
    PerMethod,
    /// One link without type and method.
    Bare,
    /// None.
    None,
    /// An OpenSearch description and an HTML page come first (spacebel).
    AmongOthers,
}

/// Whether collections are linked as children of the landing page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Children {
    /// Only child catalogues are.
    Catalogs,
    /// Child catalogues and all collections are.
    Collections,
    /// Each child catalogue is an API root of its own, and the root above them has neither a search nor collections
    /// (CMR).
    Roots,
}

/// What happens to a limit that is too great.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverLimit {
    /// It is lowered, as the specification wants it.
    Clamped,
    /// 400.
    Rejected,
}

/// How many items match, in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// `numberMatched`.
    Matched,
    /// `context`.
    Context,
    /// Both (Earth Search).
    Both,
    /// It is not told (Planetary Computer).
    Untold,
}

/// The form of `next` links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// GET: `token` in the query. POST: the full body with `token`, no `merge`.
    Token,
    /// The same under the name `next`, with `merge: false`. GET: all parameters are written anew, `fields` as JSON,
    /// which is read as names that no item has; `fields={}` where none were asked for. The next page begins after
    /// all items that are equal in the order asked for, shown or not; after an item without `datetime` it is 400
    /// (stac-server up to 5.0.0).
    NextParam,
    /// `page=2`. POST: the full body with `page`.
    Page,
    /// `startIndex=10` (GeoServer). POST: the full body with it.
    StartIndex,
    /// POST: a body of `token` alone with `merge: true`.
    Merge,
    /// POST: a body of `token` alone without `merge`, which stands for the whole search.
    Alone,
    /// POST: `headers` with the token and the original body. GET: as `Token`.
    Header,
    /// POST is answered with a `next` for GET.
    GetAfterPost,
    /// An href that has nothing in common with the search's.
    Opaque,
}

/// What is wrong with `next` links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextFault {
    /// They show this origin.
    ForeignHost(String),
    /// Each page's leads to that page again.
    Repeated,
    /// The last page's leads to the first.
    Looping,
    /// The last page with items has one too; the page after is empty.
    EmptyLastPage,
    /// They are relative (`search?token=…`).
    Relative,
    /// There is none where the fields asked for leave out what is sorted by (stac-server before 5).
    SortHidden,
}

/// Which boxes are refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BboxRule {
    /// None that makes sense.
    All,
    /// Those with six numbers.
    NotSix,
    /// Those outside of ±180, ±90; of six numbers the third and fourth are taken for east and north
    /// (stac-server 5).
    OnTheMap,
    /// Those without area.
    NotFlat,
}

/// Which encodings of CQL2 are understood; others are 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtering {
    /// Text and JSON.
    Both,
    /// JSON, on GET too, and few operators: no `like`, no function but `s_intersects` (stac-server).
    JsonOnly,
    /// Text.
    TextOnly,
    /// `filter` is ignored.
    Ignored,
    /// `filter` is 400 ("Unsupported parameter", CMR).
    Refused,
}

/// What `sortby` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// Names of fields, those of properties with or without `properties.` before them.
    Any,
    /// Names of fields; those of properties without `properties.` are 400 (stac-server).
    Qualified,
    /// It is ignored.
    Ignored,
}

/// What `fields` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldsRule {
    /// Includes are added to a default set, excludes are taken from it.
    Specification,
    /// Includes are exactly what comes; with excludes only, the default set less these (stac-server 5).
    StacServer,
    /// Includes plus id and collection are what comes; with excludes only, everything less these (pgstac).
    Pgstac,
    /// It is ignored.
    Ignored,
}

/// How `/collections` is cut into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectionPages {
    /// Pages of `limit` (by default this many) with `next` links.
    Of(usize),
    /// All in one, `limit` is ignored.
    All,
    /// The first so many and no more (stac-server: 100).
    First(usize),
}

/// What is answered for an item that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingItem {
    /// 404.
    NotFound,
    /// 200 and `{}` (old stac-server).
    EmptyObject,
}

/// How ids of digits only are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// As text.
    Text,
    /// As numbers.
    Numbers,
}

/// The unit of item boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BboxUnit {
    /// Degrees.
    Degrees,
    /// Metres on the equator (some USGS mosaics).
    Metres,
}

/// Where asset hrefs lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hrefs {
    /// To the file.
    Direct,
    /// To `/collections/c/items/i/assets/<key>`, which redirects to a presigned URL; the file's own is in
    /// `alternate.s3` (stac-server's asset proxy).
    Proxied,
}

impl Default for Quirks {
    fn default() -> Quirks {
        Quirks {
            post: Method::Served,
            get: Method::Served,
            slash: Slash::Either,
            errors: ErrorShape::Code,
            conformance: Conformance::True,
            search_links: SearchLinks::PerMethod,
            format_param: None,
            link_origin: None,
            children: Children::Catalogs,
            default_limit: 10,
            max_limit: 10_000,
            over_limit: OverLimit::Clamped,
            breaks_above: None,
            longest_url: None,
            count: Count::Matched,
            next: Next::Token,
            next_fault: None,
            bbox: BboxRule::All,
            time: TimeRule::Span,
            filter: Filtering::Both,
            query: Support::Yes,
            sort: Sorting::Any,
            free_text: Support::Yes,
            fields: FieldsRule::Specification,
            aggregation: Support::Yes,
            search: Support::Yes,
            collection_pages: CollectionPages::Of(100),
            collection_search: Support::Yes,
            missing_item: MissingItem::NotFound,
            ids: Ids::Text,
            stac_version: None,
            without: Vec::new(),
            bbox_unit: BboxUnit::Degrees,
            hrefs: Hrefs::Direct,
            gzip: Support::Yes,
        }
    }
}

impl Quirks {
    /// stac-server 5.
    fn stac_server() -> Quirks {
        Quirks {
            slash: Slash::Forbidden,
            breaks_above: Some(600),
            longest_url: Some(8192),
            count: Count::Both,
            next: Next::NextParam,
            next_fault: Some(NextFault::EmptyLastPage),
            bbox: BboxRule::OnTheMap,
            time: TimeRule::DatetimeOnly,
            filter: Filtering::JsonOnly,
            sort: Sorting::Qualified,
            free_text: Support::No,
            fields: FieldsRule::StacServer,
            children: Children::Collections,
            collection_pages: CollectionPages::First(100),
            collection_search: Support::No,
            ..Quirks::default()
        }
    }

    /// stac-fastapi-pgstac.
    fn pgstac() -> Quirks {
        Quirks {
            slash: Slash::Redirected,
            errors: ErrorShape::FastApi,
            max_limit: 1000,
            count: Count::Untold,
            free_text: Support::No,
            fields: FieldsRule::Pgstac,
            aggregation: Support::No,
            children: Children::Collections,
            collection_pages: CollectionPages::All,
            collection_search: Support::No,
            ..Quirks::default()
        }
    }

    /// GeoServer's STAC module.
    fn geoserver() -> Quirks {
        Quirks {
            post: Method::NotAllowed,
            format_param: Some("f=application%2Fjson"),
            next: Next::StartIndex,
            query: Support::No,
            free_text: Support::No,
            filter: Filtering::TextOnly,
            aggregation: Support::No,
            children: Children::Collections,
            collection_pages: CollectionPages::All,
            collection_search: Support::No,
            gzip: Support::No,
            ..Quirks::default()
        }
    }
}
