//! Pinot's segment name generators of a batch job.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, Schema, TableConfig};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_128;

use super::notes::Notes;
use super::pattern::java_regex;
use super::scalar::flag;
use super::spec::SegmentNameGeneratorSpec;
use crate::file::{NameType, SegmentName};
use crate::nearest::{document_error, nearest};
use crate::one_to_one::InputName;

const TYPES: [&str; 5] = ["simple", "normalizedDate", "fixed", "inputFile", "uploadedRealtime"];

/// `segmentNameGeneratorSpec.configs`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NameConfigs {
    /// Honoured by `fixed`: the name.
    #[serde(rename = "segment.name")]
    name: Option<String>,
    /// Honoured by `normalizedDate` and `uploadedRealtime`. No effect for `simple`, as in Pinot: the table is the prefix.
    #[serde(rename = "segment.name.prefix")]
    prefix: Option<String>,
    /// Honoured by `simple`, `normalizedDate` and `uploadedRealtime`.
    #[serde(rename = "segment.name.postfix")]
    postfix: Option<String>,
    /// Honoured by `normalizedDate`.
    #[serde(rename = "exclude.sequence.id", deserialize_with = "flag")]
    exclude_sequence: Option<bool>,
    /// Honoured by `simple`.
    #[serde(rename = "exclude.time.in.segment.name", deserialize_with = "flag")]
    exclude_time: Option<bool>,
    /// Honoured by `simple`, `normalizedDate` and `inputFile`: the UUID is made of the input's path, so that a segment that is
    /// built again replaces itself.
    #[serde(rename = "append.uuid.to.segment.name", deserialize_with = "flag")]
    append_uuid: Option<bool>,
    /// Honoured: inputs are counted through all folders, in the order of their paths, instead of in each folder.
    #[serde(rename = "use.global.directory.sequence.id", deserialize_with = "flag")]
    global_sequence: Option<bool>,
    /// Honoured, as the opposite of `use.global.directory.sequence.id`.
    #[serde(rename = "local.directory.sequence.id", deserialize_with = "flag")]
    local_sequence: Option<bool>,
    /// Honoured by `inputFile`: a regular expression on the whole path, without scheme and bucket.
    #[serde(rename = "file.path.pattern")]
    file_path_pattern: Option<String>,
    /// Honoured by `inputFile`: with `${filePathPattern:\N}` for the groups; in a job spec it is written `\${filePathPattern:\1}`.
    #[serde(rename = "segment.name.template")]
    template: Option<String>,
    /// Honoured by `uploadedRealtime`.
    #[serde(rename = "segment.partitionId")]
    partition_id: Option<String>,
    /// Honoured by `uploadedRealtime`.
    #[serde(rename = "segment.uploadTimeMs")]
    upload_time: Option<String>,
}

/// How the segments of a job spec are named.
pub(super) struct Names {
    /// For names that hold times.
    pub(super) timed: SegmentName,
    /// Inputs are counted through all folders.
    pub(super) global_sequence: bool,
    kind: Kind,
    append_uuid: bool,
}

enum Kind {
    /// The time column's values are part of the name, which only the built segment knows.
    Timed {
        with_sequence: bool,
    },
    /// Everything but the sequence.
    Untimed(String),
    Fixed(String),
    InputFile {
        pattern: Regex,
        template: String,
    },
    /// Everything but the suffix, and the suffix unless it is the sequence.
    Uploaded(String, Option<String>),
}

