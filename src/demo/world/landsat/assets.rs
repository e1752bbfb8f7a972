//! Which files a Landsat scene has, and what its item says of them.

use serde_json::{Value, json};

use super::super::file::{COG, HTML, JPEG, JSON, TEXT, XML};
use super::super::raster::earth::{Product, Wavelength};
use super::PIXEL;
use super::mtl;

/// What makes reflectances of stored values.
pub(super) const REFLECTANCE: (f64, f64) = (0.0000275, -0.2);
/// What makes kelvins of stored values.
pub(super) const KELVIN: (f64, f64) = (0.00341802, 149.0);

/// A GeoTIFF of a scene.
#[derive(Debug, PartialEq)]
pub(super) struct Band {
    pub(super) product: Product,
    pub(super) nodata: f64,
    pub(super) scale: Option<(f64, f64)>,
    /// USGS's name, STAC's common name, and micrometres.
    pub(super) spectral: Option<(&'static str, &'static str, f64)>,
}

impl Band {
    /// Adds what the extensions say of bands to an asset.
    pub(super) fn describe(&self, asset: &mut Value) {
        let mut raster = json!({"data_type": "uint16", "nodata": self.nodata, "spatial_resolution": PIXEL});
        if let Some((scale, offset)) = self.scale {
            raster["scale"] = json!(scale);
            raster["offset"] = json!(offset);
        }
        match self.product {
            Product::Temperature(..) => raster["unit"] = json!("kelvin"),
            Product::PixelQuality => raster["unit"] = json!("bit index"),
            _ => {}
        }
        asset["raster:bands"] = json!([raster]);
        if let Some((name, common, micrometres)) = self.spectral {
            asset["eo:bands"] =
                json!([{"name": name, "common_name": common, "center_wavelength": micrometres}]);
        }
    }
}

/// What a file is.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Index,
    /// Reduced by 2^n.
    Preview(u32),
    Band(Band),
    Metadata(mtl::Form),
    Angles,
}

pub(super) struct Asset {
    pub(super) key: &'static str,
    /// What follows the product's id and an underscore in the name of the file.
    pub(super) ending: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) media_type: &'static str,
    pub(super) roles: &'static [&'static str],
    pub(super) kind: Kind,
}

const fn asset(
    key: &'static str,
    ending: &'static str,
    [title, description]: [&'static str; 2],
    media_type: &'static str,
    roles: &'static [&'static str],
    kind: Kind,
) -> Asset {
    Asset { key, ending, title, description, media_type, roles, kind }
}

const fn reflective(
    key: &'static str,
    ending: &'static str,
    texts: [&'static str; 2],
    wavelength: Wavelength,
    name: &'static str,
    micrometres: f64,
) -> Asset {
    let (scale, offset) = REFLECTANCE;
    let product = Product::Band(wavelength, scale as f32, offset as f32);
    let band =
        Band { product, nodata: 0.0, scale: Some(REFLECTANCE), spectral: Some((name, key, micrometres)) };
    asset(key, ending, texts, COG, &["data", "reflectance"], Kind::Band(band))
}

pub(super) const TEMPERATURE: Band = Band {
    product: Product::Temperature(KELVIN.0 as f32, KELVIN.1 as f32),
    nodata: 0.0,
    scale: Some(KELVIN),
    spectral: Some(("TIRS_B10", "lwir11", 10.9)),
};
pub(super) const QUALITY: Band =
    Band { product: Product::PixelQuality, nodata: 1.0, scale: None, spectral: None };

pub(super) const ASSETS: [Asset; 15] = [
    asset(
        "thumbnail",
        "thumb_small.jpeg",
        ["Thumbnail image", "A small picture"],
        JPEG,
        &["thumbnail"],
        Kind::Preview(2),
    ),
    asset(
        "reduced_resolution_browse",
        "thumb_large.jpeg",
        ["Reduced resolution browse image", "A picture in natural colours"],
        JPEG,
        &["overview"],
        Kind::Preview(0),
    ),
    asset("index", "", ["HTML index page", "A page for people"], HTML, &["metadata"], Kind::Index),
    reflective(
        "blue",
        "SR_B2.TIF",
        ["Blue Band (B2)", "Surface reflectance, 0.45 to 0.51 µm"],
        Wavelength::Blue,
        "OLI_B2",
        0.48,
    ),
    reflective(
        "green",
        "SR_B3.TIF",
        ["Green Band (B3)", "Surface reflectance, 0.53 to 0.59 µm"],
        Wavelength::Green,
        "OLI_B3",
        0.56,
    ),
    reflective(
        "red",
        "SR_B4.TIF",
        ["Red Band (B4)", "Surface reflectance, 0.64 to 0.67 µm"],
        Wavelength::Red,
        "OLI_B4",
        0.65,
    ),
    reflective(
        "nir08",
        "SR_B5.TIF",
        ["Near Infrared Band 0.8 (B5)", "Surface reflectance, 0.85 to 0.88 µm"],
        Wavelength::Nir08,
        "OLI_B5",
        0.87,
    ),
    reflective(
        "swir16",
        "SR_B6.TIF",
        ["Short-wave Infrared Band 1.6 (B6)", "Surface reflectance, 1.57 to 1.65 µm"],
        Wavelength::Swir16,
        "OLI_B6",
        1.61,
    ),
    reflective(
        "swir22",
        "SR_B7.TIF",
        ["Short-wave Infrared Band 2.2 (B7)", "Surface reflectance, 2.11 to 2.29 µm"],
        Wavelength::Swir22,
        "OLI_B7",
        2.2,
    ),
    asset(
        "lwir11",
        "ST_B10.TIF",
        ["Surface Temperature Band (B10)", "Temperature of the surface"],
        COG,
        &["data", "temperature"],
        Kind::Band(TEMPERATURE),
    ),
    asset(
        "qa_pixel",
        "QA_PIXEL.TIF",
        ["Pixel Quality Assessment Band", "Bits: 3 cloud, 4 cloud shadow, 6 clear, 7 water"],
        COG,
        &["cloud", "cloud-shadow", "water-mask"],
        Kind::Band(QUALITY),
    ),
    asset(
        "mtl.txt",
        "MTL.txt",
        ["Product Metadata File (txt)", "Metadata as ODL"],
        TEXT,
        &["metadata"],
        Kind::Metadata(mtl::Form::Odl),
    ),
    asset(
        "mtl.json",
        "MTL.json",
        ["Product Metadata File (json)", "Metadata as JSON"],
        JSON,
        &["metadata"],
        Kind::Metadata(mtl::Form::Json),
    ),
    asset(
        "mtl.xml",
        "MTL.xml",
        ["Product Metadata File (xml)", "Metadata as XML"],
        XML,
        &["metadata"],
        Kind::Metadata(mtl::Form::Xml),
    ),
    asset(
        "ang",
        "ANG.txt",
        ["Angle Coefficients File", "Angles of the sun and the satellite"],
        TEXT,
        &["metadata"],
        Kind::Angles,
    ),
];
