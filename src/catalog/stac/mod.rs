//! STAC: APIs, static catalogues, and files of items.
//!
//! In: a base URL or a file. Out: a [`Catalog`]. What stands at the URL is found out by
//! asking, at the first call.
//!
//! An API is searched in its own dialect (`plan`, `cql`, `params`); what it refuses is asked for in another way
//! (`trouble`) or done here. Its pages are followed wherever they lead but in circles (`paging`). One bad
//! member never hides the others (`items`).
//!
//! A static catalogue (`static_catalog`) is walked from link to link (`node`, `walk`), many documents at once
//! (`parallel`), and searched here; a file of items (`item_file`) is read once.

mod api;
mod border;
mod collections;
mod conformance;
mod cql;
mod href;
mod item_file;
mod items;
mod landing;
mod links;
mod node;
mod opening;
mod origin;
mod paging;
mod parallel;
mod params;
mod plan;
mod search;
mod served;
mod signing;
mod single;
mod site;
mod sorted;
mod static_catalog;
mod storage;
#[cfg(test)]
mod tests;
mod together;
mod trouble;
mod unknown;
mod unscoped;
mod walk;

use std::sync::Arc;

use url::Url;

use super::Catalog;
use super::library::Library;
use crate::config::{Limits, SourceConfig, SourceKind};
use crate::report::Report;
use opening::Opening;
use site::Site;

/// A STAC source. Nothing is asked before something is asked of it.
///
/// Credentials and headers of the source are those of `library`'s client: it holds them as grants.
pub fn open(
    config: &SourceConfig,
    library: Library,
    limits: &Limits,
    report: Arc<Report>,
) -> Arc<dyn Catalog> {
    let url = match &config.kind {
        SourceKind::Url(url) => url.clone(),
        SourceKind::File(path) => file_url(path),
        SourceKind::Usgs { m2m, .. } => m2m.clone(),
    };
    Arc::new(Opening::new(Site::new(config, url, library, limits, report)))
}

/// The URL of a file; one relative to the working directory is made absolute.
fn file_url(path: &std::path::Path) -> Url {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let fallback = || Url::parse("file:///").unwrap_or_else(|_| unreachable!("a constant URL"));
    Url::from_file_path(path).unwrap_or_else(|()| fallback())
}
