//! The landing page, what the API says it conforms to, and its description.

use super::{
    documents::Documents,
    linker::{GEOJSON, JSON, SCHEMA, segment},
    quirks::{
        Children, CollectionPages, Conformance, FieldsRule, Filtering, Quirks, SearchLinks, Sorting, Support,
    },
};
use crate::demo::world::Catalog;
use serde_json::{Value, json};

/// Which documents an API root has below it.
pub(super) struct Root<'a> {
    /// Identifier, title and description.
    pub about: [&'a str; 3],
    /// The collections that are to be found there.
    pub shelves: &'a [usize],
    /// The catalogues that are to be found there.
    pub catalogs: &'a [Catalog],
    /// Whether there is a search.
    pub search: Support,
}

/// The landing page of `root`.
pub(super) fn landing(documents: &Documents, root: &Root) -> Value {
    let (linker, quirks) = (documents.linker, documents.quirks);
    let [id, title, description] = root.about;
    let bare = quirks.children == Children::Roots && !root.search.is_there();
    let mut links = [
        linker.common(JSON, ""),
        linker.links("conformance", JSON, "/conformance"),
        if bare { Vec::new() } else { linker.links("data", JSON, "/collections") },
        vec![
            json!({"rel": "service-desc", "type": OPENAPI, "href": linker.url("/api")}),
            json!({"rel": "service-doc", "type": "text/html", "href": linker.url("/api.html")}),
        ],
    ]
    .concat();
    if root.search.is_there() {
        links.extend(search_links(documents));
        links.extend(linker.links(
            "http://www.opengis.net/def/rel/ogc/1.0/queryables",
            SCHEMA,
            "/queryables",
        ));
        if quirks.aggregation.is_there() {
            links.extend(linker.links("aggregate", JSON, "/aggregate"));
            links.extend(linker.links("aggregations", JSON, "/aggregations"));
        }
    }
    for catalog in root.catalogs {
        let path = match quirks.children {
            Children::Roots => format!("/{}", segment(&catalog.id)),
            _ => format!("/catalogs/{}", segment(&catalog.id)),
        };
        links.extend(documents.child(&catalog.title, &path));
    }
    if quirks.children != Children::Catalogs {
        for &shelf in root.shelves {
            let json = &documents.index.world.collections[shelf].json;
            let id = &documents.index.shelves[shelf].id;
            let title = json["title"].as_str().unwrap_or(id);
            links.extend(documents.child(title, &format!("/collections/{}", segment(id))));
        }
    }
    let mut page = json!({
        "type": "Catalog", "stac_version": quirks.stac_version.unwrap_or("1.0.0"),
        "id": id, "title": title, "description": description,
        "conformsTo": conformance(quirks, root.search), "links": links,
    });
    if let (Conformance::Missing, Some(page)) = (quirks.conformance, page.as_object_mut()) {
        page.shift_remove("conformsTo");
    }
    page
}

fn search_links(documents: &Documents) -> Vec<Value> {
    let (linker, quirks) = (documents.linker, documents.quirks);
    let href = linker.url("/search");
    let link = |media_type: &str, method: &str| json!({"rel": "search", "type": media_type, "href": href, "method": method});
    let mut own = Vec::new();
    if quirks.get.is_offered() {
        own.push(link(GEOJSON, "GET"));
    }
    if quirks.format_param.is_some() {
        let html = linker.links("search", GEOJSON, "/search").into_iter().skip(1);
        own.extend(html.map(|mut twin| {
            twin["method"] = json!("GET");
            twin
        }));
    }
    if quirks.post.is_offered() {
        own.push(link(GEOJSON, "POST"));
    }
    match quirks.search_links {
        SearchLinks::PerMethod => own,
        SearchLinks::Bare => vec![json!({"rel": "search", "href": href})],
        SearchLinks::None => Vec::new(),
        SearchLinks::AmongOthers => {
            let description = linker.url("/opensearch.xml");
            let mut links = vec![
                json!({"rel": "search", "type": "application/opensearchdescription+xml", "href": description}),
                json!({"rel": "search", "type": "text/html", "href": linker.url("/api.html")}),
            ];
            links.extend(own);
            links
        }
    }
}

