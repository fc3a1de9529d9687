//! A job file, validated.

use std::path::{Path, PathBuf};

use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, Schema, SegmentNameGenerator, TableConfig, check_segment_name};

use crate::file::{JobFile, NameType};
use crate::nearest::document_error;
use crate::one_to_one::OneToOne;
use crate::variables;

/// A validated job: paths are absolute, documents are read, contradictions are refused.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The job file's own words.
    pub file: JobFile,
    /// The folder of the job file; paths in it are relative to it.
    pub base: PathBuf,
    /// The table's schema, unless it is to be inferred.
    pub schema: Option<Schema>,
    /// The table's config, unless Pinot's defaults are to be used.
    pub table_config: Option<TableConfig>,
    /// Where segments go.
    pub output: PathBuf,
    /// Where the state lies.
    pub state: PathBuf,
    /// Where bad rows go.
    pub quarantine: PathBuf,
    /// The inputs and their names, for a job that makes one segment of each; otherwise inputs are found behind `source.paths`.
    pub one_to_one: Option<OneToOne>,
}

impl Plan {
    /// Reads and validates a job file.
    ///
    /// # Errors
    ///
    /// `invalid-config` with file, line and the nearest key for what cannot be; `unsupported` for what is not there yet.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(error, "cannot read the job file", path))?;
        Self::from_yaml(&text, &folder_of(path)).map_err(|error| error.with("file", path.display()))
    }

    /// Validates the text of a job file that lies in `base`.
    ///
    /// # Errors
    ///
    /// As [`Plan::from_file`].
    pub fn from_yaml(text: &str, base: &Path) -> Result<Self> {
        // As it stands first: only then an unknown key is told with its line.
        let mut file: JobFile =
            serde_saphyr::from_str(text).map_err(|error| document_error("the job file", &error.to_string()))?;
        if text.contains("${") {
            let mut document =
                serde_saphyr::from_str(text).map_err(|error| document_error("the job file", &error.to_string()))?;
            variables::replace(&mut document, base)?;
            file =
                serde_json::from_value(document).map_err(|error| document_error("the job file", &error.to_string()))?;
        }
        check_segment_name(&file.name).map_err(|_| {
            Error::invalid_config(format!("`{}` cannot be a job's name", file.name))
                .with("option", "name")
                .action("use letters, digits, `-` and `_`")
        })?;
        for (key, value) in [
            ("controller", &file.sink.controller),
            ("createTable", &file.sink.create_table),
            ("delivery", &file.sink.delivery),
        ] {
            if value.is_some() {
                return Err(Error::unsupported(format!(
                    "`sink.{key}` is not there yet: segments stay in `sink.output`"
                ))
                .with("option", format!("sink.{key}"))
                .action("remove the key and upload the segments with Pinot's own tools (`sink.archive: tarGz`)"));
            }
        }
        let schema = file.sink.schema.as_ref().map(|path| Schema::from_file(&base.join(path))).transpose()?;
        let table_config =
            file.sink.table_config.as_ref().map(|path| TableConfig::from_file(&base.join(path))).transpose()?;
        check_documents("sink.table", &file.sink.table, schema.as_ref(), table_config.as_ref())?;
        file.source.time_zone.parse::<chrono_tz::Tz>().map_err(|_| {
            Error::invalid_config(format!("`{}` is not a time zone", file.source.time_zone))
                .with("option", "source.timeZone")
                .action("use a name of the tz database such as `Europe/Oslo` or `UTC`")
        })?;
        if file.sink.segment.max_rows == 0 || file.threads == Some(0) {
            return Err(Error::invalid_config("`sink.segment.maxRows` and `threads` must be at least 1"));
        }
        if file.sink.segment.max_bytes > file.limits.memory {
            return Err(Error::new(
                pinotage_common::ErrorKind::ResourceExhausted,
                format!(
                    "one segment may take {} (`sink.segment.maxBytes`), `limits.memory` is {}",
                    file.sink.segment.max_bytes, file.limits.memory
                ),
            )
            .action(format!(
                "raise `limits.memory` to at least {} or make segments smaller",
                file.sink.segment.max_bytes
            )));
        }
        let state = base.join(file.state.clone().unwrap_or_else(|| format!(".pinotage/{}", file.name)));
        Ok(Self {
            output: base.join(file.sink.output.clone().unwrap_or_else(|| "segments".into())),
            quarantine: file.quarantine.as_ref().map_or_else(|| state.join("quarantine"), |path| base.join(path)),
            state,
            schema,
            table_config,
            base: base.to_owned(),
            one_to_one: None,
            file,
        })
    }

    /// How segments are named.
    ///
    /// # Errors
    ///
    /// `invalid-config` for `fixed` without a name.
    pub fn name_generator(&self, table: &TableConfig) -> Result<SegmentNameGenerator> {
        let option = &self.file.sink.segment_name;
        let prefix = option.prefix.clone().unwrap_or_else(|| self.file.sink.table.clone());
        let postfix = option.postfix.clone();
        Ok(match option.r#type {
            NameType::Simple => SegmentNameGenerator::Simple { prefix, postfix },
            NameType::NormalizedDate => SegmentNameGenerator::NormalizedDate {
                prefix,
                postfix,
                append: table.is_append(),
                hourly: table.is_hourly(),
            },
            NameType::Fixed => SegmentNameGenerator::Fixed {
                name: option
                    .name
                    .clone()
                    .ok_or_else(|| Error::invalid_config("`segmentName.type: fixed` needs a `name`"))?,
            },
        })
    }
}

