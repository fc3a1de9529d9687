//! Groovy's template syntax, as far as it is no code.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Days, Utc};
use pinotage_common::{Error, Result};

use super::properties;

/// The values of a job spec's variables.
///
/// # Pinot equivalent
///
/// The context of `GroovyTemplateUtils.renderTemplate`, filled by `IngestionJobLauncher`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateValues(BTreeMap<String, String>);

impl TemplateValues {
    /// Joins the sources as Pinot does: `today` and `yesterday` (UTC), the property file, the environment for keys that the
    /// property file has, and `key=value` pairs before all of them.
    ///
    /// # Errors
    ///
    /// Those of reading the property file, `invalid-config` for a pair without `=`.
    pub fn collect(
        pairs: &[String],
        property_file: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let day = |date: DateTime<Utc>| date.format("%Y-%m-%d").to_string();
        let yesterday = now.checked_sub_days(Days::new(1)).unwrap_or(now);
        let mut values = BTreeMap::from([("today".to_owned(), day(now)), ("yesterday".to_owned(), day(yesterday))]);
        if let Some(path) = property_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Error::io(error, "cannot read the property file", path))?;
            for (key, value) in properties::parse(&text) {
                let value = environment(&key).unwrap_or(value);
                values.insert(key, value);
            }
        }
        for pair in pairs {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                Error::invalid_config(format!("`{pair}` is no value for a template"))
                    .with("option", "--values")
                    .action("write it as `key=value`")
            })?;
            values.insert(key.to_owned(), value.to_owned());
        }
        Ok(Self(values))
    }

    /// Fills a template: `${name}`, `${ name }`, `$name` and `<%= name %>` become the value of `name`, `\$` becomes `$`.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a name without value, `unsupported` for anything else that Groovy would run as code.
    pub(crate) fn render(&self, template: &str) -> Result<String> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find(['$', '\\', '<']) {
            let (before, here) = rest.split_at(at);
            out.push_str(before);
            let line = || 1 + template[..template.len() - here.len()].matches('\n').count();
            let code = |code: &str| groovy(code).with("line", line());
            rest = if let Some(after) = here.strip_prefix("\\$") {
                out.push('$');
                after
            } else if let Some(after) = here.strip_prefix("<%=") {
                let (name, after) = after.split_once("%>").ok_or_else(|| code("<%="))?;
                out.push_str(self.value(name, &format!("<%={name}%>")).map_err(|error| error.with("line", line()))?);
                after
            } else if here.starts_with("<%") {
                let end = here.find("%>").map_or(here.len(), |end| end + 2);
                return Err(code(here.get(..end).unwrap_or(here)));
            } else if let Some(after) = here.strip_prefix("${") {
                let (name, after) = after.split_once('}').ok_or_else(|| code("${"))?;
                out.push_str(self.value(name, &format!("${{{name}}}")).map_err(|error| error.with("line", line()))?);
                after
            } else if let Some((name, after)) = here.strip_prefix('$').and_then(split_name) {
                if let Some((member, _)) = after.strip_prefix('.').and_then(split_name) {
                    return Err(code(&format!("${name}.{member}")));
                }
                out.push_str(self.value(name, &format!("${name}")).map_err(|error| error.with("line", line()))?);
                after
            } else {
                let (first, after) = here.split_at(1);
                out.push_str(first);
                after
            };
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, name: &str, written: &str) -> Result<&str> {
        let name = name.trim();
        if !split_name(name).is_some_and(|(_, after)| after.is_empty()) {
            return Err(groovy(written));
        }
        self.0.get(name).map(String::as_str).ok_or_else(|| {
            Error::invalid_config(format!("the job spec uses `{written}`, and `{name}` has no value"))
                .action(format!("add `--values {name}=…`, or a line `{name}=…` to the file of `--property-file`"))
        })
    }
}

/// An identifier at the start, and what follows it.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    name.starts_with(|c: char| c.is_alphabetic() || c == '_').then_some((name, after))
}

fn groovy(code: &str) -> Error {
    let code: String = code.chars().take(80).collect();
    Error::unsupported(format!("the job spec has Groovy code, `{code}`, which is not run here")).action(
        "use a plain variable such as `${date}` and give its value with `--values date=…`; `\\$` stands for `$`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> TemplateValues {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.properties");
        std::fs::write(&path, "a=A\nyear = 2013\nhome=file\n").unwrap();
        let environment = |key: &str| match key {
            "home" => Some("environment".to_owned()),
            "PATH" => Some("/bin".to_owned()),
            _ => None,
        };
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        TemplateValues::collect(&["year=2014".into(), "pair=x=y".into()], Some(&path), &environment, now).unwrap()
    }

    /// The left sides were given to Pinot's own template engine; the right sides are its answers.
    #[test]
    fn plain_variables_are_filled_as_groovy_does() {
        for (template, expected) in [
            ("x: ${a}", "x: A"),
            ("x: $a", "x: A"),
            ("x: $a.", "x: A."),
            ("x: ${ a }", "x: A"),
            ("x: <%= a %>", "x: A"),
            ("q: ${a}\"$a\"", "q: A\"A\""),
            (r"x: \${a}", "x: ${a}"),
            (r"t: '\\${a}'", r"t: '\${a}'"),
            (r"t: '\${filePathPattern:\1}'", r"t: '${filePathPattern:\1}'"),
            (r"p: '.+/(.+)\.gz'", r"p: '.+/(.+)\.gz'"),
            ("s: a < b", "s: a < b"),
            ("d: ${today} ${yesterday}", "d: 2023-11-14 2023-11-13"),
            ("y: ${year} ${home} ${pair}", "y: 2014 environment x=y"),
        ] {
            assert_eq!(values().render(template).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn code_and_unknown_names_are_refused() {
        let mut text = String::new();
        for template in [
            "a\nb: ${new Date().format('yyyy')}",
            "<% out.print(1) %>",
            "<% never closed",
            "x: $a.length",
            "x: ${a.b}",
            "x: ${}",
            "x: ${a",
            "x: ${nope}",
            "x: $PATH",
        ] {
            let error = values().render(template).unwrap_err();
            text.push_str(&format!("{template}\n  {error}\n  {}\n", error.advice()));
        }
        insta::assert_snapshot!(text);
        assert!(TemplateValues::collect(&["year".into()], None, &|_| None, Utc::now()).is_err());
    }
}
