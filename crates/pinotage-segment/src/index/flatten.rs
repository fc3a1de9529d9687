//! JSON documents as flat records.

use std::collections::BTreeMap;

use pinotage_common::{Error, Result};
use pinotage_spec::JsonOptions;
use pinotage_spec::java::double_to_string;
use serde_json::Value as Json;

/// In place of a value that is too long, or of what is no JSON.
const SKIPPED: &str = "$SKIPPED$";
/// One document never has so many records.
const MAX_COMBINATIONS: usize = 100_000;

/// The path of each value and its text.
pub(super) type Record = BTreeMap<String, String>;

/// Flattens documents as some options say.
///
/// # Pinot equivalent
///
/// `JsonUtils.flatten`
pub(super) struct Flattener<'a> {
    options: &'a JsonOptions,
    paths: Paths,
}

/// A tree of paths that are indexed (`JsonSchemaTreeNode`).
enum Paths {
    /// This, and all below it.
    All,
    Some {
        fields: BTreeMap<String, Paths>,
        other: Option<Box<Paths>>,
    },
}

impl Paths {
    fn none() -> Self {
        Self::Some { fields: BTreeMap::new(), other: None }
    }

    fn add<'s>(&mut self, mut keys: impl Iterator<Item = &'s str>) {
        let Some(key) = keys.next() else { return };
        match self {
            Self::All => {}
            _ if key == "**" => *self = Self::All,
            Self::Some { other, .. } if key == "*" => other.get_or_insert_with(|| Box::new(Self::none())).add(keys),
            Self::Some { fields, .. } => fields.entry(key.to_owned()).or_insert_with(Self::none).add(keys),
        }
    }

    fn child(&self, key: &str) -> Option<&Self> {
        match self {
            Self::All => Some(self),
            Self::Some { fields, other } => fields.get(key).or(other.as_deref()),
        }
    }
}

/// Where flattening is in a document.
#[derive(Clone, Copy)]
struct Place<'p> {
    level: usize,
    path: &'p str,
    /// `includePaths` has this path, or one above it.
    included: bool,
    paths: Option<&'p Paths>,
}

impl<'a> Flattener<'a> {
    pub(super) fn new(options: &'a JsonOptions) -> Self {
        let mut paths = if options.index_paths.is_empty() { Paths::All } else { Paths::none() };
        options.index_paths.iter().for_each(|path| paths.add(path.split('.')));
        Self { options, paths }
    }

    /// The records of a document; what follows its end is not read.
    ///
    /// # Errors
    ///
    /// `invalid-data` for what is no JSON, and for too many records.
    pub(super) fn records(&self, document: &[u8]) -> Result<Vec<Record>> {
        let parsed = serde_json::Deserializer::from_slice(document).into_iter::<Json>().next().transpose();
        let records = match parsed {
            Ok(None) => Ok(Vec::new()),
            Ok(Some(json)) => {
                self.flatten(&json, Place { level: 0, path: "$", included: false, paths: Some(&self.paths) })
            }
            Err(error) => Err(Error::invalid_data(format!("expected JSON: {error}"))
                .action("correct the documents, or set `skipInvalidJson` of the JSON index")),
        };
        match records {
            Err(_) if self.options.skip_invalid => Ok(vec![BTreeMap::from([(String::new(), SKIPPED.to_owned())])]),
            records => records,
        }
    }

    fn flatten(&self, json: &Json, at: Place<'_>) -> Result<Vec<Record>> {
        let Some(paths) = at.paths else { return Ok(Vec::new()) };
        let text = match json {
            Json::Null => return Ok(Vec::new()),
            Json::Array(_) | Json::Object(_) if self.options.max_levels == Some(at.level) => return Ok(Vec::new()),
            Json::Array(items) => return self.flatten_list(items, at, paths),
            Json::Object(fields) => return self.flatten_object(fields, at, paths),
            Json::String(text) => text.clone(),
            Json::Bool(value) => value.to_string(),
            Json::Number(number) => number_text(&number.to_string()),
        };
        let too_long = self.options.max_value_length.is_some_and(|max| text.encode_utf16().count() > max);
        Ok(vec![BTreeMap::from([(String::new(), if too_long { SKIPPED.to_owned() } else { text })])])
    }

