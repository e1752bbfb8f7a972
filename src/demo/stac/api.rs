//! The STAC API as a service: which document answers which path.

use super::{
    aggregate, collections,
    documents::Documents,
    index::Index,
    landing::{self, OPENAPI, Root},
    linker::{GEOJSON, JSON, Linker, SCHEMA, segment},
    paging,
    params::{Asked, Verb},
    problem::Problem,
    quirks::{Children, Count, ErrorShape, Hrefs, Method, MissingItem, NextFault, Quirks, Slash, Support},
    search::Search,
};
use crate::demo::{
    http::{Body, Lifetime, Request, Response, Service, Signatures, answer_content, hex},
    world::{Catalog, World},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// How long presigned URLs of the asset proxy are good: stac-server's default.
const PRESIGNED: Duration = Duration::from_secs(300);

/// A STAC API at `/stac`, with the assets at `/assets/`.
pub struct StacApi {
    index: Index,
    quirks: RwLock<Arc<Quirks>>,
    signatures: Signatures,
}

/// One request on its way through the API.
struct Visit<'a> {
    api: &'a StacApi,
    quirks: &'a Quirks,
    request: &'a Request,
    linker: Linker,
    /// The collections in view.
    shelves: Vec<usize>,
    catalogs: &'a [Catalog],
    about: [&'a str; 3],
    search: Support,
}

impl StacApi {
    /// An API over `world`.
    pub fn new(world: Arc<World>, quirks: Quirks) -> StacApi {
        let signatures = Signatures::new(Lifetime::Time(PRESIGNED));
        StacApi { index: Index::new(world), quirks: RwLock::new(Arc::new(quirks)), signatures }
    }

    /// Changes the quirks, from the next request on.
    pub fn set_quirks(&self, quirks: Quirks) {
        *self.quirks.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(quirks);
    }

    fn serve(&self, request: &Request, quirks: &Quirks) -> Result<Response, Problem> {
        if quirks.longest_url.is_some_and(|most| request.target.len() > most) {
            return Err(Problem::TooLong);
        }
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match *path.as_slice() {
            ["assets", ..] => Ok(self.asset(request, &path[1..].join("/"), quirks)),
            ["stac", ..] => {
                let (needs_redirect, lost) = slash(request.path(), path.len() == 1, quirks.slash);
                if lost {
                    return Err(Problem::NotFound("Not Found".into()));
                }
                if needs_redirect {
                    return Ok(without_slash(request));
                }
                Visit::new(self, quirks, request).enter(&path[1..])
            }
            _ => Err(Problem::NotFound("Not Found".into())),
        }
    }

    fn asset(&self, request: &Request, path: &str, quirks: &Quirks) -> Response {
        let refusal = (quirks.hrefs == Hrefs::Proxied).then(|| self.signatures.refuse(request)).flatten();
        if let Some(refusal) = refusal {
            return refusal;
        }
        match self.index.world.assets.asset(path) {
            Some(content) => answer_content(request, &content),
            None => Response::bytes(404, "application/xml", "<Error><Code>NoSuchKey</Code></Error>"),
        }
    }
}

impl Service for Arc<StacApi> {
    fn answer(&self, request: &Request) -> Response {
        let quirks = Arc::clone(&self.quirks.read().unwrap_or_else(PoisonError::into_inner));
        let html = quirks.format_param.is_some() && request.param("f").as_deref() == Some("text/html");
        if html {
            return Response::html(200, "<html><body><p>This page is for people.</p></body></html>");
        }
        let response = self.serve(request, &quirks).unwrap_or_else(|problem| problem.response(quirks.errors));
        if quirks.gzip.is_there() { response.compressed_for(request) } else { response }
    }
}

/// Whether `path` must be redirected for its final slash, and whether it leads nowhere for it.
fn slash(path: &str, is_root: bool, rule: Slash) -> (bool, bool) {
    let has = path.ends_with('/');
    match rule {
        Slash::Either => (false, false),
        Slash::Forbidden => (false, has),
        Slash::Needed => (false, !has),
        Slash::Redirected => (has && !is_root, false),
    }
}

fn without_slash(request: &Request) -> Response {
    let query = if request.query().is_empty() { String::new() } else { format!("?{}", request.query()) };
    let path = request.path().trim_end_matches('/');
    Response::redirect(307, &format!("{}{path}{query}", request.origin()))
}

impl<'a> Visit<'a> {
    fn new(api: &'a StacApi, quirks: &'a Quirks, request: &'a Request) -> Visit<'a> {
        let world = &*api.index.world;
        let search = if quirks.children == Children::Roots { Support::No } else { quirks.search };
        Visit {
            api,
            quirks,
            request,
            linker: Linker::new(request, quirks),
            shelves: (0..api.index.shelves.len()).collect(),
            catalogs: &world.catalogs,
            about: [&world.id, &world.title, &world.description],
            search,
        }
    }

    /// Enters a child catalogue that is an API root of its own, and those below it, or stays.
    fn enter(mut self, path: &[&str]) -> Result<Response, Problem> {
        if self.quirks.children == Children::Roots
            && let Some((first, rest)) = path.split_first()
            && let Some(catalog) = self.catalogs.iter().find(|catalog| catalog.id == *first)
        {
            self.linker = self.linker.below(&catalog.id);
            let shelves = &self.api.index.shelves;
            self.shelves = (0..shelves.len()).filter(|&at| catalog.holds(&shelves[at].id)).collect();
            self.catalogs = &catalog.catalogs;
            self.about = [&catalog.id, &catalog.title, &catalog.description];
            self.search = self.quirks.search;
            return self.enter(rest);
        }
        self.route(path)
    }

    fn documents(&self) -> Documents<'_> {
        Documents { index: &self.api.index, linker: &self.linker, quirks: self.quirks }
    }

    fn route(&self, path: &[&str]) -> Result<Response, Problem> {
        let below = path.iter().map(|part| format!("/{}", segment(part))).collect::<String>();
        if let ["search", ..] = path {
            return self.search(&below);
        }
        let allowed = match self.request.method.as_str() {
            "GET" | "HEAD" => true,
            "POST" => path.ends_with(&["aggregate"]),
            _ => false,
        };
        if !allowed {
            return Err(Problem::NotAllowed);
        }
        let documents = self.documents();
        match *path {
            [] => {
                let Visit { about, ref shelves, catalogs, search, .. } = *self;
                self.document(JSON, &landing::landing(&documents, &Root { about, shelves, catalogs, search }))
            }
            ["conformance"] => {
                self.document(JSON, &json!({"conformsTo": landing::conformance(self.quirks, self.search)}))
            }
            ["api"] => self.document(OPENAPI, &landing::openapi(self.quirks)),
            ["api.html"] => Ok(Response::html(200, "<html><body><h1>STAC API</h1></body></html>")),
            ["opensearch.xml"] => Ok(Response::bytes(
                200,
                "application/opensearchdescription+xml",
                "<OpenSearchDescription xmlns=\"http://a9.com/-/spec/opensearch/1.1/\"/>",
            )),
            ["queryables"] => {
                self.document(SCHEMA, &collections::queryables(&documents, &self.shelves, &below))
            }
            ["collections"] if self.is_root_of_roots() => {
                Err(Problem::NotFound("Provider [collections] not found".into()))
            }
            ["collections"] => {
                let asked = Asked::read(self.request, &below)?;
                self.document(JSON, &collections::list(&documents, &self.shelves, &asked)?)
            }
            ["aggregations"] | ["collections", _, "aggregations"] => self.aggregations(&below),
            ["aggregate"] => self.aggregate(&below, &self.shelves),
            ["collections", id] => self.document(JSON, &documents.collection(self.shelf(id)?)),
            ["collections", id, "queryables"] => {
                self.document(SCHEMA, &collections::queryables(&documents, &[self.shelf(id)?], &below))
            }
            ["collections", id, "aggregate"] => self.aggregate(&below, &[self.shelf(id)?]),
            ["collections", id, "items"] => {
                let shelf = self.shelf(id)?;
                self.find(Asked::read(self.request, &below)?, &[shelf])
            }
            ["collections", id, "items", item] => self.item(self.shelf(id)?, item),
            ["collections", id, "items", item, "assets", key] => self.proxy(self.shelf(id)?, item, key),
            ["catalogs", ..] => self.catalog(&path[1..], &below),
            _ => Err(Problem::NotFound("Not Found".into())),
        }
    }

    /// Whether this is the root above others, which has nothing of its own.
    fn is_root_of_roots(&self) -> bool {
        self.quirks.children == Children::Roots && !self.search.is_there()
    }

    fn shelf(&self, id: &str) -> Result<usize, Problem> {
        let shelf = self.api.index.shelf(id).filter(|shelf| self.shelves.contains(shelf));
        shelf.ok_or_else(|| {
            Problem::NotFound(match self.quirks.errors {
                ErrorShape::FastApi => format!("Collection {id} does not exist."),
                _ => "Collection not found".into(),
            })
        })
    }

    /// A JSON document with a weak validator.
    fn document(&self, media_type: &str, value: &Value) -> Result<Response, Problem> {
        let text = value.to_string();
        let etag = format!("W/\"{}\"", hex(&Sha256::digest(&text)[..8]));
        if self.request.header("if-none-match").is_some_and(|known| known.contains(&etag)) {
            return Ok(Response::empty(304).with("ETag", etag));
        }
        Ok(Response::bytes(200, media_type, text).with("ETag", etag))
    }

    fn item(&self, shelf: usize, id: &str) -> Result<Response, Problem> {
        let collection = &self.api.index.shelves[shelf].id;
        // FastAPI decodes the path before it is routed, so a slash in an id leads astray.
        let lost = self.quirks.errors == ErrorShape::FastApi && id.contains('/');
        match self.api.index.find(shelf, id).filter(|_| !lost) {
            Some(at) => self.document(GEOJSON, &self.documents().item(at)),
            None if self.quirks.missing_item == MissingItem::EmptyObject => self.document(JSON, &json!({})),
            None => Err(Problem::NotFound(match self.quirks.errors {
                ErrorShape::FastApi => format!("Item {id} in Collection {collection} does not exist."),
                _ => "Item not found".into(),
            })),
        }
    }

    /// Redirects to a presigned URL of an asset (stac-server's asset proxy).
    fn proxy(&self, shelf: usize, id: &str, key: &str) -> Result<Response, Problem> {
        let missing = || Problem::NotFound("Asset not found".into());
        let at = self.api.index.find(shelf, id).filter(|_| self.quirks.hrefs == Hrefs::Proxied);
        let item = self.api.index.item(at.ok_or_else(missing)?);
        let href = item["assets"][key]["href"].as_str().ok_or_else(missing)?;
        let url = self.linker.asset(href);
        let own = url.strip_prefix(&self.request.origin());
        let location =
            own.map_or(url.clone(), |target| self.api.signatures.sign(&self.request.origin(), target));
        Ok(Response::redirect(302, &location))
    }

    fn catalog(&self, path: &[&str], below: &str) -> Result<Response, Problem> {
        let mut level = self.catalogs;
        let mut found = None;
        for id in path {
            found = level.iter().find(|catalog| catalog.id == *id);
            level = found.map(|catalog| catalog.catalogs.as_slice()).unwrap_or_default();
        }
        let catalog = found.ok_or_else(|| Problem::NotFound("Catalog not found".into()))?;
        self.document(JSON, &self.documents().catalog(catalog, below))
    }

    fn search(&self, below: &str) -> Result<Response, Problem> {
        if !self.search.is_there() {
            return Err(Problem::NotFound("Not Found".into()));
        }
        let rule = match self.request.method.as_str() {
            "GET" | "HEAD" => self.quirks.get,
            "POST" => self.quirks.post,
            _ => Method::NotAllowed,
        };
        match rule {
            Method::Served => self.find(Asked::read(self.request, below)?, &self.shelves),
            Method::OnePage => {
                let response = self.find(Asked::read(self.request, below)?, &self.shelves)?;
                let has_next = matches!(&response.body, Body::Whole(text)
                    if String::from_utf8_lossy(text).contains("\"rel\":\"next\""));
                Ok(if has_next { Response::text(500, "unsupported value") } else { response })
            }
            Method::NotAllowed => Err(Problem::NotAllowed),
            Method::NotImplemented => Ok(Response::text(501, "Not Implemented")),
            Method::Forbidden => Ok(Response::html(
                403,
                "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>\
                 This distribution is not configured to allow the HTTP request method that was used for this \
                 request. The distribution supports only cachable requests.</BODY></HTML>",
            )),
        }
    }

    /// Answers a search among the collections at `shelves` with one page.
    fn find(&self, asked: Asked, shelves: &[usize]) -> Result<Response, Problem> {
        let (index, quirks) = (&self.api.index, self.quirks);
        let asked = paging::unpack(asked, quirks)?;
        let search = Search::parse(&asked.body, quirks)?;
        let found = search.run(index, shelves);
        let shown = paging::page(&asked, &found, &search, index, quirks)?;
        if quirks.breaks_above.is_some_and(|most| shown.len() > most) {
            return Err(Problem::TooLarge);
        }
        let documents = self.documents();
        let dress = |item| match &search.fields {
            Some(fields) => fields.apply(item, quirks.fields),
            None => item,
        };
        let features: Vec<Value> = found[shown.clone()].iter().map(|&at| dress(documents.item(at))).collect();
        let mut links =
            [self.linker.links("self", GEOJSON, &asked.path), self.linker.links("root", JSON, "")].concat();
        let hidden = quirks.next_fault == Some(NextFault::SortHidden)
            && features.last().is_some_and(|item| !search.shows_order_of(item));
        if !hidden {
            let maker = (index, &self.linker, quirks);
            links.extend(paging::next_link(&asked, &found, &shown, &search, maker));
        }
        let mut answer = json!({"type": "FeatureCollection", "stac_version": "1.0.0"});
        if matches!(quirks.count, Count::Context | Count::Both) {
            answer["context"] =
                json!({"limit": search.limit, "matched": found.len(), "returned": features.len()});
        }
        if matches!(quirks.count, Count::Matched | Count::Both) {
            answer["numberMatched"] = json!(found.len());
        }
        answer["numberReturned"] = json!(features.len());
        answer["features"] = Value::Array(features);
        answer["links"] = Value::Array(links);
        Ok(Response::bytes(200, GEOJSON, answer.to_string()))
    }

    fn aggregations(&self, below: &str) -> Result<Response, Problem> {
        if !self.quirks.aggregation.is_there() {
            return Err(Problem::NotFound("Not Found".into()));
        }
        let links = self.linker.common(JSON, below);
        self.document(JSON, &json!({"aggregations": aggregate::names(), "links": links}))
    }

    fn aggregate(&self, below: &str, shelves: &[usize]) -> Result<Response, Problem> {
        if !self.quirks.aggregation.is_there() {
            return Err(Problem::NotFound("Not Found".into()));
        }
        let asked = Asked::read(self.request, below)?;
        let names = match asked.body.get("aggregations") {
            Some(Value::String(names)) if asked.verb == Verb::Get => names.clone(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            _ => return Err(Problem::Invalid("aggregations is missing".into())),
        };
        let found = Search::parse(&asked.body, self.quirks)?.run(&self.api.index, shelves);
        let aggregations = aggregate::aggregate(&names, &found, &self.api.index).map_err(Problem::Invalid)?;
        self.document(JSON, &json!({"aggregations": aggregations, "links": self.linker.common(JSON, below)}))
    }
}
