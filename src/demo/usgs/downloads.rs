//! The download hosts of M2M: `dds.cr.usgs.gov` and `landsatlook.usgs.gov` in one.
//!
//! In: GETs and HEADs of the URLs that M2M gave out, without any login. Out: bytes, ranges honoured. URLs expire;
//! browse images need none. Faults of the HTTP server take lengths, ranges and whole bodies away.

use std::sync::Arc;

use super::base64;
use super::files::{self, Size};
use super::m2m::{Disposition, Download, M2m, What};
use super::scenes::Scene;
use crate::demo::http::{Content, Request, Response, Service, Slice, answer_content};

/// The download hosts.
pub struct Downloads(pub Arc<M2m>);

impl Service for Downloads {
    fn answer(&self, request: &Request) -> Response {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["gen-browse"] => self.browse(request),
            ["download" | "download-staging", ticket] => self.download(request, ticket),
            ["gen-bundle"] | ["data", "collection02", ..] => {
                self.download(request, &request.param("requestSignature").unwrap_or_default())
            }
            _ => not_found(),
        }
    }
}

impl Downloads {
    fn download(&self, request: &Request, ticket: &str) -> Response {
        let Some(download) = self.0.by_ticket(ticket) else {
            return Response::text(403, "Request has expired or is not signed");
        };
        if !download.is_available() {
            // The page that a staged download shows until it is ready: no length, no name.
            return Response::html(200, "<html><body>Your download is being prepared.</body></html>");
        }
        let archive = self.0.archive();
        let Some(scene) = download.ware.scene_in(&archive) else { return not_found() };
        self.0.note_fetched(download.id);
        let bytes = match download.ware.what {
            What::Bundle => self.0.bundle(&scene),
            _ => Arc::new(Slice(download.ware.bytes(&scene))),
        };
        let content = Content {
            bytes,
            media_type: download.ware.media_type().to_owned(),
            etag: None,
            last_modified: modified(&download.ware.what, &scene),
        };
        let response = answer_content(request, &content);
        let name = download.ware.file_name(&scene);
        match self.0.quirks().disposition {
            Disposition::Absent => response,
            Disposition::Named => {
                response.with("Content-Disposition", format!("attachment; filename=\"{name}\""))
            }
            Disposition::Climbing => {
                response.with("Content-Disposition", format!("attachment; filename=\"../../tmp/{name}\""))
            }
        }
    }

    fn browse(&self, request: &Request) -> Response {
        let size = match request.param("size").as_deref() {
            Some("thumb") => Size::Thumbnail,
            Some("rrb") => Size::Browse,
            _ => return not_found(),
        };
        let archive = self.0.archive();
        let id = request.param("product_id").unwrap_or_default();
        let Some(scene) = archive.by_display_id(&id) else { return not_found() };
        let content = Content {
            bytes: Arc::new(Slice(files::browse(&scene, size))),
            media_type: "image/jpeg".into(),
            etag: None,
            last_modified: None,
        };
        answer_content(request, &content)
    }
}

/// Single files lie in a bucket and have a date; bundles are built on the fly.
fn modified(what: &What, scene: &Scene<'_>) -> Option<jiff::Timestamp> {
    let midnight = || scene.processed().to_zoned(jiff::tz::TimeZone::UTC).ok();
    matches!(what, What::Part(_)).then(midnight).flatten().map(|at| at.timestamp())
}

fn not_found() -> Response {
    Response::html(
        404,
        "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>",
    )
}

/// The ticket in a download's URL.
pub fn ticket(download: &Download) -> String {
    base64::encode(format!("{{\"id\":{},\"contactId\":{}}}", download.id, download.contact).as_bytes())
}