    fn flatten_list(&self, items: &[Json], at: Place<'_>, paths: &Paths) -> Result<Vec<Record>> {
        let path = format!("{}[*]", at.path);
        let Some(included) = self.includes(&path, at).filter(|_| !self.options.exclude_arrays) else {
            return Ok(Vec::new());
        };
        let mut records = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let place = Place { level: at.level + 1, path: &path, included, paths: paths.child("") };
            for child in self.flatten(item, place)? {
                let mut record: Record = child.into_iter().map(|(key, text)| (format!(".{key}"), text)).collect();
                record.insert(".$index".to_owned(), number.to_string());
                records.push(record);
            }
        }
        Ok(records)
    }

    fn flatten_object(
        &self,
        fields: &serde_json::Map<String, Json>,
        at: Place<'_>,
        paths: &Paths,
    ) -> Result<Vec<Record>> {
        let mut common = Record::new();
        // The records of each list below.
        let mut lists: Vec<Vec<Record>> = Vec::new();
        for (field, json) in fields.iter().filter(|(field, _)| !self.options.exclude_fields.contains(*field)) {
            let path = format!("{}.{field}", at.path);
            let Some(included) = self.includes(&path, at) else { continue };
            let place = Place { level: at.level + 1, path: &path, included, paths: paths.child(field) };
            let children = self.flatten(json, place)?;
            let mut prefixed = children
                .into_iter()
                .map(|child| child.into_iter().map(|(key, text)| (format!(".{field}{key}"), text)).collect::<Record>());
            match prefixed.len() {
                0 => {}
                1 => common.extend(prefixed.next().into_iter().flatten()),
                _ => lists.push(prefixed.collect()),
            }
        }
        if lists.is_empty() {
            return Ok(if common.is_empty() { Vec::new() } else { vec![common] });
        }
        let mut records = if self.options.separate_arrays { lists.concat() } else { combinations(lists)? };
        records.iter_mut().for_each(|record| record.extend(common.iter().map(|(k, v)| (k.clone(), v.clone()))));
        Ok(records)
    }

    /// Whether a path is looked at: with true, all below it too.
    fn includes(&self, path: &str, at: Place<'_>) -> Option<bool> {
        if at.included {
            return Some(true);
        }
        match &self.options.include_paths {
            Some(paths) if paths.contains(path) => Some(true),
            Some(paths) => paths.iter().any(|longer| longer.starts_with(path)).then_some(false),
            None => (!self.options.exclude_paths.contains(path)).then_some(false),
        }
    }
}

/// Each record of the first list with each of the second, and so on.
fn combinations(lists: Vec<Vec<Record>>) -> Result<Vec<Record>> {
    let few = |count: &usize| *count < MAX_COMBINATIONS;
    if lists.len() > 1 && lists.iter().try_fold(1usize, |all, list| all.checked_mul(list.len()).filter(few)).is_none() {
        return Err(Error::invalid_data(format!("expected fewer than {MAX_COMBINATIONS} records of a JSON document"))
            .action("set `disableCrossArrayUnnest` of the JSON index, or leave paths out"));
    }
    let joined = lists.into_iter().reduce(|before, list| {
        let with = |record: &Record, other: &Record| {
            let mut record = record.clone();
            record.extend(other.iter().map(|(key, text)| (key.clone(), text.clone())));
            record
        };
        before.iter().flat_map(|record| list.iter().map(|other| with(record, other))).collect()
    });
    Ok(joined.unwrap_or_default())
}

/// Whole numbers as they are, all others as a double.
fn number_text(text: &str) -> String {
    match text.parse::<f64>() {
        _ if text == "-0" => "0".to_owned(),
        Ok(number) if text.contains(['.', 'e', 'E']) => double_to_string(number),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(document: &str, options: JsonOptions) -> Vec<String> {
        let records = Flattener::new(&options).records(document.as_bytes()).unwrap();
        let text =
            |record: Record| record.iter().map(|(key, text)| format!("{key}={text}")).collect::<Vec<_>>().join(" ");
        records.into_iter().map(text).collect()
    }

    #[test]
    fn documents_are_flattened_as_pinot_does() {
        let document = r#"{"a": 0, "b": [{"c": 1, "d": "x"}, {"c": 2}], "e": [true, 1.50]}"#;
        assert_eq!(
            flat(document, JsonOptions::default()),
            [
                ".a=0 .b.$index=0 .b..c=1 .b..d=x .e.=true .e.$index=0",
                ".a=0 .b.$index=0 .b..c=1 .b..d=x .e.=1.5 .e.$index=1",
                ".a=0 .b.$index=1 .b..c=2 .e.=true .e.$index=0",
                ".a=0 .b.$index=1 .b..c=2 .e.=1.5 .e.$index=1",
            ]
        );
        let separate = JsonOptions { separate_arrays: true, ..JsonOptions::default() };
        assert_eq!(flat(document, separate).len(), 4);
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let options = JsonOptions { include_paths: Some(paths(&["$.b[*].d"])), ..JsonOptions::default() };
        assert_eq!(flat(document, options), [".b.$index=0 .b..d=x"]);
        let options = JsonOptions { index_paths: paths(&["a", "e.*"]), ..JsonOptions::default() };
        assert_eq!(flat(document, options), [".a=0 .e.=true .e.$index=0", ".a=0 .e.=1.5 .e.$index=1"]);
        let options = JsonOptions { max_levels: Some(1), ..JsonOptions::default() };
        assert_eq!(flat(document, options), [".a=0"]);
        let options = JsonOptions { skip_invalid: true, max_value_length: Some(2), ..JsonOptions::default() };
        assert_eq!(flat("{", options.clone()), ["=$SKIPPED$"]);
        assert_eq!(flat(r#""abc""#, options), ["=$SKIPPED$"]);
        assert!(flat("null", JsonOptions::default()).is_empty() && flat("", JsonOptions::default()).is_empty());
    }
}