impl Names {
    pub(super) fn try_new(
        spec: Option<&SegmentNameGeneratorSpec>,
        schema: &Schema,
        table: &TableConfig,
        notes: &mut Notes,
    ) -> Result<Self> {
        const OPTION: &str = "segmentNameGeneratorSpec.configs";
        let spec = spec.cloned().unwrap_or_default();
        let written = spec.configs.unwrap_or_default();
        let configs: NameConfigs = super::typed(&written)
            .map_err(|error| document_error(OPTION, &error.to_string()).with("option", OPTION))?;
        let kind = spec.r#type.unwrap_or_else(|| inferred(schema, table).to_owned());
        let used: &[&str] = match kind.as_str() {
            "simple" => &["segment.name.postfix", "exclude.time.in.segment.name", "append.uuid.to.segment.name"],
            "normalizedDate" => {
                &["segment.name.prefix", "segment.name.postfix", "exclude.sequence.id", "append.uuid.to.segment.name"]
            }
            "fixed" => &["segment.name"],
            "inputFile" => &["file.path.pattern", "segment.name.template", "append.uuid.to.segment.name"],
            "uploadedRealtime" => {
                &["segment.partitionId", "segment.uploadTimeMs", "segment.name.prefix", "segment.name.postfix"]
            }
            _ => {
                let nearest = nearest(&kind, TYPES).unwrap_or("simple");
                return Err(Error::invalid_config(format!("`{kind}` is no type of segment names"))
                    .with("option", "segmentNameGeneratorSpec.type")
                    .action(format!("write `{nearest}`; the types are {}", TYPES.join(", "))));
            }
        };
        for (key, _) in written.iter().filter(|(_, value)| value.is_some()) {
            if !used.contains(&key.as_str()) && !key.ends_with(".directory.sequence.id") {
                notes.no_effect(&format!("{OPTION}.{key}"), &format!("names of type `{kind}` do not use it"));
            }
        }
        let needed = |key: &str, value: Option<String>| {
            value.filter(|value| !value.trim().is_empty()).ok_or_else(|| {
                Error::invalid_config(format!("segment names of type `{kind}` need `{key}`"))
                    .with("option", OPTION)
                    .action(format!("add `{key}` to `segmentNameGeneratorSpec.configs`"))
            })
        };
        let table_name = name_with_type(table);
        let mut timed = SegmentName { prefix: Some(table_name.clone()), ..SegmentName::default() };
        let postfix = configs.postfix.clone();
        let made = match kind.as_str() {
            "simple" if configs.exclude_time == Some(true) => Kind::Untimed(join([Some(table_name), postfix])),
            "simple" => {
                timed.postfix = postfix;
                Kind::Timed { with_sequence: true }
            }
            "normalizedDate" => {
                if table.is_append() && table.time_column().is_none() {
                    return Err(Error::invalid_config(
                        "names with dates need a time column, the table config has none",
                    )
                    .with("option", "segmentNameGeneratorSpec.type")
                    .action("add `segmentsConfig.timeColumnName` to the table config, or name segments `simple`"));
                }
                timed.r#type = NameType::NormalizedDate;
                timed.prefix = configs.prefix.map(|prefix| prefix.trim().to_owned()).or(timed.prefix);
                timed.postfix = postfix.map(|postfix| postfix.trim().to_owned());
                Kind::Timed { with_sequence: configs.exclude_sequence != Some(true) }
            }
            "fixed" => Kind::Fixed(needed("segment.name", configs.name)?),
            "inputFile" => {
                let pattern = needed("file.path.pattern", configs.file_path_pattern)?;
                let pattern = java_regex("segmentNameGeneratorSpec.configs.file.path.pattern", &pattern)?;
                Kind::InputFile { pattern, template: needed("segment.name.template", configs.template)? }
            }
            _ => {
                let part = |key: &str, value: Option<String>| -> Result<String> {
                    let value = needed(key, value)?;
                    match value.contains("__") {
                        false => Ok(value),
                        true => Err(Error::invalid_config(format!("`{value}` holds `__`, which separates the parts"))
                            .with("option", format!("{OPTION}.{key}"))
                            .action("use single underscores")),
                    }
                };
                let count = |key: &str, value: Option<String>| -> Result<u64> {
                    let value = needed(key, value)?;
                    value.trim().parse().map_err(|_| {
                        Error::invalid_config(format!("`{value}` is no number"))
                            .with("option", format!("{OPTION}.{key}"))
                            .action("write a whole number that is not negative")
                    })
                };
                let prefix = part("segment.name.prefix", configs.prefix)?;
                let partition = count("segment.partitionId", configs.partition_id)?;
                let millis = count("segment.uploadTimeMs", configs.upload_time)?;
                let suffix = configs.postfix.filter(|suffix| !suffix.trim().is_empty());
                let suffix = suffix.map(|suffix| part("segment.name.postfix", Some(suffix))).transpose()?;
                Kind::Uploaded(format!("{prefix}__{table_name}__{partition}__{millis}__"), suffix)
            }
        };
        let global_sequence = configs.global_sequence.or(configs.local_sequence.map(|local| !local)).unwrap_or(false);
        Ok(Self { timed, global_sequence, kind: made, append_uuid: configs.append_uuid == Some(true) })
    }

