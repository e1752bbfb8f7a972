//! View options: what shapes a listing and no search.

use super::ast::{FieldOrder, View, ViewOption};
use super::comparison::plain_name;
use super::error::Fault;
use super::escape::{Style, decode, encode_member};
use super::glob;
use super::segment::members;

/// `sortby=`.
pub(super) fn sort_by(raw: &str) -> Result<ViewOption, Fault> {
    let mut fields: Vec<FieldOrder> = Vec::new();
    for member in members(raw)? {
        let (descending, name) = match member.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, member.strip_prefix('+').unwrap_or(&member)),
        };
        let field = plain_name(name).to_owned();
        if field.is_empty() {
            return Err(Fault::new("a property's name is missing")
                .hint("write sortby=-datetime or sortby=platform,-gsd"));
        }
        if let Some(word) =
            [" asc", " desc", ":asc", ":desc"].iter().find(|w| field.to_lowercase().ends_with(**w))
        {
            let sign = if word.ends_with("desc") { "-" } else { "" };
            let bare = &field[..field.len() - word.len()];
            return Err(Fault::new("a sign before the name gives the direction")
                .hint(format!("did you mean sortby={sign}{bare}?")));
        }
        if fields.iter().any(|f| f.field == field) {
            return Err(Fault::new(format!("{field} is named twice"))
                .hint("name each property once, the most important first"));
        }
        fields.push(FieldOrder { field, descending });
    }
    Ok(ViewOption::SortBy(fields))
}

/// `max_items=`.
pub(super) fn max_items(raw: &str) -> Result<ViewOption, Fault> {
    let text = decode(raw)?;
    let digits = text.trim().bytes().all(|b| b.is_ascii_digit());
    let number = text.trim().parse().ok().filter(|_| digits);
    number.map(ViewOption::MaxItems).ok_or_else(|| {
        Fault::new(format!("{:?} is no number of items", text.trim()))
            .hint("write max_items=100, or max_items=0 for no limit")
    })
}

/// `assets=`.
pub(super) fn assets(raw: &str) -> Result<ViewOption, Fault> {
    let mut names = members(raw)?;
    names.sort();
    names.dedup();
    Ok(ViewOption::Assets(names))
}

impl ViewOption {
    /// The option as a segment, in its one canonical spelling.
    pub fn segment(&self) -> String {
        super::print::fitting(|style| match self {
            ViewOption::SortBy(fields) => {
                let field = |f: &FieldOrder| {
                    // A field that begins with a sign of its own is told apart by a `+`.
                    let signed = f.field.starts_with(['-', '+']);
                    let sign = if f.descending {
                        "-"
                    } else if signed {
                        "+"
                    } else {
                        ""
                    };
                    format!("{sign}{}", encode_member(&f.field, style))
                };
                format!("sortby={}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            }
            ViewOption::MaxItems(most) => format!("max_items={most}"),
            ViewOption::Assets(names) => format!("assets={}", list(names, style)),
        })
    }
}

fn list(names: &[String], style: Style) -> String {
    names.iter().map(|n| encode_member(n, style)).collect::<Vec<_>>().join(",")
}

impl View {
    /// This view with one more option, which replaces an earlier one of its kind.
    pub fn with(&self, option: ViewOption) -> View {
        let mut view = self.clone();
        match option {
            ViewOption::SortBy(fields) => view.sortby = fields,
            ViewOption::MaxItems(most) => view.max_items = Some(most),
            ViewOption::Assets(names) => view.assets = Some(names),
        }
        view
    }

    /// The options as segments, one of each kind at most, in one order.
    pub fn segments(&self) -> Vec<String> {
        let assets = self.assets.clone().map(ViewOption::Assets);
        let most = self.max_items.map(ViewOption::MaxItems);
        let order = (!self.sortby.is_empty()).then(|| ViewOption::SortBy(self.sortby.clone()));
        [assets, most, order].into_iter().flatten().map(|option| option.segment()).collect()
    }

    /// Whether an asset shows: one of `assets=` is its key or its file name, or a glob (`*`, `?`) of either.
    pub fn shows(&self, key: &str, name: &str) -> bool {
        let Some(wanted) = &self.assets else { return true };
        wanted.iter().any(|w| w == key || w == name || glob::matches(w, key) || glob::matches(w, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_option_of_a_kind_wins() {
        let view = View::default()
            .with(ViewOption::MaxItems(5))
            .with(assets("red").unwrap())
            .with(ViewOption::MaxItems(0))
            .with(sort_by("-datetime,id").unwrap());
        assert_eq!(view.segments(), ["assets=red", "max_items=0", "sortby=-datetime,id"]);
        assert!(View::default().segments().is_empty());
    }

    #[test]
    fn assets_show_by_key_name_or_glob() {
        let view = View::default().with(assets("B0?,thumbnail,*.xml").unwrap());
        for (key, name) in
            [("B04", "x_B04.tif"), ("thumbnail", "t.jpg"), ("meta", "MTD.xml"), ("t", "thumbnail")]
        {
            assert!(view.shows(key, name), "{key} {name}");
        }
        assert!(!view.shows("B12", "B12.tif"));
        assert!(View::default().shows("any", "thing"));
    }
}
