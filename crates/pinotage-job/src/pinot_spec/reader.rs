//! Pinot's record readers and their configs, as formats and options of ours.

use std::path::Path;

use pinotage_common::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::notes::Notes;
use super::scalar::flag;
use super::spec::{Configs, RecordReaderSpec};
use super::uri::Place;
use crate::file::{Csv, Protobuf};
use crate::nearest::{document_error, nearest};

/// Where Pinot's readers live.
const PACKAGE: &str = "org.apache.pinot.plugin.inputformat.";

/// Pinot's data formats, readers and config classes, and the formats here.
const READERS: [(&[&str], &str, &str, &str); 9] = [
    (&["avro", "gzipped_avro"], "avro.AvroRecordReader", "avro.AvroRecordReaderConfig", "avro"),
    (&["csv"], "csv.CSVRecordReader", "csv.CSVRecordReaderConfig", "csv"),
    (&["json"], "json.JSONRecordReader", "json.JSONRecordReaderConfig", "json"),
    (&["parquet"], "parquet.ParquetRecordReader", "parquet.ParquetRecordReaderConfig", "parquet"),
    (&[], "parquet.ParquetAvroRecordReader", "parquet.ParquetRecordReaderConfig", "parquet"),
    (&[], "parquet.ParquetNativeRecordReader", "parquet.ParquetRecordReaderConfig", "parquet"),
    (&["arrow"], "arrow.ArrowRecordReader", "arrow.ArrowRecordReaderConfig", "arrow"),
    // It has no config class.
    (&["orc"], "orc.ORCRecordReader", "", "orc"),
    (&["proto"], "protobuf.ProtoBufRecordReader", "protobuf.ProtoBufRecordReaderConfig", "protobuf"),
];

/// Pinot's readers that have no equal here, and what to do.
const REFUSED: [(&str, &str, &str); 2] = [
    (
        "thrift",
        "thrift.ThriftRecordReader",
        "write the rows as Avro, Parquet or Protobuf: what a Thrift file means stands only in the Java class of `thriftClass`",
    ),
    ("bson", "bson.BSONRecordReader", "write the documents as JSON lines, for example with `bsondump`"),
];

/// How inputs are read.
pub(super) struct Reader {
    pub(super) format: &'static str,
    pub(super) csv: Csv,
    pub(super) protobuf: Option<Protobuf>,
}

impl Reader {
    pub(super) fn try_new(spec: &RecordReaderSpec, working: &Path, notes: &mut Notes) -> Result<Self> {
        let (class, config_class, format) = find(spec, notes)?;
        let csv = Csv { trim: true, multi_value_delimiter: Some(';'), ..Csv::default() };
        let mut reader = Self { format, csv, protobuf: None };
        let given = spec.configs.as_ref().is_some_and(|configs| configs.values().any(Option::is_some));
        match (&spec.config_class_name, &spec.configs) {
            (None, _) if given => {
                notes.no_effect("recordReaderSpec.configs", "Pinot reads it only where `configClassName` is given");
            }
            (Some(name), _) if config_class.is_empty() => {
                return Err(Error::invalid_config(format!("`{class}` has no config class, found `{name}`"))
                    .with("option", "recordReaderSpec.configClassName")
                    .action("remove it, and `configs` with it"));
            }
            (Some(name), _) if name.strip_prefix(PACKAGE) != Some(config_class) => {
                return Err(Error::invalid_config(format!("`{name}` is not the config class of `{class}`"))
                    .with("option", "recordReaderSpec.configClassName")
                    .action(format!("write `{PACKAGE}{config_class}`")));
            }
            (Some(_), Some(configs)) => reader.configure(configs, working, notes)?,
            _ => {}
        }
        if format == "protobuf" && reader.protobuf.is_none() {
            let config = "Protobuf is read with a file of descriptors";
            return Err(Error::invalid_config(config)
                .with("option", "recordReaderSpec.configs.descriptorFile")
                .action(format!(
                    "write `configClassName: {PACKAGE}{config_class}` and `configs: {{descriptorFile: …}}`"
                )));
        }
        Ok(reader)
    }