    /// What the segment of an input is called.
    pub(super) fn of(&self, path: &str, sequence: usize, notes: &mut Notes) -> InputName {
        let uuid = || self.append_uuid.then(|| uuid(path));
        let sequence = sequence.to_string();
        match &self.kind {
            Kind::Timed { with_sequence } => {
                let tail = join([with_sequence.then_some(sequence), uuid()]);
                InputName::Sequence(Some(tail).filter(|tail| !tail.is_empty()))
            }
            Kind::Untimed(start) => InputName::Whole(join([Some(start.clone()), Some(sequence), uuid()])),
            Kind::Fixed(name) => InputName::Whole(name.clone()),
            Kind::InputFile { pattern, template } => {
                let path = &*uri_path(path);
                let name = match pattern.captures(path) {
                    Some(groups) => groups.iter().enumerate().skip(1).fold(template.clone(), |name, (at, group)| {
                        let value = group.map_or("", |group| group.as_str());
                        name.replace(&format!("${{filePathPattern:\\{at}}}"), value)
                    }),
                    None => {
                        let name = path.trim_start_matches('/').replace(['/', '.'], "_");
                        notes
                            .add(format!("`file.path.pattern` does not match {path}, whose segment is named `{name}`"));
                        name
                    }
                };
                InputName::Whole(join([Some(name), uuid()]))
            }
            Kind::Uploaded(start, suffix) => {
                InputName::Whole(format!("{start}{}", suffix.as_deref().unwrap_or(&sequence)))
            }
        }
    }
}

/// The table's name with its type: what Pinot's batch jobs begin names with.
fn name_with_type(table: &TableConfig) -> String {
    let kind = table.json().get("tableType").and_then(serde_json::Value::as_str).unwrap_or("OFFLINE");
    format!("{}_{kind}", table.raw_name())
}

/// The type of names that Pinot takes where none is given.
fn inferred(schema: &Schema, table: &TableConfig) -> &'static str {
    let time = table.time_column().and_then(|column| schema.field(column));
    let dated = time.is_some_and(|field| {
        let format = field.date_time.as_ref().map(|time| time.format_text.to_ascii_uppercase());
        field.data_type == DataType::String && format.is_some_and(|format| format.contains("SIMPLE_DATE_FORMAT"))
    });
    if dated { "normalizedDate" } else { "simple" }
}

fn join<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("_")
}

/// What Java's `URI.getPath` says of a URI: no scheme, no bucket, nothing percent-encoded. The path of a file is one already.
fn uri_path(uri: &str) -> Cow<'_, str> {
    match uri.split_once("://") {
        None => uri.into(),
        Some((_, rest)) => {
            let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
            percent_decode_str(path).decode_utf8_lossy()
        }
    }
}

