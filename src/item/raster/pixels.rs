//! What a pixel holds.

use serde_json::Value;

use crate::item::Asset;

/// How a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sample {
    /// 0 to 255.
    U8,
    /// -128 to 127.
    I8,
    /// 16 bits, unsigned.
    U16,
    /// 16 bits, signed.
    I16,
    /// 32 bits, unsigned.
    U32,
    /// 32 bits, signed.
    I32,
    /// 64 bits, unsigned.
    U64,
    /// 64 bits, signed.
    I64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Complex, of 16-bit integers.
    ComplexI16,
    /// Complex, of 32-bit integers.
    ComplexI32,
    /// Complex, single precision.
    ComplexF32,
    /// Complex, double precision.
    ComplexF64,
}

/// Each type with STAC's name and GDAL's.
const NAMES: [(Sample, &str, &str); 14] = [
    (Sample::U8, "uint8", "Byte"),
    (Sample::I8, "int8", "Int8"),
    (Sample::U16, "uint16", "UInt16"),
    (Sample::I16, "int16", "Int16"),
    (Sample::U32, "uint32", "UInt32"),
    (Sample::I32, "int32", "Int32"),
    (Sample::U64, "uint64", "UInt64"),
    (Sample::I64, "int64", "Int64"),
    (Sample::F32, "float32", "Float32"),
    (Sample::F64, "float64", "Float64"),
    (Sample::ComplexI16, "cint16", "CInt16"),
    (Sample::ComplexI32, "cint32", "CInt32"),
    (Sample::ComplexF32, "cfloat32", "CFloat32"),
    (Sample::ComplexF64, "cfloat64", "CFloat64"),
];

impl Sample {
    /// A type by its name in STAC.
    pub fn from_stac(name: &str) -> Option<Sample> {
        NAMES.iter().find(|(_, stac, _)| *stac == name).map(|(sample, ..)| *sample)
    }

    /// Its name in GDAL.
    pub fn gdal(self) -> &'static str {
        NAMES.iter().find(|(sample, ..)| *sample == self).map_or("Unknown", |(.., gdal)| gdal)
    }
}

/// Bands, their type and nodata value, as far as they are known: the same for all bands of a file.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pixels {
    /// How many bands.
    pub bands: Option<usize>,
    /// How their values are stored.
    pub sample: Option<Sample>,
    /// The value of a pixel that nothing was seen in.
    pub nodata: Option<f64>,
    /// What physical values are made of stored ones with: scale and offset.
    pub scale: Option<(f64, f64)>,
}

impl Pixels {
    /// What an asset says: by `raster:bands`, by STAC 1.1's `bands`, or by itself.
    pub(super) fn declared(asset: &Asset) -> Pixels {
        let list =
            |key: &str| asset.fields.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
        let bands = list("raster:bands").or_else(|| list("bands")).or_else(|| list("eo:bands"));
        // What differs between bands is not said of all.
        let common = |key: &str| {
            let mut values = bands.into_iter().flatten().map(|band| band.get(key));
            let first = values.next().flatten()?;
            values.all(|other| other == Some(first)).then_some(first)
        };
        let said = |key: &str| common(key).or_else(|| asset.fields.get(key));
        let number = |key: &str| {
            let own = || asset.fields.get(&format!("raster:{key}"));
            common(key).or_else(|| common(&format!("raster:{key}"))).or_else(own).and_then(Value::as_f64)
        };
        let (scale, offset) = (number("scale"), number("offset"));
        Pixels {
            bands: bands.map(Vec::len),
            sample: said("data_type").and_then(Value::as_str).and_then(Sample::from_stac),
            nodata: said("nodata").and_then(nodata),
            scale: (scale.is_some() || offset.is_some())
                .then(|| (scale.unwrap_or(1.0), offset.unwrap_or(0.0))),
        }
    }
}

/// A number, or one of the words that JSON has no number for.
fn nodata(value: &Value) -> Option<f64> {
    match value {
        Value::String(word) if word.eq_ignore_ascii_case("nan") => Some(f64::NAN),
        Value::String(word) if word == "inf" => Some(f64::INFINITY),
        Value::String(word) if word == "-inf" => Some(f64::NEG_INFINITY),
        Value::String(number) => number.trim().parse().ok(),
        number => number.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_version_of_the_extension_is_read() {
        let of = |fields: Value| {
            Pixels::declared(&Asset { key: "a".into(), fields: fields.as_object().unwrap().clone() })
        };
        let scaled = Pixels {
            bands: Some(1),
            sample: Some(Sample::I16),
            nodata: Some(-32768.0),
            scale: Some((0.5, 0.0)),
        };
        let band = json!({"data_type": "int16", "nodata": -32768, "scale": 0.5});
        assert_eq!(of(json!({"raster:bands": [band]})), scaled);
        let newer =
            json!({"bands": [{"name": "B"}], "data_type": "int16", "nodata": "-32768", "raster:scale": 0.5});
        assert_eq!(of(newer), scaled);
        assert!(of(json!({"nodata": "nan"})).nodata.unwrap().is_nan());
        let mixed = of(json!({"bands": [{"data_type": "uint8"}, {"data_type": "int8"}]}));
        assert_eq!((mixed.bands, mixed.sample), (Some(2), None));
        assert_eq!(of(json!({})), Pixels::default());
    }
}