/// The folder that a job file lies in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Refuses a table's documents that contradict each other or the job, whose `option` names the table.
pub(crate) fn check_documents(
    option: &'static str,
    name: &str,
    schema: Option<&Schema>,
    table: Option<&TableConfig>,
) -> Result<()> {
    let Some(table) = table else { return Ok(()) };
    if table.raw_name() != name {
        return Err(Error::invalid_config(format!(
            "`{option}` is `{name}`, the table config is of `{}`",
            table.raw_name()
        ))
        .action("give both the same name"));
    }
    if let Some(path) = table.unsupported_ingestion().first() {
        return Err(Error::unsupported(format!("the table config changes rows with `{path}`, which is not there yet"))
            .with("option", path)
            .action("do the same in `transform.sql` of a job file and build with a table config without it"));
    }
    if let Some(schema) = schema {
        ColumnPlan::resolve(schema, table)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorBudget;

    const JOB: &str = "name: j\nsource: {kind: files, paths: [a.csv]}\nsink: {kind: pinot, table: t}\n";

    #[test]
    fn a_small_job_has_defaults() {
        let plan = Plan::from_yaml(JOB, Path::new("/jobs")).unwrap();
        assert_eq!(plan.output, Path::new("/jobs/segments"));
        assert_eq!(plan.state, Path::new("/jobs/.pinotage/j"));
        assert_eq!((plan.file.limits.errors, plan.file.sink.segment.max_rows), (ErrorBudget::Rows(100), 5_000_000));
    }

    #[test]
    fn the_nearest_key_is_named() {
        let error = Plan::from_yaml(&JOB.replace("source:", "souce:"), Path::new(".")).unwrap_err();
        assert!(error.advice().contains("`source`"), "{error} {}", error.advice());
        let error = Plan::from_yaml(&JOB.replace("paths", "pahts"), Path::new(".")).unwrap_err();
        assert!(error.advice().contains("`paths`"), "{error} {}", error.advice());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (from, to, expected) in [
            ("table: t", "table: t, controller: 'h:9000'", "sink.controller"),
            ("paths: [a.csv]", "paths: [a.csv], timeZone: Mars", "Mars"),
            ("name: j", "name: a/b", "a/b"),
            ("table: t}", "table: t}\nlimits: {memory: 1MiB}", "limits.memory"),
        ] {
            let error = Plan::from_yaml(&JOB.replace(from, to), Path::new(".")).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
