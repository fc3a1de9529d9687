//! One row with nested values becomes rows without them.

use pinotage_spec::{ComplexTypes, ListsToJson};
use serde_json::Value;

use crate::expression::write_json;

/// The values of a row by their names.
pub(super) type Record = serde_json::Map<String, Value>;

/// `ComplexTypeTransformer`, step by step: what it says in an odd order here it says there too.
pub(super) struct Transformer<'a> {
    pub(super) config: &'a ComplexTypes,
    /// The lists to unnest that are columns too: they stay beside what was made of them.
    pub(super) kept: &'a [String],
}

impl Transformer<'_> {
    /// The rows that a row becomes: at least one.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn transform(&self, mut record: Record) -> Result<Vec<Record>, String> {
        let columns: Vec<String> = record.keys().cloned().collect();
        let originals: Vec<(&String, Value)> =
            self.kept.iter().filter_map(|name| Some((name, record.get(name)?.clone()))).collect();
        self.flatten(&mut record, columns)?;
        let mut records = vec![record];
        for column in &self.config.unnest {
            records = records.into_iter().flat_map(|record| self.unnest(record, column)).collect();
        }
        for record in &mut records {
            for (name, value) in &originals {
                let there = record.entry(name.as_str()).or_insert(Value::Null);
                if there.is_null() {
                    *there = value.clone();
                }
            }
            self.rename(record)?;
        }
        Ok(records)
    }

    fn concat(&self, left: &str, right: &str) -> String {
        format!("{left}{}{right}", self.config.delimiter)
    }

    fn is_unnested(&self, name: &str) -> bool {
        self.config.unnest.iter().any(|unnested| unnested == name)
    }

    /// Maps of the row become columns beside them.
    fn flatten(&self, record: &mut Record, mut columns: Vec<String>) -> Result<(), String> {
        while let Some(column) = columns.pop() {
            let Some(value) = record.get_mut(&column) else { continue };
            match value {
                Value::Object(map) => {
                    let entries: Vec<(String, Value)> =
                        map.iter().map(|(key, value)| (self.concat(&column, key), value.clone())).collect();
                    for (name, value) in entries {
                        if value.is_object() || value.is_array() {
                            columns.push(name.clone());
                        }
                        record.insert(name, value);
                    }
                }
                Value::Array(items) if self.is_unnested(&column) => self.flatten_items(items, &column)?,
                Value::Array(items) => {
                    if let Some(text) = self.json(items)? {
                        *value = text.into();
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn flatten_items(&self, items: &mut [Value], path: &str) -> Result<(), String> {
        for map in items.iter_mut().filter_map(Value::as_object_mut) {
            let mut keys: Vec<String> = map.keys().cloned().collect();
            while let Some(key) = keys.pop() {
                let name = self.concat(path, &key);
                match map.get_mut(&key) {
                    Some(Value::Object(inner)) => {
                        let entries: Vec<(String, Value)> =
                            inner.iter().map(|(inner, value)| (self.concat(&key, inner), value.clone())).collect();
                        for (name, value) in entries {
                            if value.is_object() || value.is_array() {
                                keys.push(name.clone());
                            }
                            map.insert(name, value);
                        }
                    }
                    Some(Value::Array(items)) if self.is_unnested(&name) => self.flatten_items(items, &name)?,
                    Some(value @ Value::Array(_)) => {
                        let Value::Array(items) = &*value else { continue };
                        if let Some(text) = self.json(items)? {
                            *value = text.into();
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The text of a list that becomes text. Its first item decides for all of them.
    fn json(&self, items: &[Value]) -> Result<Option<String>, String> {
        let is_text = match self.config.lists {
            ListsToJson::None => false,
            ListsToJson::All => true,
            ListsToJson::NonPrimitive => items.first().is_some_and(|item| item.is_object() || item.is_array()),
        };
        if !is_text {
            return Ok(None);
        }
        let mut out = String::from("[");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_json(item, &mut out)?;
        }
        out.push(']');
        Ok(Some(out))
    }

    /// A row for each item of a list; the row itself if there is none.
    fn unnest(&self, mut record: Record, column: &str) -> Vec<Record> {
        match record.get(column) {
            Some(Value::Array(items)) if !items.is_empty() => {}
            _ => return vec![record],
        }
        let Some(Value::Array(items)) = record.remove(column) else { return vec![record] };
        let rows = items.into_iter().map(|item| {
            let mut copy = record.clone();
            match item {
                Value::Object(map) => {
                    copy.extend(map.into_iter().map(|(key, value)| (self.concat(column, &key), value)));
                }
                item => _ = copy.insert(column.to_owned(), item),
            }
            copy
        });
        rows.collect()
    }

    fn rename(&self, record: &mut Record) -> Result<(), String> {
        if self.config.prefixes.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = record.keys().cloned().collect();
        for name in names {
            let Some(other) = self.config.renamed(&name) else { continue };
            let value = record.shift_remove(&name).unwrap_or_default();
            if other.is_empty() || record.get(&other).is_some_and(|value| !value.is_null()) {
                return Err(format!("`{name}` cannot be renamed to `{other}`, which is there already"));
            }
            record.insert(other, value);
        }
        Ok(())
    }
}
