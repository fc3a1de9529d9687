//! Writes `metadata.properties` (`BaseSegmentCreator.writeMetadata`).

use pinotage_spec::{DataType, FieldType};

use super::{ColumnMetadata, SegmentMetadata};
use crate::properties::{encode_bound, write_line, write_list};
use crate::star_tree::StarTreeMetadata;

impl SegmentMetadata {
    /// The text of `metadata.properties`: every key that a 1.5 or 1.6 server reads, the ones that only older servers
    /// need included. The order is fixed, so equal segments have equal bytes.
    pub fn to_properties(&self) -> String {
        let mut out = String::new();
        // Servers up to 1.5 take a missing padding character for the old `%` and refuse the dictionary.
        write_line("segment.padding.character", "\0", &mut out);
        write_line("segment.name", &self.name, &mut out);
        write_line("segment.table.name", &self.table_name, &mut out);
        for (key, field_type) in [
            ("dimension", FieldType::Dimension),
            ("metric", FieldType::Metric),
            ("datetime", FieldType::DateTime),
            ("complex", FieldType::Complex),
        ] {
            let names = self.columns.iter().filter(|(_, column)| column.field_type == field_type);
            write_list(&format!("segment.{key}.column.names"), names.map(|(name, _)| name.as_str()), &mut out);
        }
        if let Some(time) = &self.time {
            write_line("segment.time.column.name", &time.column, &mut out);
        }
        write_line("segment.total.docs", &self.num_docs.to_string(), &mut out);
        if let Some((time, (start, end))) = self.time.as_ref().and_then(|time| Some((time, time.range?))) {
            write_line("segment.start.time", &start.to_string(), &mut out);
            write_line("segment.end.time", &end.to_string(), &mut out);
            write_line("segment.time.unit", time.unit.name(), &mut out);
        }
        for (name, column) in &self.columns {
            column.write(name, self.num_docs, &mut out);
        }
        for (key, value) in &self.custom {
            write_line(&format!("custom.{key}"), value, &mut out);
        }
        write_line("segment.index.version", "v3", &mut out);
        StarTreeMetadata::write_all(&self.star_trees, &mut out);
        out
    }
}

impl ColumnMetadata {
    fn write(&self, name: &str, num_docs: u32, out: &mut String) {
        let mut line = |key: &str, value: &str| write_line(&format!("column.{name}.{key}"), value, out);
        let encoding = if self.forward_is_dictionary { "DICTIONARY" } else { "RAW" };
        line("columnType", self.field_type.name());
        line("dataType", self.data_type.name());
        line("isSingleValues", text(self.single_value));
        if self.data_type == DataType::Map {
            line("defaultNullValue", "{}");
        } else if let Some(default) = self.default_null_value.as_ref().and_then(encode_bound) {
            line("defaultNullValue", &default);
        }
        if let Some((max, strategy)) = &self.max_length {
            line("schemaMaxLength", &max.to_string());
            line("schemaMaxLengthExceedStrategy", strategy);
        }
        if let Some((format, granularity)) = &self.date_time {
            line("datetimeFormat", format);
            line("datetimeGranularity", granularity);
        }
        line("totalDocs", &num_docs.to_string());
        line("cardinality", &self.cardinality.to_string());
        line("hasDictionary", text(self.has_dictionary));
        line("forwardIndexEncoding", encoding);
        line("isSorted", text(self.sorted));
        if self.non_null {
            line("isNonNull", "true");
        }
        if let Some((shortest, longest)) = self.element_lengths {
            line("lengthOfShortestElement", &shortest.to_string());
            line("lengthOfLongestElement", &longest.to_string());
        }
        if let Some(ascii) = self.ascii {
            line("isAscii", text(ascii));
        }
        if let Some(bytes) = self.max_row_bytes {
            line("maxRowLengthInBytes", &bytes.to_string());
        }
        line("lengthOfEachEntry", &self.dictionary_entry_width.to_string());
        line("bitsPerElement", &self.bits_per_id.to_string());
        line("maxNumberOfMultiValues", &self.max_values_per_doc.to_string());
        line("totalNumberOfEntries", &self.num_values.to_string());
        if num_docs > 0 && self.data_type != DataType::Map {
            let bounds = [("minValue", &self.min), ("maxValue", &self.max)]
                .map(|(key, bound)| (key, bound.as_ref().and_then(encode_bound)));
            for (key, bound) in &bounds {
                if let Some(bound) = bound {
                    line(key, bound);
                }
            }
            if bounds.iter().all(|(_, bound)| bound.is_none()) {
                line("minMaxValueInvalid", "true");
            }
        }
        if let Some(partition) = &self.partition {
            line("partitionFunction", &partition.function);
            line("numPartitions", &partition.num_partitions.to_string());
            for (key, value) in &partition.config {
                line(&format!("partitionFunctionConfig.{key}"), value);
            }
            let partitions: Vec<String> = partition.partitions.iter().map(u32::to_string).collect();
            write_list(&format!("column.{name}.partitionValues"), partitions.iter().map(String::as_str), out);
        }
        if !self.children.is_empty() {
            let names = self.children.iter().map(|child| child.name.as_str());
            write_list(&format!("column.{name}.complexChildFieldNames"), names, out);
        }
        for child in &self.children {
            let mut line =
                |key: &str, value: &str| write_line(&format!("column.{name}$${}.{key}", child.name), value, out);
            line("columnType", child.field_type.name());
            line("columnName", &child.name);
            line("dataType", child.data_type.name());
            line("isSingleValues", text(child.single_value));
            if matches!(child.data_type, DataType::String | DataType::Bytes | DataType::Json) {
                line("schemaMaxLength", &child.max_length.to_string());
                line("schemaMaxLengthExceedStrategy", child.max_length_strategy.name());
            }
        }
    }
}

fn text(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}