    fn configure(&mut self, configs: &Configs, working: &Path, notes: &mut Notes) -> Result<()> {
        match self.format {
            "csv" => read::<CsvConfigs>(configs)?.apply(&mut self.csv, notes),
            "avro" => {
                let AvroConfigs { extract_raw_time_values, enable_logical_types } = read(configs)?;
                raw_times(extract_raw_time_values == Some(true), "extractRawTimeValues: true")?;
                raw_times(enable_logical_types == Some(false), "enableLogicalTypes: false")
            }
            "parquet" => {
                let configs: ParquetConfigs = read(configs)?;
                for (key, given) in [
                    ("useParquetAvroRecordReader", configs.use_parquet_avro_record_reader),
                    ("useParquetNativeRecordReader", configs.use_parquet_native_record_reader),
                ] {
                    if given.is_some() {
                        notes.no_effect(&format!("recordReaderSpec.configs.{key}"), "there is one Parquet reader here");
                    }
                }
                raw_times(configs.extract_raw_time_values == Some(true), "extractRawTimeValues: true")
            }
            "arrow" => {
                let ArrowConfigs { allocator_limit, extract_raw_time_values } = read(configs)?;
                if allocator_limit.is_some() {
                    notes
                        .no_effect("recordReaderSpec.configs.allocatorLimit", "batches are bounded in other ways here");
                }
                raw_times(extract_raw_time_values == Some(true), "extractRawTimeValues: true")
            }
            "protobuf" => {
                let ProtobufConfigs { descriptor_file } = read(configs)?;
                let Some(descriptor_file) = descriptor_file else { return Ok(()) };
                let path = Place::local("recordReaderSpec.configs.descriptorFile", &descriptor_file, working)?;
                let descriptor_file = path.to_string_lossy().into_owned();
                self.protobuf = Some(Protobuf { descriptor_file, message_type: None });
                Ok(())
            }
            _ => {
                configs.keys().for_each(|key| {
                    notes.no_effect(&format!("recordReaderSpec.configs.{key}"), "the JSON reader has no options");
                });
                Ok(())
            }
        }
    }
}

/// The reader's class, its config class, and the format here.
fn find(spec: &RecordReaderSpec, notes: &mut Notes) -> Result<(&'static str, &'static str, &'static str)> {
    let named = |text: &str| text.to_ascii_lowercase();
    let wanted = spec.data_format.as_deref().map(named);
    let (option, found, refused) = match (&spec.class_name, &wanted) {
        (Some(class), _) => {
            let short = class.strip_prefix(PACKAGE).unwrap_or(class);
            let found = READERS.iter().find(|reader| reader.1 == short);
            (("recordReaderSpec.className", class.clone()), found, REFUSED.iter().find(|refused| refused.1 == short))
        }
        (None, Some(wanted)) => {
            let found = READERS.iter().find(|reader| reader.0.contains(&wanted.as_str()));
            let refused = REFUSED.iter().find(|refused| refused.0 == wanted);
            (("recordReaderSpec.dataFormat", wanted.clone()), found, refused)
        }
        (None, None) => {
            return Err(Error::invalid_config("the job spec does not say what its inputs are")
                .with("option", "recordReaderSpec")
                .action("add `className`, for example `org.apache.pinot.plugin.inputformat.csv.CSVRecordReader`"));
        }
    };
    let (option, value) = option;
    if let Some((_, _, instead)) = refused {
        return Err(Error::unsupported(format!("`{value}` reads a format that Pinotage does not"))
            .with("option", option)
            .action(*instead));
    }
    let Some((formats, class, config_class, format)) = found else {
        let classes = READERS.iter().map(|reader| format!("{PACKAGE}{}", reader.1));
        let known: Vec<String> = match option {
            "recordReaderSpec.className" => classes.collect(),
            _ => READERS.iter().flat_map(|reader| reader.0).map(|name| (*name).to_owned()).collect(),
        };
        let nearest = nearest(&value, known.iter().map(String::as_str)).unwrap_or_default();
        return Err(Error::unsupported(format!("`{value}` is no reader that is known here"))
            .with("option", option)
            .action(format!(
                "write `{nearest}`, or write the rows as CSV, JSON, Avro, Parquet, Arrow, ORC or Protobuf first"
            )));
    };
    if let Some(wanted) = wanted.filter(|wanted| !formats.contains(&wanted.as_str()) && wanted != format) {
        notes.no_effect(
            "recordReaderSpec.dataFormat",
            &format!("it says `{wanted}`, and `className` decides: {format}"),
        );
    }
    Ok((class, config_class, format))
}

fn read<T: DeserializeOwned>(configs: &Configs) -> Result<T> {
    super::typed(configs).map_err(|error| {
        document_error("recordReaderSpec.configs", &error.to_string()).with("option", "recordReaderSpec.configs")
    })
}

