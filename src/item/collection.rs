//! Collections: what the items below them have in common.

use serde_json::{Map, Value};

use super::{Bbox, Link, Malformed, Span, text, time};

/// A STAC Collection.
#[derive(Debug, Clone)]
pub struct Collection {
    id: String,
    fields: Map<String, Value>,
    raw: Box<str>,
}

impl Collection {
    /// A collection from its JSON text.
    ///
    /// # Errors
    /// [`Malformed`] where the text is no JSON object with an id, or is an item or an error envelope.
    pub fn from_json(raw: &str) -> Result<Collection, Malformed> {
        let value: Value = serde_json::from_str(raw).map_err(|e| Malformed::Json(e.to_string()))?;
        let wrong = |why: &str| Malformed::Kind { expected: "Collection", why: why.to_owned() };
        let Value::Object(fields) = value else {
            return Err(wrong("no JSON object"));
        };
        if fields.get("type").and_then(Value::as_str) == Some("Feature") {
            return Err(wrong("its type is \"Feature\""));
        }
        let id = fields
            .get("id")
            .and_then(text)
            .filter(|id| !id.is_empty())
            .ok_or_else(|| wrong("it has no id"))?;
        Ok(Collection { id, fields, raw: raw.into() })
    }

    /// The id, unique within its catalogue.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The collection as the server gave it, byte for byte.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// All members.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A title for people.
    pub fn title(&self) -> Option<&str> {
        self.fields.get("title").and_then(Value::as_str)
    }

    /// The description, often Markdown.
    pub fn description(&self) -> Option<&str> {
        self.fields.get("description").and_then(Value::as_str)
    }

    /// The licence: an SPDX id, `proprietary`, `various` or `other`.
    pub fn license(&self) -> Option<&str> {
        self.fields.get("license").and_then(Value::as_str)
    }

    /// The overall box (the first of `extent.spatial.bbox`), where it can be degrees.
    pub fn bbox(&self) -> Option<Bbox> {
        Bbox::from_value(self.fields.get("extent")?.get("spatial")?.get("bbox")?.get(0)?)
    }

    /// All boxes of the extent. The first should hold the others, but often does not. Empty where one of them
    /// cannot be degrees: then it is not known where the collection is.
    pub fn bboxes(&self) -> Vec<Bbox> {
        let boxes = || self.fields.get("extent")?.get("spatial")?.get("bbox")?.as_array();
        let all: Option<Vec<Bbox>> = boxes().into_iter().flatten().map(Bbox::from_value).collect();
        all.unwrap_or_default()
    }

    /// The overall time (the first of `extent.temporal.interval`); `None` where it says nothing.
    pub fn span(&self) -> Option<Span> {
        let interval = self.fields.get("extent")?.get("temporal")?.get("interval")?.get(0)?;
        let end = |at: usize| interval.get(at).and_then(Value::as_str).and_then(time::instant);
        let (start, end) = (end(0), end(1));
        (start.is_some() || end.is_some()).then_some(Span { start, end })
    }

    /// A member of `summaries`.
    pub fn summary(&self, property: &str) -> Option<&Value> {
        self.fields.get("summaries")?.get(property).filter(|v| !v.is_null())
    }

    /// The links in the server's order.
    pub fn links(&self) -> Vec<Link> {
        self.fields.get("links").map(Link::all_in).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn collection(fields: Value) -> Collection {
        let mut all = json!({"type": "Collection", "id": "c"});
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        Collection::from_json(&all.to_string()).unwrap()
    }

    #[test]
    fn a_collection_is_tolerant_of_what_is_missing() {
        let bare = Collection::from_json(r#" {"id": 7} "#).unwrap();
        assert_eq!((bare.id(), bare.raw()), ("7", r#" {"id": 7} "#));
        assert_eq!((bare.title(), bare.description(), bare.license()), (None, None, None));
        assert_eq!((bare.bbox(), bare.span(), bare.summary("gsd")), (None, None, None));
        assert!(bare.links().is_empty() && bare.bboxes().is_empty());
    }

    #[test]
    fn other_things_are_no_collections() {
        for raw in
            ["{}", "[]", "null", "<html>", r#"{"id":""}"#, r#"{"id":null}"#, r#"{"type":"Feature","id":"i"}"#]
        {
            assert!(Collection::from_json(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn an_extent_says_where_and_when() {
        let spatial = |bbox: Value| collection(json!({"extent": {"spatial": {"bbox": bbox}}}));
        // As the National Agriculture Imagery Program does: the first is not the overall one.
        let parts = spatial(json!([[-124.8, 24.7, -67.0, 49.3], [-156.0, 19.1, 0, -154.8, 20.1, 9]]));
        assert_eq!(parts.bboxes().iter().map(|b| b.west).collect::<Vec<_>>(), [-124.8, -156.0]);
        assert_eq!(parts.bbox().unwrap().north, 49.3);
        for unknown in [
            json!([[-180_000, 0, 5, 5]]),
            json!([[0, 0, 1, 1], [0, 0, 1]]),
            json!([]),
            json!([null]),
            json!("x"),
        ] {
            assert!(spatial(unknown.clone()).bboxes().is_empty(), "{unknown}");
        }
        let span = |interval: Value| {
            let span = collection(json!({"extent": {"temporal": {"interval": [interval]}}})).span();
            span.map(|s| {
                [s.start, s.end].map(|at| at.map(|at| at.to_string()).unwrap_or_default()).join("..")
            })
        };
        assert_eq!(span(json!(["2015-06-27T10:25:31Z", null])).unwrap(), "2015-06-27T10:25:31Z..");
        assert_eq!(span(json!([null, "2015-06-27"])).unwrap(), "..2015-06-27T00:00:00Z");
        for unknown in [json!([null, null]), json!([]), json!(["", "?"]), json!(null)] {
            assert_eq!(span(unknown), None);
        }
    }

    #[test]
    fn summaries_and_words() {
        let own =
            collection(json!({"title": "T", "license": "CC0-1.0", "summaries": {"gsd": [10], "x": null}}));
        assert_eq!(
            (own.title(), own.license(), own.summary("gsd")),
            (Some("T"), Some("CC0-1.0"), Some(&json!([10])))
        );
        assert_eq!((own.summary("x"), own.summary("y")), (None, None));
    }
}
