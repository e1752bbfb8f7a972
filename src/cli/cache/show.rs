//! What is in the cache, as text and as JSON.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use crate::cache::{Cache, Stocked};
use crate::cli::{Outcome, print};
use crate::report::render::{bytes, printable};

/// How full it is, and of what.
pub(super) fn info(folder: &Path, cache: &Cache, as_json: bool) -> Outcome {
    let stock = cache.stock();
    let (documents, document_bytes) = cache.stock_of_documents();
    let here: u64 = stock.iter().map(|stocked| stocked.here).sum();
    let whole = stock.iter().filter(|stocked| stocked.here == stocked.size).count();
    let pinned: Vec<&Stocked> = stock.iter().filter(|stocked| !stocked.pins.is_empty()).collect();
    let pinned_bytes: u64 = pinned.iter().map(|stocked| stocked.here).sum();
    let searches: BTreeSet<&String> = pinned.iter().flat_map(|stocked| &stocked.pins).collect();
    let limit = cache.usage().map_or(0, |usage| usage.limit);
    if as_json {
        let text = json!({
            "folder": folder, "limit": limit, "bytes": here, "files": stock.len(), "whole": whole,
            "pinned": {"files": pinned.len(), "bytes": pinned_bytes, "searches": searches},
            "documents": {"files": documents, "bytes": document_bytes},
        });
        return print(&format!("{text:#}\n"));
    }
    print(&format!(
        "folder     {}\nfiles      {} of at most {}, {} files, {whole} of them whole\npinned     {}, {} files of {} \
         searches\nmetadata   {}, {documents} documents\n",
        printable(&folder.display().to_string()),
        bytes(here),
        bytes(limit),
        stock.len(),
        bytes(pinned_bytes),
        pinned.len(),
        searches.len(),
        bytes(document_bytes),
    ))
}

/// Every object in it.
pub(super) fn list(cache: &Cache, pinned_only: bool, as_json: bool) -> Outcome {
    let mut stock = cache.stock();
    stock.retain(|stocked| !pinned_only || !stocked.pins.is_empty());
    if as_json {
        let rows: Vec<_> = stock.iter().map(row).collect();
        return print(&format!("{:#}\n", json!(rows)));
    }
    let lines: String = stock.iter().map(line).collect();
    print(&lines)
}

fn used(stocked: &Stocked) -> String {
    Timestamp::try_from(stocked.used_at).map_or_else(|_| "-".to_owned(), |at| format!("{at:.0}"))
}

fn row(stocked: &Stocked) -> serde_json::Value {
    let Stocked { identity, size, here, pins, .. } = stocked;
    json!({"href": identity, "size": size, "cached": here, "used": used(stocked), "pins": pins})
}

fn line(stocked: &Stocked) -> String {
    let part = match stocked.size {
        0 => 100,
        size => stocked.here * 100 / size,
    };
    let mark = if stocked.pins.is_empty() { ' ' } else { 'p' };
    let (here, used) = (bytes(stocked.here), used(stocked));
    format!("{used}  {here:>8}  {part:>3} %  {mark}  {}\n", printable(&stocked.identity))
}
