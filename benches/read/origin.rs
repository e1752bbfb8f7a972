//! The server and the line before it, and what went over them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stacfs::demo::http::{Request, Response, Server, Service};
use stacfs::demo::link::{Line, Link};
use stacfs::demo::stac::{Quirks, StacApi};

use super::world::Shelf;

/// The line of issue 4: 30 ms, 160 Mbit/s for each connection, 800 Mbit/s in all.
pub const LINE: Line =
    Line { rtt: Duration::from_millis(30), per_connection: Some(20_000_000), in_all: Some(100_000_000) };

/// How long requests may go on after their reader has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running server behind its line.
pub struct Origin {
    server: Server,
    link: Link,
    paths: Vec<String>,
}

/// What a server was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Requests of any kind.
    pub requests: u64,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// Bytes of the bodies of assets, without documents of the catalogue and lists of files.
    pub asset_bytes: u64,
}

impl Tally {
    /// As JSON.
    pub fn json(&self) -> Value {
        json!({"requests": self.requests, "bytes": self.bytes, "asset_bytes": self.asset_bytes})
    }
}

impl Origin {
    /// Starts it. Errors: no port or thread is to be had.
    pub fn start(shelf: Shelf) -> io::Result<Origin> {
        let site = Site {
            folders: folders(&shelf.paths),
            api: Arc::new(StacApi::new(Arc::new(shelf.world), Quirks::default())),
        };
        let server = Server::start(site)?;
        let link = Link::start(server.address(), LINE)?;
        Ok(Origin { server, link, paths: shelf.paths })
    }

    /// Where the STAC API is.
    pub fn stac(&self) -> String {
        format!("{}/stac", self.link.url())
    }

    /// Where the folder of a path is, with a slash at its end, or where a file is. `""` is all of them.
    pub fn assets(&self, path: &str) -> String {
        format!("{}/assets/{path}", self.link.url())
    }

    /// The same, past the line.
    pub fn assets_nearby(&self, path: &str) -> String {
        format!("{}/assets/{path}", self.server.url())
    }

    /// The URLs of all files of a collection whose names end so.
    pub fn urls(&self, collection: &str, ending: &str) -> Vec<String> {
        let within = |path: &&String| path.starts_with(&format!("{collection}/")) && path.ends_with(ending);
        self.paths.iter().filter(within).map(|path| self.assets(path)).collect()
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.server.journal().clear();
    }

    /// What was asked since, once nothing is under way any more.
    pub fn tally(&self) -> Tally {
        let journal = self.server.journal();
        journal.wait_for(PATIENCE, |entries| entries.iter().all(|entry| entry.took.is_some()));
        let mut tally = Tally::default();
        for entry in journal.entries() {
            tally.requests += 1;
            tally.bytes += entry.sent;
            if entry.path().starts_with("/assets/") && !entry.path().ends_with('/') {
                tally.asset_bytes += entry.sent;
            }
        }
        tally
    }
}

/// The STAC API with its assets, and lists of the assets as web servers give them: rclone reads these.
struct Site {
    api: Arc<StacApi>,
    folders: BTreeMap<String, BTreeSet<String>>,
}

impl Service for Site {
    fn answer(&self, request: &Request) -> Response {
        let folder =
            request.path().strip_prefix("/assets/").filter(|path| path.is_empty() || path.ends_with('/'));
        match folder.and_then(|folder| self.folders.get(folder)) {
            Some(names) => {
                let links = names.iter().map(|name| format!("<a href=\"{name}\">{name}</a>\n"));
                Response::html(200, &format!("<html><body>\n{}</body></html>\n", links.collect::<String>()))
            }
            None => self.api.answer(request),
        }
    }
}

/// What is in each folder: names of files, and of folders with a slash.
fn folders(paths: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        let mut start = 0;
        while let Some(length) = path[start..].find('/') {
            let end = start + length + 1;
            folders.entry(path[..start].to_owned()).or_default().insert(path[start..end].to_owned());
            start = end;
        }
        folders.entry(path[..start].to_owned()).or_default().insert(path[start..].to_owned());
    }
    folders
}