/// What `conformsTo` lists.
pub(super) fn conformance(quirks: &Quirks, search: Support) -> Vec<String> {
    const STAC: &str = "https://api.stacspec.org/v1.0.0";
    const OGC: &str = "http://www.opengis.net/spec/ogcapi";
    const CQL2: &str = "http://www.opengis.net/spec/cql2/1.0/conf";
    let core = vec![format!("{STAC}/core")];
    let all = match quirks.conformance {
        Conformance::Missing => return Vec::new(),
        Conformance::CoreOnly => return core,
        Conformance::All => true,
        Conformance::True => false,
    };
    let mut classes = core;
    classes.extend([
        format!("{STAC}/collections"),
        format!("{STAC}/ogcapi-features"),
        format!("{OGC}-features-1/1.0/conf/core"),
        format!("{OGC}-features-1/1.0/conf/geojson"),
    ]);
    if quirks.collection_search.is_there() || all {
        classes.push(format!("{STAC}-rc.1/collection-search"));
        classes.push(format!("{OGC}-common-2/1.0/conf/simple-query"));
        classes.push(format!("{STAC}-rc.1/collection-search#free-text"));
    }
    if !search.is_there() && !all {
        return classes;
    }
    classes.push(format!("{STAC}/item-search"));
    let mut extension = |name: &str, there: bool| {
        if there || all {
            classes.push(format!("{STAC}/item-search#{name}"));
            classes.push(format!("{STAC}/ogcapi-features#{name}"));
        }
    };
    let text = matches!(quirks.filter, Filtering::Both | Filtering::TextOnly);
    let json = matches!(quirks.filter, Filtering::Both | Filtering::JsonOnly);
    extension("fields", quirks.fields != FieldsRule::Ignored);
    extension("sort", quirks.sort != Sorting::Ignored);
    extension("query", quirks.query.is_there());
    extension("filter", text || json);
    if quirks.free_text.is_there() || all {
        classes.push("https://api.stacspec.org/v1.0.0-rc.1/item-search#free-text".into());
    }
    if text || json || all {
        classes.push(format!("{OGC}-features-3/1.0/conf/filter"));
        classes.push(format!("{OGC}-features-3/1.0/conf/features-filter"));
        let encodings = [("cql2-text", text), ("cql2-json", json)];
        classes.extend(
            encodings.iter().filter(|(_, there)| *there || all).map(|(name, _)| format!("{CQL2}/{name}")),
        );
        let mut parts = vec!["basic-cql2", "basic-spatial-functions"];
        if text || all {
            parts.extend([
                "advanced-comparison-operators",
                "case-insensitive-comparison",
                "temporal-functions",
            ]);
        }
        classes.extend(parts.iter().map(|part| format!("{CQL2}/{part}")));
    }
    if quirks.aggregation.is_there() || all {
        classes.push("https://api.stacspec.org/v0.3.0/aggregation".into());
    }
    classes
}

/// The media type of the description.
pub(super) const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";

/// The description of the API: its paths, and the limits of pages.
pub(super) fn openapi(quirks: &Quirks) -> Value {
    let limit = json!({
        "name": "limit", "in": "query", "required": false,
        "schema": {"type": "integer", "minimum": 1, "maximum": quirks.max_limit, "default": quirks.default_limit},
    });
    let get = |summary: &str, parameters: Value| json!({"get": {"summary": summary, "parameters": parameters, "responses": {"200": {"description": "OK"}}}});
    let path =
        |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let pages = match quirks.collection_pages {
        CollectionPages::Of(_) => json!([limit]),
        CollectionPages::All | CollectionPages::First(_) => json!([]),
    };
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Embedded STAC API", "version": "1.0.0"},
        "paths": {
            "/": get("Landing page", json!([])),
            "/conformance": get("Conformance classes", json!([])),
            "/collections": get("Collections", pages),
            "/collections/{collectionId}": get("A collection", json!([path("collectionId")])),
            "/collections/{collectionId}/items": get("Items of a collection", json!([path("collectionId"), limit])),
            "/collections/{collectionId}/items/{itemId}": get("An item", json!([path("collectionId"), path("itemId")])),
            "/search": get("Search", json!([limit])),
        },
    })
}
