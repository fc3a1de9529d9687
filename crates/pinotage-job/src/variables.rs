//! `${env:NAME}` and `${file:PATH}` in the texts of a job file.

use std::path::Path;

use pinotage_common::{Error, Result};
use serde_json::Value;

/// Replaces the variables in every text of a document. A replaced text is not looked at again, and stays a text: no
/// variable can add a key or change the document's shape. `$${` stands for `${`.
///
/// # Errors
///
/// `not-found` for a variable that is not set or a file that is not there, `invalid-config` for other `${…}`.
pub(crate) fn replace(document: &mut Value, base: &Path) -> Result<()> {
    replace_at(document, base, &mut Vec::new())
}

fn replace_at(value: &mut Value, base: &Path, path: &mut Vec<String>) -> Result<()> {
    match value {
        Value::String(text) if text.contains("${") => {
            *text = expand(text, base).map_err(|error| error.with("option", path.join(".")))?;
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                path.push(at.to_string());
                replace_at(item, base, path)?;
                path.pop();
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries.iter_mut() {
                path.push(key.clone());
                replace_at(item, base, path)?;
                path.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

fn expand(text: &str, base: &Path) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, variable) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = variable.get(2..).unwrap_or_default();
            continue;
        }
        out.push_str(before);
        let Some((name, after)) = variable.get(2..).and_then(|variable| variable.split_once('}')) else {
            return Err(unknown(variable));
        };
        match name.split_once(':') {
            Some(("env", name)) => out.push_str(&std::env::var(name).map_err(|_| {
                Error::not_found(format!("the environment variable `{name}` is not set"))
                    .action(format!("set it before the job starts, for example `export {name}=…`"))
            })?),
            // The last line break of a file is the editor's, not the secret's.
            Some(("file", path)) => {
                let path = base.join(path);
                let content = std::fs::read_to_string(&path)
                    .map_err(|error| Error::io(error, "cannot read a file that the job names", &path))?;
                out.push_str(
                    content.strip_suffix('\n').map_or(content.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)),
                );
            }
            _ => return Err(unknown(&format!("${{{name}}}"))),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn unknown(variable: &str) -> Error {
    Error::invalid_config(format!("`{variable}` is no variable"))
        .action("write `${env:NAME}`, `${file:PATH}`, or `$${` for the two characters themselves")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_replaced_and_stay_texts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "a: ${env:HOME}\n").unwrap();
        let mut document = json!({"a": ["x-${file:password}-y", 3], "b": "$${env:A}", "c": "${env:CARGO_PKG_NAME}"});
        replace(&mut document, folder.path()).unwrap();
        assert_eq!(document, json!({"a": ["x-a: ${env:HOME}-y", 3], "b": "${env:A}", "c": "pinotage-job"}));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, expected) in [
            ("${env:PINOTAGE_NOT_SET}", "`PINOTAGE_NOT_SET` is not set"),
            ("${file:no-such-file}", "no-such-file"),
            ("${HOME}", "`${HOME}` is no variable"),
            ("${env:A", "`${env:A` is no variable"),
        ] {
            let error = replace(&mut json!({"sink": {"table": text}}), Path::new("/nowhere")).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("sink.table"), "{error}");
        }
    }
}