fn raw_times(wanted: bool, setting: &str) -> Result<()> {
    match wanted {
        false => Ok(()),
        true => Err(Error::unsupported(format!("`{setting}` asks for times as raw numbers"))
            .with("option", "recordReaderSpec.configs")
            .action("remove it: times are converted to the type and format of their column, milliseconds for LONG")),
    }
}

/// `CSVRecordReaderConfig`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct CsvConfigs {
    /// Honoured: the escape and the null text of commons-csv's formats by name, where `escapeCharacter` and `nullStringValue` are not
    /// set; an unknown name counts as `DEFAULT`.
    file_format: Option<String>,
    /// Honoured: the columns' names, with the delimiter between them.
    header: Option<String>,
    /// Honoured: one ASCII character.
    delimiter: Option<String>,
    /// Honoured for multi-value columns; single-value columns keep it as text, where Pinot would fail.
    multi_value_delimiter: Option<String>,
    /// Honoured.
    #[serde(deserialize_with = "flag")]
    multi_value_delimiter_enabled: Option<bool>,
    /// Honoured: one ASCII character.
    comment_marker: Option<String>,
    /// Honoured: one ASCII character.
    escape_character: Option<String>,
    /// Honoured; empty fields are null besides.
    null_string_value: Option<String>,
    /// Honoured where `header` is given.
    #[serde(deserialize_with = "flag")]
    skip_header: Option<bool>,
    /// `true` is how files are read; `false` is refused.
    #[serde(deserialize_with = "flag")]
    ignore_empty_lines: Option<bool>,
    /// Honoured.
    #[serde(deserialize_with = "flag")]
    ignore_surrounding_spaces: Option<bool>,
    /// Honoured: one ASCII character.
    quote_character: Option<String>,
    /// No effect but with a text for null: `ALL_NON_NULL` and `NON_NUMERIC` are refused then, for they keep that text where it is
    /// quoted. Here it is null, quoted or not, also with a `fileFormat` that has such a mode.
    quote_mode: Option<String>,
    /// No effect: every kind of line break ends a row.
    record_separator: Option<String>,
    /// `false` is how files are read; `true` is refused.
    #[serde(deserialize_with = "flag")]
    stop_on_error: Option<bool>,
    /// `false` is how files are read; `true`, of older releases, is refused.
    #[serde(deserialize_with = "flag")]
    skip_un_parseable_lines: Option<bool>,
}