/// A UUID (version 8) of a text, always the same one.
fn uuid(text: &str) -> String {
    let hash = xxh3_128(text.as_bytes());
    let bits = hash & !(0xf << 76) & !(0x3 << 62) | 0x8 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default().to_owned()).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_of_a_path_stays_its_own() {
        assert_eq!(uuid("/data/a.csv"), uuid("/data/a.csv"));
        assert_ne!(uuid("/data/a.csv"), uuid("/data/b.csv"));
    }

    /// What Pinot's own generators say, with `cargo xtask java`.
    #[test]
    fn names_of_inputs_are_those_of_pinots_classes() {
        let Ok(class_path) = std::env::var("PINOTAGE_CONFORMANCE_CLASSPATH") else {
            eprintln!("SKIPPED: no judge; `cargo xtask test` builds it and says where it is");
            return;
        };
        let schema = r#"{"schemaName": "tbl", "dimensionFieldSpecs": [{"name": "a", "dataType": "INT"}]}"#;
        let schema = Schema::from_json(schema).unwrap();
        let table = TableConfig::from_json(r#"{"tableName": "tbl", "tableType": "OFFLINE"}"#).unwrap();
        let named = |kind: &str, configs: &serde_json::Value, path: &str, sequence: usize| {
            let spec = serde_json::json!({"type": kind, "configs": configs});
            let spec: SegmentNameGeneratorSpec = serde_json::from_value(spec).unwrap();
            let mut notes = Notes::default();
            match Names::try_new(Some(&spec), &schema, &table, &mut notes).unwrap().of(path, sequence, &mut notes) {
                InputName::Whole(name) => name,
                other => panic!("{other:?}"),
            }
        };
        let (mut questions, mut ours) = (Vec::new(), Vec::new());
        let patterns = [
            (
                r".+/rawdata/(\d+)/(\d+)/(.)\.csv",
                r"g_${filePathPattern:\1}_${filePathPattern:\2}_${filePathPattern:\3}",
            ),
            (r"/data/(.+)/([a-z]+)", r"${filePathPattern:\2}${filePathPattern:\2}-${filePathPattern:\10}"),
            (r"(/)()()()()()()()()(.+)\.csv", r"${filePathPattern:\1}${filePathPattern:\10}"),
            (r".*", "always"),
        ];
        let paths = [
            "/data/rawdata/2023/11/a.csv",
            "s3://bucket/rawdata/1/2/b.csv",
            "s3://bucket/x/rawdata/1/2/b.csv",
            "/data/x.y/plain",
            "/x.csv",
            "gs://b/data/a%20b%25/c",
            "hdfs://host:8020/data/d/e",
            "relative/a.csv",
            "/",
            "file:///data/\u{e9}.csv",
        ];
        for (pattern, template) in patterns {
            for path in paths {
                questions.push(
                    serde_json::json!({"type": "inputFile", "pattern": pattern, "template": template, "uri": path,
                    "sequence": 3, "min": null}),
                );
                let configs = serde_json::json!({"file.path.pattern": pattern, "segment.name.template": template});
                ours.push(named("inputFile", &configs, path, 3));
            }
        }
        for (suffix, sequence) in [(None, 0), (None, 12), (Some("s"), 12)] {
            questions.push(
                serde_json::json!({"type": "uploadedRealtime", "prefix": "up", "postfix": suffix, "partition": 3,
                "time": 1_700_000_000_000_i64, "sequence": sequence, "min": null}),
            );
            let configs = serde_json::json!({"segment.name.prefix": "up", "segment.name.postfix": suffix,
                "segment.partitionId": "3", "segment.uploadTimeMs": "1700000000000"});
            // Its batch jobs give it the table's name with the type.
            ours.push(named("uploadedRealtime", &configs, "/a.csv", sequence).replace("tbl_OFFLINE", "tbl"));
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("input.json");
        std::fs::write(&file, serde_json::Value::from(questions.clone()).to_string()).unwrap();
        let mut java = std::process::Command::new("java");
        java.args(["-Xmx1g", "-cp", &class_path, "io.pinotage.conformance.Conformance", "names"]).arg(&file);
        let output = java.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answers = String::from_utf8(output.stdout).unwrap();
        assert_eq!(answers.lines().count(), questions.len());
        let mut wrong = Vec::new();
        for ((answer, ours), question) in answers.lines().zip(&ours).zip(&questions) {
            let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
            if answer["name"] != **ours {
                wrong.push(format!("{question}: {answer}, ours {ours}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
