//! A file of the embedded world: what it is, and its bytes when they are wanted.

use std::sync::Arc;

use super::raster::{Cog, Picture, Preview, Spec};
use crate::demo::http::{Bytes, Slice};

/// Media type of a cloud-optimised GeoTIFF.
pub(super) const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
/// Media type of a JPEG file.
pub(super) const JPEG: &str = "image/jpeg";
/// Media type of plain text.
pub(super) const TEXT: &str = "text/plain";
/// Media type of JSON.
pub(super) const JSON: &str = "application/json";
/// Media type of XML.
pub(super) const XML: &str = "application/xml";

/// Media type of a web page.
pub(super) const HTML: &str = "text/html";

/// A file that is not made yet.
pub(super) struct File {
    /// For `Content-Type`.
    pub media_type: &'static str,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    Raster(Box<Spec>, Arc<dyn Picture>),
    Preview(Preview),
}

impl File {
    /// A file of these bytes.
    pub fn new(media_type: &'static str, bytes: impl Into<Vec<u8>>) -> File {
        File { media_type, content: Content::Bytes(bytes.into()) }
    }

    /// A GeoTIFF.
    pub fn raster(spec: Spec, picture: Arc<dyn Picture>) -> File {
        File { media_type: COG, content: Content::Raster(Box::new(spec), picture) }
    }

    /// A thumbnail.
    pub fn preview(preview: Preview) -> File {
        File { media_type: JPEG, content: Content::Preview(preview) }
    }

    /// Its bytes. Uncompressed rasters are made while they are read, everything else here.
    pub fn bytes(self) -> Arc<dyn Bytes> {
        match self.content {
            Content::Bytes(bytes) => Arc::new(Slice(bytes)),
            Content::Raster(spec, picture) => Cog::open(*spec, picture),
            Content::Preview(preview) => Arc::new(Slice(preview.jpeg())),
        }
    }
}
