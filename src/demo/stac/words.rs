//! The free-text extension: any of the phrases, without regard to case.

use serde_json::Value;

/// The phrases of `q`, of which one must occur.
#[derive(Clone, Debug)]
pub(super) struct Words(Vec<String>);

impl Words {
    /// Reads `["ocean", "sea ice"]`. Errors in words for the client.
    pub fn parse(json: &Value) -> Result<Words, String> {
        let list = json.as_array().ok_or("q is not an array")?;
        let words: Option<Vec<String>> = list.iter().map(|one| one.as_str().map(str::to_lowercase)).collect();
        words.map(Words).ok_or_else(|| "q: an element is not text".into())
    }

    /// Whether one of them occurs in the id or in the title, description or keywords of `object`.
    pub fn occur(&self, id: &str, object: &Value) -> bool {
        let keywords = object["keywords"].as_array().map(Vec::as_slice).unwrap_or_default();
        let texts =
            [&object["title"], &object["description"]].into_iter().chain(keywords).filter_map(Value::as_str);
        let texts: Vec<String> = texts.chain([id]).map(str::to_lowercase).collect();
        self.0.iter().any(|word| texts.iter().any(|text| text.contains(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_of_the_phrases_occurs() {
        let collection = json!({"title": "Kaguya Terrain Camera", "keywords": ["Moon", "stereo"]});
        let occur = |q| Words::parse(&q).unwrap().occur("kaguya_tc", &collection);
        assert!(occur(json!(["terrain camera"])));
        assert!(occur(json!(["mars", "MOON"])));
        assert!(occur(json!(["kaguya_"])));
        assert!(!occur(json!(["mars"])));
        assert!(Words::parse(&json!("moon")).is_err());
    }
}
