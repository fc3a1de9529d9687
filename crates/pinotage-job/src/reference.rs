//! The reference pages of the job file, made from the options' own declarations.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::file::JobFile;

/// The JSON Schema of the job file, for editors.
pub fn job_schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(JobFile)).unwrap_or_default() + "\n"
}

/// Every option of the job file, as Markdown.
pub fn job_reference() -> String {
    let text = String::from(
        "# The job file\n\nMade from the options' declarations in `pinotage-job`; editors read the same as `job.schema.json`. Every text may hold\n\
         `${env:NAME}` and `${file:PATH}` (relative to the job file, without its last line break); `$${` stands for `${`.\n\
         Paths are relative to the job file. An unknown key is an error that names the nearest known one.\n\n",
    );
    text + &option_table::<JobFile>()
}

/// Every option of a declaration, as a Markdown table.
pub fn option_table<T: JsonSchema>() -> String {
    let schema = schemars::schema_for!(T).to_value();
    let mut text = String::from("| option | value | default | meaning |\n| --- | --- | --- | --- |\n");
    rows(&schema, &schema, "", &mut |option| {
        let OptionRow { place, kind, default, meaning } = option;
        let _ = writeln!(text, "| `{place}` | {kind} | {default} | {meaning} |");
    });
    text
}

/// An option for a table.
pub(crate) struct OptionRow {
    pub(crate) place: String,
    pub(crate) kind: String,
    pub(crate) default: String,
    pub(crate) meaning: String,
}

/// Every option below a place.
pub(crate) fn rows(root: &Value, object: &Value, path: &str, show: &mut dyn FnMut(OptionRow)) {
    let empty = Map::new();
    let properties = object.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = object.get("required").and_then(Value::as_array);
    for (key, option) in properties.iter().filter(|(_, option)| option.get("const").is_none()) {
        let shape = resolve(root, option);
        let place = format!("{path}{key}");
        let is_required = required.is_some_and(|names| names.iter().any(|name| name == key));
        let default = match option.get("default") {
            _ if is_required => "required".to_owned(),
            Some(Value::Null | Value::Object(_)) | None => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let meaning = option.get("description").or_else(|| shape.get("description")).and_then(Value::as_str);
        let meaning = meaning.unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let below = format!("{place}.");
        show(OptionRow { place, kind: kind(root, option), default, meaning });
        let item = shape.get("items").map_or(shape, |item| resolve(root, item));
        rows(root, item, &below, show);
        // A choice between several sets of keys: the row above has the values of `kind`.
        for choice in shape.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            rows(root, choice, &below, show);
        }
    }
}

/// The shape behind a reference or an optional value.
fn resolve<'a>(root: &'a Value, shape: &'a Value) -> &'a Value {
    if let Some(name) = shape.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
        return root.get("$defs").and_then(|shapes| shapes.get(name)).unwrap_or(shape);
    }
    match shape.get("anyOf").and_then(Value::as_array).and_then(|shapes| shapes.first()) {
        Some(first) => resolve(root, first),
        None => shape,
    }
}

/// What a value looks like, for a person.
fn kind(root: &Value, option: &Value) -> String {
    let shape = resolve(root, option);
    if let Some(values) = shape.get("enum").or_else(|| shape.get("oneOf")).and_then(Value::as_array) {
        let choice = |value: &Value| Some(format!("`kind: {}`", value.pointer("/properties/kind/const")?.as_str()?));
        let name = |value: &Value| Some(format!("`{}`", value.get("const").unwrap_or(value).as_str()?));
        let names = values.iter().filter_map(|value| choice(value).or_else(|| name(value)));
        return names.collect::<Vec<_>>().join(", ");
    }
    if let Some(example) = shape.get("examples").and_then(Value::as_array).and_then(|examples| examples.last()) {
        return format!("such as `{}`", example.as_str().map_or_else(|| example.to_string(), ToOwned::to_owned));
    }
    let names: Vec<&str> = match shape.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        _ => Vec::new(),
    };
    match (names.as_slice(), shape.get("items")) {
        (["array"], Some(items)) => format!("list of {}", kind(root, items)),
        (["object"], _) => "keys and values".into(),
        (["string"], _) => "text".into(),
        (["integer" | "number"], _) => "number".into(),
        (["boolean"], _) => "`true`, `false`".into(),
        (names, _) => names.join(" or "),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_published_pages_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
        for (name, current) in [("job.schema.json", job_schema()), ("job.md", job_reference())] {
            let path = folder.join(name);
            if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &current).unwrap();
            }
            let published = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(published == current, "docs/reference/{name} is old: run the test with PINOTAGE_UPDATE_DOCS=1");
        }
    }
}
