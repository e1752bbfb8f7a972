//! `README.md`: how to search here, made of the collections list alone.

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::feed::Named;
use super::rows::CollectionRow;
use crate::item::Collection;

/// Collections told of one by one; a longer list is for `ls`.
const TOLD: usize = 200;

/// The README of one source.
pub fn of_source(name: &str, rows: &[CollectionRow]) -> String {
    let collections: Vec<&Collection> =
        rows.iter().filter_map(|row| row.collection().map(|c| &**c)).collect();
    let mut text = format!("# {}\n\n", line(name));
    let _ = writeln!(
        text,
        "Each directory here is a collection, each directory in it an item, each file in that an asset.\n\
         A search is a path: every `key=value` directory narrows what is below it.\n"
    );
    text.push_str(&examples(
        collections.iter().find(|c| c.bbox().is_some()).or(collections.first()).copied(),
    ));
    text.push_str(LANGUAGE);
    if !rows.is_empty() {
        let _ = writeln!(text, "\n## Collections\n");
    }
    for row in rows.iter().take(TOLD) {
        text.push_str(&told(row));
    }
    if rows.len() > TOLD {
        let _ = writeln!(text, "- … and {} more: `ls`", rows.len() - TOLD);
    }
    text
}

/// The README at the root of several sources.
pub fn of_sources(names: &[&str]) -> String {
    let mut text = String::from(
        "# stacfs\n\nEach directory here is a source; its collections are below it, and its own README.md tells of\n\
         them. A `key=value` directory here narrows every collection of every source.\n\n",
    );
    for name in names {
        let _ = writeln!(text, "- `{}/`", line(name));
    }
    text.push('\n');
    text.push_str(LANGUAGE);
    text
}

/// What is told of `espa/`, where a source has it.
pub const ESPA: &str = "
## ESPA

`espa/orders/` has your orders of processed scenes: `status`, `progress`, `items.json`, `urls.txt`, and the archive
of each completed scene. Found by name: `espa/orders/<order>/<archive without .tar.gz>/` with the archive's members as
files, `espa/orders/all/` with purged and cancelled orders, `espa/available-products/<scene>.json`. Nothing here
places or cancels an order: that is `stacfs espa order` and `stacfs espa cancel`.
";

const LANGUAGE: &str = "\
## Searching

| in the path | meaning |
| --- | --- |
| `bbox=W,S,E,N` | degrees; W > E crosses the antimeridian; 0 to 360 is accepted |
| `intersects=NAME` | an area of yours: `NAME.geojson` in the AOI folder; or WKT: `intersects=POINT(1 2)` |
| `datetime=2018`, `2018-01`, `2018-01..2018-03`, `2018..` | a time, or a span of time |
| `max_cloud_cover=20` | percent; unknown cover is kept |
| `months=6,7,8` | months of any year |
| `path=197`, `row=30` | WRS-2 |
| `ids=a,b`, `collections=a,b` | by name |
| `<property>=v`, `<property>.lt=v` | also `ne lte gt gte in like between isnull`, e.g. `eo:cloud_cover.lt=20` |
| `filter=<CQL2>` | anything CQL2 text can say |
| `q=words` | free text |
| `sortby=-datetime` | order of the listing |
| `max_items=N` | at most N items in each listing; 0 is no limit |
| `assets=red,nir` | show only these assets, by key, name or glob |

Segments may stand in any order, and below each other. Escape `%` as `%25`.

Found by name, never listed:

- `count`: how many items match
- `by-date/2018/06/07/`: the items of a day
- `items.geojson`: all items of a directory as one layer for QGIS and GDAL
- `mosaics/<asset key>.vrt`: an asset of all of them as one raster, the newest on top; `.gti` for GDAL 3.9 and later
- `local/catalog.json`: the same items as a STAC catalogue whose hrefs lead to files here, for pystac and odc-stac
- `<item>/stack.vrt`: the bands of an item as one raster
- `CITATION.bib`, `LICENSE.txt`, `QUERYABLES.md`: of a collection
- `.stacfs/status`, `.stacfs/errors`, `.stacfs/requests`, `.stacfs/config`, `.stacfs/metrics` at the mount point: what happens, and why something failed
";

/// Commands that work in this catalogue.
fn examples(collection: Option<&Collection>) -> String {
    let Some(collection) = collection else { return String::new() };
    let name = CollectionRow::Collection(std::sync::Arc::new(collection.clone())).name();
    let mut text = format!("```sh\nls {name}\n");
    if let Some(bbox) = collection.bbox() {
        let (lon, lat) = ((bbox.west + bbox.east) / 2.0, (bbox.south + bbox.north) / 2.0);
        let around = |at: f64, by: f64| format!("{:.1}", at + by).trim_end_matches(".0").to_owned();
        let bbox = format!(
            "bbox={},{},{},{}",
            around(lon, -1.0),
            around(lat, -1.0),
            around(lon, 1.0),
            around(lat, 1.0)
        );
        let _ = writeln!(text, "cat {name}/{bbox}/count\ncp -r {name}/{bbox}/* ~/somewhere/");
    }
    if let Some(start) = collection.span().and_then(|span| span.start) {
        let day = start.to_zoned(TimeZone::UTC).date();
        let _ = writeln!(text, "ls {name}/datetime={:04}-{:02}/", day.year(), day.month());
    }
    text.push_str("```\n\n");
    text
}

fn told(row: &CollectionRow) -> String {
    let Some(collection) = row.collection() else { return format!("- `{}/`: a catalogue\n", row.name()) };
    let mut text = format!("- `{}/`", row.name());
    if let Some(title) = collection.title() {
        let _ = write!(text, ": {}", line(title));
    }
    if let Some(span) = collection.span() {
        let year = |at: Option<jiff::Timestamp>| {
            at.map(|at| at.to_zoned(TimeZone::UTC).year().to_string()).unwrap_or_default()
        };
        let _ = write!(text, " ({}–{})", year(span.start), year(span.end));
    }
    if let Some(license) = collection.license() {
        let _ = write!(text, " [{}]", line(license));
    }
    text.push('\n');
    text
}

/// A server's words on one line, without control characters, which could confuse a terminal.
fn line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect()
}
