//! What two JSON documents say differently, where both say something.

use serde_json::Value as Json;

/// One place where a document of the user and the cluster's differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The place, key by key: `tableIndexConfig`, `invertedIndexColumns`.
    pub path: Vec<String>,
    /// What the cluster has; none when it has nothing there.
    pub found: Option<Json>,
    /// What the user wants.
    pub wanted: Json,
}

/// Keys that the user wrote, and what the cluster makes of them, against what it has.
///
/// `written` is the user's document, `wanted` the same as the cluster would keep it: it drops what it does not know,
/// spells numbers as text, and adds defaults. Only keys that stand in both count, so that neither defaults nor what others
/// have added to the cluster's document look like a difference.
pub(super) fn differences(written: &Json, wanted: &Json, found: &Json) -> Vec<Difference> {
    let mut all = Vec::new();
    collect(&mut Vec::new(), written, wanted, Some(found), &mut all);
    all
}

fn collect(path: &mut Vec<String>, written: &Json, wanted: &Json, found: Option<&Json>, all: &mut Vec<Difference>) {
    if let (Json::Object(written), Json::Object(wanted)) = (written, wanted) {
        for (key, written) in written {
            let Some(wanted) = wanted.get(key) else { continue };
            path.push(key.clone());
            collect(path, written, wanted, found.and_then(|found| found.get(key)), all);
            path.pop();
        }
    } else if !same(wanted, found.unwrap_or(&Json::Null)) {
        all.push(Difference { path: path.clone(), found: found.cloned(), wanted: wanted.clone() });
    }
}

/// The found document with what is wanted in the places that differ.
pub(super) fn merged(found: &Json, differences: &[Difference]) -> Json {
    let mut merged = found.clone();
    for difference in differences {
        let mut place = &mut merged;
        for key in &difference.path {
            if !place.is_object() {
                *place = Json::Object(serde_json::Map::new());
            }
            place = &mut place[key];
        }
        *place = difference.wanted.clone();
    }
    merged
}

/// Pinot writes `1` and `"1"`, `true` and `"true"`, null, nothing and an empty list for the same.
fn same(wanted: &Json, found: &Json) -> bool {
    match (wanted, found) {
        (Json::Array(wanted), Json::Array(found)) if !wanted.is_empty() => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| same(wanted, found))
        }
        (Json::Object(wanted), Json::Object(found)) if !wanted.is_empty() => {
            wanted.len() == found.len()
                && wanted.iter().all(|(key, wanted)| found.get(key).is_some_and(|found| same(wanted, found)))
        }
        _ => scalar(wanted).is_some_and(|wanted| scalar(found) == Some(wanted)),
    }
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(text.clone()),
        Json::Array(items) => items.is_empty().then(String::new),
        Json::Object(keys) => keys.is_empty().then(String::new),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_written_and_is_known_counts() {
        let written = json!({"a": 1, "typo": 2, "deep": {"list": ["x", "y"], "flag": true, "none": []}});
        let wanted = json!({"a": "1", "default": 9, "deep": {"list": ["x", "y"], "flag": true, "none": [], "more": 0}});
        let found = json!({"a": "1", "default": 8, "other": 7, "deep": {"list": ["x"], "flag": "true"}});
        let all = differences(&written, &wanted, &found);
        assert_eq!(
            all,
            [Difference {
                path: vec!["deep".into(), "list".into()],
                found: Some(json!(["x"])),
                wanted: json!(["x", "y"])
            }]
        );
        let merged = merged(&found, &all);
        assert_eq!(merged["deep"], json!({"list": ["x", "y"], "flag": "true"}));
        assert_eq!((&merged["other"], &merged["default"]), (&json!(7), &json!(8)));
        assert_eq!(differences(&written, &wanted, &merged), []);
    }

    #[test]
    fn places_that_are_missing_are_made() {
        let all = differences(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1}}), &json!({"c": null}));
        assert_eq!(all.iter().map(|it| it.path.join(".")).collect::<Vec<_>>(), ["a.b"]);
        assert_eq!(merged(&json!({"c": null}), &all), json!({"c": null, "a": {"b": 1}}));
    }
}
