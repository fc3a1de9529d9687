//! The field table of the guide, made from the declarations of the fields.

use std::fmt::Write as _;

use schemars::JsonSchema;

use super::names::NameConfigs;
use super::reader::{ArrowConfigs, AvroConfigs, CsvConfigs, ParquetConfigs, ProtobufConfigs};
use super::spec::SegmentGenerationJobSpec;
use crate::reference::rows;

/// What becomes of every field of a job spec, as Markdown tables.
pub fn job_spec_reference() -> String {
    let mut text = String::new();
    table::<SegmentGenerationJobSpec>("The job spec", "", &mut text);
    table::<NameConfigs>("`segmentNameGeneratorSpec.configs`", "", &mut text);
    table::<CsvConfigs>("`recordReaderSpec.configs` of CSV", "", &mut text);
    table::<AvroConfigs>("`recordReaderSpec.configs` of Avro", "", &mut text);
    table::<ParquetConfigs>("`recordReaderSpec.configs` of Parquet", "", &mut text);
    table::<ArrowConfigs>("`recordReaderSpec.configs` of Arrow", "", &mut text);
    table::<ProtobufConfigs>("`recordReaderSpec.configs` of Protobuf", "", &mut text);
    text
}

fn table<T: JsonSchema>(title: &str, path: &str, text: &mut String) {
    let schema = schemars::schema_for!(T).to_value();
    let _ = write!(text, "### {title}\n\n| field | what becomes of it |\n| --- | --- |\n");
    rows(&schema, &schema, path, &mut |option| {
        let _ = writeln!(text, "| `{}` | {} |", option.place, option.meaning);
    });
    text.push('\n');
}
