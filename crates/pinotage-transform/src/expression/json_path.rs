//! The part of JSONPath that says where a value is.
//!
//! `$`, `.name`, `['name']`, `[3]`, `[-1]`, `[*]` and `.*` mean the same to everybody. What Jayway's library reads beside
//! them (`..`, filters, functions, slices, several names) is refused.

use serde_json::Value;

/// A path that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Name(String),
    Index(i64),
    Every,
}

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// What is not read of it.
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        let refuse = |rest: &str| Err(format!("`{rest}` of the path `{path}`"));
        let trimmed = path.trim();
        // A path without `$` begins at the root too.
        let mut rest = match trimmed.strip_prefix('$') {
            Some(rest) => rest.to_owned(),
            None if trimmed.is_empty() || trimmed.starts_with(['.', '[', '@']) => return refuse(trimmed),
            None => format!(".{trimmed}"),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, left) = if let Some(after) = rest.strip_prefix("[") {
                let Some(end) = bracket_end(after) else { return refuse(&rest) };
                let (inside, left) = (after[..end].trim(), &after[end + 1..]);
                let quoted = ['\'', '"'].into_iter().find_map(|quote| inside.strip_prefix(quote)?.strip_suffix(quote));
                let step = match (inside, quoted) {
                    ("*", _) => Step::Every,
                    (_, Some(name)) if !name.contains(['\'', '"', '\\']) => Step::Name(name.to_owned()),
                    (_, None) => match inside.parse() {
                        Ok(index) => Step::Index(index),
                        Err(_) => return refuse(&rest),
                    },
                    _ => return refuse(&rest),
                };
                (step, left)
            } else if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let name = &after[..end];
                let step = match name {
                    "*" => Step::Every,
                    // Also the two points of a deep scan, and functions.
                    _ if name.is_empty() || name.contains(['(', ')', ' ', '?', '@', '*', '\'', '"', ',', ']']) => {
                        return refuse(&rest);
                    }
                    _ => Step::Name(name.to_owned()),
                };
                (step, &after[end..])
            } else {
                return refuse(&rest);
            };
            steps.push(step);
            rest = left.to_owned();
        }
        Ok(Self { steps })
    }

    /// What is at the path. A path that can have several places gives a list, without those that are not there.
    pub(crate) fn read(&self, root: &Value) -> Option<Value> {
        if !self.steps.contains(&Step::Every) {
            let mut value = root;
            for step in &self.steps {
                value = go(value, step)?;
            }
            return Some(value.clone());
        }
        let mut found = vec![root];
        for step in &self.steps {
            found = match step {
                Step::Every => found.into_iter().flat_map(children).collect(),
                step => found.into_iter().filter_map(|value| go(value, step)).collect(),
            };
        }
        Some(Value::Array(found.into_iter().cloned().collect()))
    }
}

/// The end of what stands in brackets; quoted text may have brackets too.
fn bracket_end(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(at, c)| match (quote, c) {
        (None, ']') => Some(at),
        (None, '\'' | '"') => {
            quote = Some(c);
            None
        }
        (Some(open), c) if open == c => {
            quote = None;
            None
        }
        _ => None,
    })
}

fn go<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match (value, step) {
        (Value::Object(map), Step::Name(name)) => map.get(name),
        (Value::Array(items), Step::Index(index)) => {
            let at = if *index < 0 { items.len() as i64 + index } else { *index };
            items.get(usize::try_from(at).ok()?)
        }
        _ => None,
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}
