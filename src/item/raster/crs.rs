//! Coordinate reference systems, as GDAL and PROJ read them.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A coordinate reference system: its text, as PROJ understands it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Crs {
    text: String,
    label: String,
}

impl Crs {
    /// A system of the EPSG register, by its code.
    pub fn epsg(code: u64) -> Crs {
        Crs::from_text(format!("EPSG:{code}"))
    }

    /// A system by its text: `EPSG:32632`, WKT of either version, PROJJSON or a PROJ string.
    pub fn from_text(text: String) -> Crs {
        let label = label(&text);
        Crs { text, label }
    }

    /// The first that is usable of `proj:code`, `proj:epsg`, `proj:wkt2` and `proj:projjson`.
    pub(super) fn declared<'a>(field: impl Fn(&str) -> Option<&'a Value>) -> Option<Crs> {
        let code = || Some(field("proj:code")?.as_str()?.trim()).filter(|code| is_code(code));
        // EPSG gives out no others; some write codes of Esri's here.
        let epsg = || field("proj:epsg")?.as_u64().filter(|code| (1024..=32767).contains(code));
        // One catalogue wraps its WKT in another pair of quotes.
        let wkt =
            || Some(field("proj:wkt2")?.as_str()?.trim().trim_matches('"')).filter(|wkt| !wkt.is_empty());
        let projjson = || field("proj:projjson").filter(|json| json.is_object()).map(Value::to_string);
        code()
            .map(str::to_owned)
            .or_else(|| epsg().map(|code| format!("EPSG:{code}")))
            .or_else(|| wkt().map(str::to_owned))
            .or_else(projjson)
            .map(Crs::from_text)
    }

    /// The text, as PROJ understands it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A short name that can be part of a file's name: `EPSG-32632`, `IAU-30115`, else eight hex digits.
    pub fn label(&self) -> String {
        self.label.clone()
    }
}

/// `AUTHORITY:CODE`, such as `IAU_2015:30115`; not `EPSG:None`, which was seen.
fn is_code(code: &str) -> bool {
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    code.split_once(':').is_some_and(|(authority, number)| {
        !authority.is_empty()
            && word(authority)
            && word(number)
            && number.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn label(text: &str) -> String {
    if is_code(text) {
        return text.replace(':', "-");
    }
    let named = if text.starts_with('{') { projjson_id(text) } else { wkt_id(text) };
    named
        .filter(|label| label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
        .unwrap_or_else(|| {
            Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
        })
}

/// The identifier at the end of a WKT: `ID["EPSG",32632]]` or `AUTHORITY["EPSG","32632"]]`. Those further in are
/// of its parts.
fn wkt_id(wkt: &str) -> Option<String> {
    let compact: String = wkt.chars().filter(|c| !c.is_whitespace()).collect();
    let inside = compact.strip_suffix("]]")?;
    let at = inside.rfind('[')?;
    let word = inside.get(..at)?;
    if !word.ends_with("ID") && !word.ends_with("AUTHORITY") {
        return None;
    }
    let mut parts = inside.get(at + 1..)?.split(',').map(|part| part.trim_matches('"'));
    Some(format!("{}-{}", parts.next()?, parts.next()?))
}

fn projjson_id(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    let id = value.get("id")?;
    Some(format!("{}-{}", id.get("authority")?.as_str()?, crate::item::text(id.get("code")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_usable_one_is_taken() {
        let of = |fields: Value| {
            Crs::declared(|key| fields.get(key).filter(|v| !v.is_null()))
                .map(|crs| (crs.text().to_owned(), crs.label()))
        };
        let both = |text: &str, label: &str| Some((text.to_owned(), label.to_owned()));
        assert_eq!(
            of(json!({"proj:code": "EPSG:32632", "proj:epsg": 4326})),
            both("EPSG:32632", "EPSG-32632")
        );
        assert_eq!(of(json!({"proj:code": "IAU_2015:30115"})), both("IAU_2015:30115", "IAU_2015-30115"));
        assert_eq!(
            of(json!({"proj:code": "EPSG:None", "proj:epsg": 32632})),
            both("EPSG:32632", "EPSG-32632")
        );
        assert_eq!(of(json!({"proj:epsg": 49900})), None);
        let wkt = "PROJCRS[\"x\",CONVERSION[\"y\",ID[\"EPSG\",1]],\n  ID[\"IAU\", 30115, 2015]]";
        assert_eq!(of(json!({"proj:epsg": null, "proj:wkt2": wkt})), both(wkt, "IAU-30115"));
        let quoted = format!("\"{wkt}\"");
        assert_eq!(of(json!({"proj:wkt2": quoted})).unwrap().0, wkt);
        let json = json!({"proj:projjson": {"type": "x", "id": {"authority": "IAU", "code": 30110}}});
        assert_eq!(of(json).unwrap().1, "IAU-30110");
        assert_eq!(of(json!({"proj:wkt2": "LOCAL_CS[\"?\"]"})).unwrap().1.len(), 8);
        assert_eq!(of(json!({})), None);
    }
}
