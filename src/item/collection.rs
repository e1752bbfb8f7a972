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
        self.fields.get("links").map(|l| Link::all_of(&serde_json::json!({ "links": l }))).unwrap_or_default()
    }
}