impl CsvConfigs {
    fn apply(self, csv: &mut Csv, notes: &mut Notes) -> Result<()> {
        let refuse = |key: &str, why: &str, action: &str| {
            Err(Error::unsupported(why).with("option", format!("recordReaderSpec.configs.{key}")).action(action))
        };
        if self.ignore_empty_lines == Some(false) {
            return refuse(
                "ignoreEmptyLines",
                "an empty line is never a row here",
                "remove it, or take empty lines out",
            );
        }
        if self.stop_on_error == Some(true) {
            return refuse(
                "stopOnError",
                "`stopOnError: true` drops the rest of a file behind its first malformed row",
                "remove it: a malformed row stops the job, or is kept aside where the table says `continueOnError`",
            );
        }
        if self.skip_un_parseable_lines == Some(true) {
            return refuse(
                "skipUnParseableLines",
                "`skipUnParseableLines: true` drops rows that nobody counts",
                "remove it: a malformed row stops the job, or is kept aside where the table says `continueOnError`",
            );
        }
        // A text for null takes the place of the format's; what else the format says stays where nothing is said of it.
        let mut null = self.null_string_value;
        if let Some(format) = &self.file_format {
            let canonical = format.replace('_', "").to_ascii_uppercase();
            let (escape, format_null) = match canonical.as_str() {
                "MYSQL" | "ORACLE" | "POSTGRESQLTEXT" => (Some('\\'), Some("\\N")),
                "INFORMIXUNLOAD" => (Some('\\'), None),
                "DEFAULT" | "EXCEL" | "RFC4180" | "TDF" | "MONGODBCSV" | "MONGODBTSV" | "POSTGRESQLCSV"
                | "INFORMIXUNLOADCSV" => (None, None),
                _ => {
                    let why = format!("`{format}` is no format of commons-csv, and Pinot takes DEFAULT then");
                    notes.no_effect("recordReaderSpec.configs.fileFormat", &why);
                    (None, None)
                }
            };
            csv.escape = escape;
            null = null.or_else(|| format_null.map(str::to_owned));
        }
        let one = |key: &str, text: Option<String>| -> Result<Option<char>> {
            let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Ok(Some(c)),
                _ => Err(Error::invalid_config(format!("`{text}` is not one character"))
                    .with("option", format!("recordReaderSpec.configs.{key}"))
                    .action("write one character; a tab is `\"\\t\"` in double quotes")),
            }
        };
        csv.delimiter = one("delimiter", self.delimiter)?.unwrap_or(csv.delimiter);
        csv.multi_value_delimiter = match self.multi_value_delimiter_enabled {
            Some(false) => None,
            _ => one("multiValueDelimiter", self.multi_value_delimiter)?.or(csv.multi_value_delimiter),
        };
        csv.comment = one("commentMarker", self.comment_marker)?;
        csv.escape = one("escapeCharacter", self.escape_character)?.or(csv.escape);
        csv.quote = one("quoteCharacter", self.quote_character)?.or(csv.quote);
        csv.trim = self.ignore_surrounding_spaces.unwrap_or(true);
        csv.null_values.extend(null.filter(|text| !text.is_empty()));
        match self.quote_mode.as_deref() {
            None | Some("ALL" | "MINIMAL" | "NONE") => {}
            Some("ALL_NON_NULL" | "NON_NUMERIC") if csv.null_values.iter().all(String::is_empty) => {}
            Some(mode @ ("ALL_NON_NULL" | "NON_NUMERIC")) => {
                let why = format!("`{mode}` keeps a text for null where it is quoted, and here it is null");
                return refuse("quoteMode", &why, "remove it if no quoted text means itself");
            }
            Some(mode) => {
                return Err(Error::invalid_config(format!("`{mode}` is no quote mode of commons-csv"))
                    .with("option", "recordReaderSpec.configs.quoteMode")
                    .action("remove it: it is about writing"));
            }
        }
        match self.header {
            Some(header) => {
                let names: Vec<&str> = header.split(csv.delimiter).collect();
                let names = names.into_iter().map(|name| if csv.trim { name.trim() } else { name });
                let bare = |name: &str| {
                    let Some(quote) = csv.quote.filter(|quote| name.contains(*quote)) else {
                        return Some(name.to_owned());
                    };
                    let inside = name.strip_prefix(quote)?.strip_suffix(quote)?;
                    (!inside.contains(quote)).then(|| inside.to_owned())
                };
                let Some(names) = names.map(bare).collect::<Option<Vec<_>>>() else {
                    return refuse(
                        "header",
                        "a name of `header` has a quote or a delimiter in it",
                        "rename the column: a name is letters, digits and `_`",
                    );
                };
                csv.column_names = Some(names);
                csv.header = self.skip_header == Some(true);
            }
            None if self.skip_header == Some(true) => {
                notes.no_effect(
                    "recordReaderSpec.configs.skipHeader",
                    "without `header` the first line names the columns",
                );
            }
            None => {}
        }
        for (key, given, why) in [
            ("quoteMode", self.quote_mode, "it is about writing"),
            ("recordSeparator", self.record_separator, "every kind of line break ends a row"),
        ] {
            if given.is_some() {
                notes.no_effect(&format!("recordReaderSpec.configs.{key}"), why);
            }
        }
        Ok(())
    }
}

/// `AvroRecordReaderConfig`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct AvroConfigs {
    /// `false` is how files are read; `true` is refused.
    #[serde(deserialize_with = "flag")]
    extract_raw_time_values: Option<bool>,
    /// `true` is how files are read; `false` is refused.
    #[serde(deserialize_with = "flag")]
    enable_logical_types: Option<bool>,
}

/// `ParquetRecordReaderConfig`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ParquetConfigs {
    /// No effect: there is one Parquet reader here.
    #[serde(deserialize_with = "flag")]
    use_parquet_avro_record_reader: Option<bool>,
    /// No effect: there is one Parquet reader here.
    #[serde(deserialize_with = "flag")]
    use_parquet_native_record_reader: Option<bool>,
    /// `false` is how files are read; `true` is refused.
    #[serde(deserialize_with = "flag")]
    extract_raw_time_values: Option<bool>,
}

/// `ArrowRecordReaderConfig`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ArrowConfigs {
    /// No effect: batches are bounded in other ways here.
    allocator_limit: Option<String>,
    /// `false` is how files are read; `true` is refused.
    #[serde(deserialize_with = "flag")]
    extract_raw_time_values: Option<bool>,
}

/// `ProtoBufRecordReaderConfig`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ProtobufConfigs {
    /// Honoured: a file of this machine, relative to the working directory, or `file:`. The messages are of the first type of the
    /// first file in it, as in Pinot; unlike there it may import others.
    descriptor_file: Option<String>,
}
