//! Items: GeoJSON features with assets.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use super::{Asset, Bbox, Link, Malformed, Span, text, time};

/// A STAC Item.
///
/// Holds the parsed feature and the server's own text, which `item.json` shows untouched.
#[derive(Debug, Clone)]
pub struct Item {
    id: String,
    feature: Map<String, Value>,
    raw: Box<str>,
    base: Option<Arc<Url>>,
}

impl Item {
    /// An item from the text of one feature.
    ///
    /// # Errors
    /// [`Malformed`] where the text is no JSON object, says it is something else, or has no id: old servers
    /// answer 200 with `{}` for an item that is not there.
    pub fn from_json(raw: &str) -> Result<Item, Malformed> {
        let value: Value = serde_json::from_str(raw).map_err(|e| Malformed::Json(e.to_string()))?;
        let wrong = |why: String| Malformed::Kind { expected: "Item", why };
        let Value::Object(feature) = value else {
            return Err(wrong("no JSON object".into()));
        };
        match feature.get("type").and_then(Value::as_str) {
            Some("Feature") => {}
            // `fields` may strip the type; then an item is known by its id and assets or properties.
            None if feature.contains_key("properties") || feature.contains_key("assets") => {}
            None if feature.contains_key("id") && !feature.contains_key("description") => {}
            None => return Err(wrong("it has no type, properties or assets".into())),
            Some(other) => return Err(wrong(format!("its type is {other:?}"))),
        }
        let id = feature.get("id").and_then(text).ok_or_else(|| wrong("it has no id".into()))?;
        if id.is_empty() {
            return Err(wrong("its id is empty".into()));
        }
        Ok(Item { id, feature, raw: raw.into(), base: None })
    }

    /// The same item, found at this URL: what its relative hrefs start from.
    #[must_use]
    pub fn found_at(self, base: Arc<Url>) -> Item {
        Item { base: Some(base), ..self }
    }

    /// The URL it was found at, where that matters: in a catalogue of files.
    pub fn base(&self) -> Option<&Arc<Url>> {
        self.base.as_ref()
    }

    /// The id: unique within its collection only.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The feature as the server gave it, byte for byte.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The parsed feature, all members.
    pub fn feature(&self) -> &Map<String, Value> {
        &self.feature
    }

    /// The collection's id, where the item says one.
    pub fn collection(&self) -> Option<String> {
        self.feature.get("collection").and_then(text)
    }

    /// A member of `properties`, `null` read as absent.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.feature.get("properties")?.get(name).filter(|v| !v.is_null())
    }

    /// The footprint as GeoJSON geometry, where there is one.
    pub fn geometry(&self) -> Option<&Value> {
        self.feature.get("geometry").filter(|g| g.is_object())
    }

    /// The bounding box, where it can be degrees.
    pub fn bbox(&self) -> Option<Bbox> {
        Bbox::from_value(self.feature.get("bbox")?)
    }

    /// When the scene was taken: `datetime`, else the span of `start_datetime` and `end_datetime`,
    /// whichever of these comes first.
    pub fn span(&self) -> Option<Span> {
        if let Some(at) = self.instant("datetime") {
            return Some(Span::instant(at));
        }
        let (mut start, mut end) = (self.instant("start_datetime"), self.instant("end_datetime"));
        if start.is_some() && end.is_some() && start > end {
            std::mem::swap(&mut start, &mut end);
        }
        (start.is_some() || end.is_some()).then_some(Span { start, end })
    }

    /// The one instant an item stands for in listings by date: `datetime`, else `start_datetime`.
    pub fn day_instant(&self) -> Option<Timestamp> {
        self.instant("datetime").or_else(|| self.instant("start_datetime"))
    }

    /// When the metadata last changed: `updated`, in properties.
    pub fn updated(&self) -> Option<Timestamp> {
        self.instant("updated")
    }

    /// The assets in the server's order, those without an href included.
    pub fn assets(&self) -> Vec<Asset> {
        let assets = self.feature.get("assets").and_then(Value::as_object);
        let asset = |(key, value): (&String, &Value)| {
            Some(Asset { key: key.clone(), fields: value.as_object()?.clone() })
        };
        assets.into_iter().flatten().filter_map(asset).collect()
    }

    /// The links in the server's order.
    pub fn links(&self) -> Vec<Link> {
        self.feature.get("links").map(Link::all_in).unwrap_or_default()
    }

    fn instant(&self, property: &str) -> Option<Timestamp> {
        self.property(property).and_then(Value::as_str).and_then(time::instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_tolerant_of_what_is_missing() {
        let item = Item::from_json(r#"{"type":"Feature","id":17,"properties":{"datetime":null}}"#).unwrap();
        assert_eq!(item.id(), "17");
        assert!(item.assets().is_empty() && item.links().is_empty());
        assert_eq!((item.span(), item.bbox(), item.geometry()), (None, None, None));
    }

    #[test]
    fn an_item_has_its_time() {
        let span = |properties: &str| {
            let raw = format!(r#"{{"type":"Feature","id":"t","properties":{{{properties}}}}}"#);
            let item = Item::from_json(&raw).unwrap();
            let text = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            (item.span().map(|s| format!("{}..{}", text(s.start), text(s.end))), text(item.day_instant()))
        };
        let (first, last) = ("2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z");
        let whole = format!("{first}..{last}");
        let both =
            |a: &str, b: &str| format!(r#""datetime":null,"start_datetime":"{a}","end_datetime":"{b}""#);
        assert_eq!(span(&both(first, last)), (Some(whole.clone()), first.into()));
        assert_eq!(span(&both(last, first)).0, Some(whole));
        assert_eq!(
            span(&format!(r#""start_datetime":"{first}""#)),
            (Some(format!("{first}..")), first.into())
        );
        assert_eq!(span(&format!(r#""end_datetime":"{last}""#)), (Some(format!("..{last}")), String::new()));
        let datetime = format!(r#""datetime":"{last}","start_datetime":"{first}""#);
        assert_eq!(span(&datetime), (Some(format!("{last}..{last}")), last.into()));
        assert_eq!(span(r#""datetime":"soon""#), (None, String::new()));
    }

    #[test]
    fn other_things_are_no_items() {
        for raw in [
            "{}",
            "[]",
            "null",
            "<html>",
            r#"{"code":"NotFound","description":"x"}"#,
            r#"{"type":"Collection","id":"c"}"#,
        ] {
            assert!(Item::from_json(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_box_in_metres_is_no_box() {
        let item =
            Item::from_json(r#"{"type":"Feature","id":"m","bbox":[-180000.0,-5.0,20000.0,5.0]}"#).unwrap();
        assert_eq!(item.bbox(), None);
    }
}
