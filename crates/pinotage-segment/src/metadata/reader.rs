//! Reads `metadata.properties` of any age (`SegmentMetadataImpl`, `ColumnMetadataImpl`).

use std::collections::BTreeMap;
use std::str::FromStr;

use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, FieldSpec, FieldType, TimeUnit};

use super::{ColumnMetadata, PartitionMetadata, SegmentMetadata, TimeInterval};
use crate::bits::bits_per_id;
use crate::constants::METADATA_FILE;
use crate::properties::{Properties, decode_bound};
use crate::star_tree::StarTreeMetadata;

impl SegmentMetadata {
    /// Reads the bytes of `metadata.properties`.
    ///
    /// Columns of types that cannot be read (LIST and the like) are left out.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` naming the key when a value that is needed is missing or makes no sense.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::from_properties(&Properties::parse(bytes)).map_err(|error| error.with("file", METADATA_FILE))
    }

    fn from_properties(properties: &Properties) -> Result<Self> {
        let num_docs: u32 = required(properties, "segment.total.docs")?;
        if i32::try_from(num_docs).is_err() {
            return Err(Error::corrupt(format!("expected at most 2^31 - 1 docs, found {num_docs}")));
        }
        // Very old writers padded strings with `%`; read as they are, they would end in it. Pinot refuses them, too. An
        // absent key says nothing, because 1.6 no longer reads it.
        if let Some(padding) = properties.get("segment.padding.character").filter(|padding| *padding != "\0") {
            return Err(Error::unsupported(format!("strings padded with `{padding}` cannot be read"))
                .action("build the segment again with a current Pinot, which pads with NUL"));
        }
        let time_column = properties.get("segment.time.column.name").filter(|name| !name.is_empty());
        let mut columns = BTreeMap::new();
        let lists = ["dimension", "metric", "datetime", "complex"].map(|list| format!("segment.{list}.column.names"));
        let names = lists.iter().flat_map(|key| properties.get_list(key)).map(String::as_str).chain(time_column);
        for name in names.filter(|name| !name.is_empty()) {
            let column =
                ColumnMetadata::parse(properties, name, num_docs).map_err(|error| error.with("column", name))?;
            if let Some(column) = column {
                columns.insert(name.to_owned(), column);
            }
        }
        let time = time_column
            .map(|column| -> Result<TimeInterval> {
                let start = optional(properties, "segment.start.time")?;
                let end = optional(properties, "segment.end.time")?;
                let unit = properties.get("segment.time.unit").and_then(TimeUnit::parse);
                Ok(TimeInterval {
                    column: column.to_owned(),
                    range: start.zip(end).filter(|_| unit.is_some()),
                    unit: unit.unwrap_or(TimeUnit::Milliseconds),
                })
            })
            .transpose()?;
        let custom = properties
            .keys()
            .filter_map(|key| Some((key.strip_prefix("custom.")?.to_owned(), properties.get(key)?.to_owned())))
            .collect();
        let text = |key: &str| properties.get(key).unwrap_or_default().to_owned();
        Ok(Self {
            name: text("segment.name"),
            table_name: text("segment.table.name"),
            num_docs,
            time,
            columns,
            star_trees: StarTreeMetadata::parse_all(properties)?,
            custom,
        })
    }
}

impl ColumnMetadata {
    fn parse(properties: &Properties, name: &str, num_docs: u32) -> Result<Option<Self>> {
        let key = |suffix: &str| format!("column.{name}.{suffix}");
        let get = |suffix: &str| properties.get(&key(suffix));
        let flag = |suffix: &str, default| get(suffix).map_or(default, |text| text.eq_ignore_ascii_case("true"));
        let number = |suffix: &str| optional::<u32>(properties, &key(suffix));
        let Some(data_type) = get("dataType") else {
            return Err(missing(&key("dataType")));
        };
        // Before 0.7 some writers had a STRING_ARRAY and the like; anything else unknown is left to newer readers.
        let Ok(data_type) = DataType::from_str(data_type) else { return Ok(None) };
        let field_type = match get("columnType") {
            Some("METRIC") => FieldType::Metric,
            Some("DATE_TIME" | "TIME") => FieldType::DateTime,
            Some("DIMENSION") => FieldType::Dimension,
            Some("COMPLEX") => FieldType::Complex,
            Some(_) => return Ok(None),
            None => return Err(missing(&key("columnType"))),
        };
        let has_dictionary = flag("hasDictionary", true);
        // Realtime servers do not count the values of raw columns.
        let cardinality = match number("cardinality")? {
            None if has_dictionary || get("cardinality").is_none() => return Err(missing(&key("cardinality"))),
            cardinality => cardinality.unwrap_or(0),
        };
        let single_value = flag("isSingleValues", true);
        let entry_width = number("lengthOfEachEntry")?.unwrap_or(0);
        let longest = number("lengthOfLongestElement")?;
        let bits = match number("bitsPerElement")? {
            None => bits_per_id(cardinality),
            Some(bits) => u8::try_from(bits)
                .ok()
                .filter(|bits| *bits <= 32)
                .ok_or_else(|| Error::corrupt(format!("expected at most 32 bits a value, found {bits}")))?,
        };
        let bound = |suffix: &str| get(suffix).and_then(|text| decode_bound(data_type, text));
        let invalid = flag("minMaxValueInvalid", false);
        let limit = |suffix: &str| bound(suffix).filter(|_| !invalid);
        Ok(Some(Self {
            data_type,
            field_type,
            single_value,
            default_null_value: bound("defaultNullValue"),
            max_length: number("schemaMaxLength")?
                .map(|max| (max as usize, get("schemaMaxLengthExceedStrategy").unwrap_or_default().to_owned())),
            date_time: get("datetimeFormat")
                .map(|format| (format.to_owned(), get("datetimeGranularity").unwrap_or_default().to_owned())),
            cardinality,
            has_dictionary,
            forward_is_dictionary: match get("forwardIndexEncoding") {
                Some(encoding) => encoding == "DICTIONARY",
                None => has_dictionary,
            },
            sorted: flag("isSorted", false),
            non_null: flag("isNonNull", false),
            element_lengths: number("lengthOfShortestElement")?.zip(longest),
            ascii: get("isAscii").map(|text| text == "true"),
            max_row_bytes: number("maxRowLengthInBytes")?,
            dictionary_entry_width: if entry_width > 0 {
                entry_width
            } else {
                longest.filter(|_| has_dictionary).unwrap_or(0)
            },
            bits_per_id: bits,
            max_values_per_doc: number("maxNumberOfMultiValues")?.unwrap_or(0),
            num_values: number("totalNumberOfEntries")?.filter(|_| !single_value).unwrap_or(num_docs),
            min: limit("minValue"),
            max: limit("maxValue"),
            partition: partition(properties, name)?,
            children: children(properties, name),
        }))
    }
}

/// What the keys and values of a map are said to be, by name; types that are not known are left out.
fn children(properties: &Properties, name: &str) -> Vec<FieldSpec> {
    let child = |child: &String| {
        let get = |suffix: &str| properties.get(&format!("column.{name}$${child}.{suffix}"));
        let data_type = DataType::from_str(get("dataType")?).ok()?;
        let mut field = FieldSpec::new(child, data_type, FieldType::Dimension);
        field.single_value = get("isSingleValues").is_none_or(|text| text == "true");
        if let Some(length) = get("schemaMaxLength").and_then(|text| text.parse().ok()) {
            field.max_length = length;
        }
        Some(field)
    };
    let names = properties.get_list(&format!("column.{name}.complexChildFieldNames"));
    names.iter().filter(|name| !name.is_empty()).filter_map(child).collect()
}

fn partition(properties: &Properties, name: &str) -> Result<Option<PartitionMetadata>> {
    let Some(function) = properties.get(&format!("column.{name}.partitionFunction")) else { return Ok(None) };
    let mut partitions = Vec::new();
    let key = format!("column.{name}.partitionValues");
    let bad = |text: &str| Error::corrupt(format!("expected partition ids in `{key}`, found `{text}`"));
    for text in properties.get_list(&key).iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        // Old writers gave ranges, both ends included: [1 3].
        if let Some(range) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let (start, end) = range.split_once(' ').ok_or_else(|| bad(text))?;
            let (start, end): (u32, u32) = start.parse().ok().zip(end.parse().ok()).ok_or_else(|| bad(text))?;
            if end.saturating_sub(start) > 1 << 20 {
                return Err(bad(text));
            }
            partitions.extend(start..=end);
        } else {
            partitions.push(text.parse().map_err(|_| bad(text))?);
        }
    }
    let prefix = format!("column.{name}.partitionFunctionConfig.");
    let mut config: Vec<(String, String)> = properties
        .keys()
        .filter_map(|key| Some((key.strip_prefix(&prefix)?.to_owned(), properties.get_list(key).join(","))))
        .collect();
    config.sort();
    Ok(Some(PartitionMetadata {
        function: function.to_owned(),
        num_partitions: required(properties, &format!("column.{name}.numPartitions"))?,
        partitions,
        config,
    }))
}

fn missing(key: &str) -> Error {
    Error::corrupt(format!("expected the key `{key}`, found none"))
}

fn required<T: FromStr>(properties: &Properties, key: &str) -> Result<T> {
    optional(properties, key)?.ok_or_else(|| missing(key))
}

/// A number, or `None` when the key is absent. Java writes counts that it does not know as -1 or, for the cardinality of raw
/// columns of realtime servers, as the least integer; they count as absent.
fn optional<T: FromStr>(properties: &Properties, key: &str) -> Result<Option<T>> {
    match properties.get(key) {
        None => Ok(None),
        Some("-1" | "-2147483648") if T::from_str("-1").is_err() => Ok(None),
        Some(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Error::corrupt(format!("expected a number for `{key}`, found `{text}`"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: &str = "segment.name = s\nsegment.total.docs = 3\nsegment.dimension.column.names = a\n\
        column.a.columnType = DIMENSION\ncolumn.a.dataType = INT\ncolumn.a.cardinality = 3\n";

    #[test]
    fn absent_keys_have_their_old_meaning() {
        let metadata = SegmentMetadata::parse(SEGMENT.as_bytes()).unwrap();
        let column = &metadata.columns["a"];
        assert!(column.has_dictionary && column.forward_is_dictionary && column.single_value && !column.sorted);
        assert_eq!((column.bits_per_id, column.num_values), (2, 3));
    }

    #[test]
    fn a_missing_or_senseless_value_is_named() {
        for (from, to, expected) in [
            ("segment.total.docs = 3", "", "segment.total.docs"),
            ("cardinality = 3", "cardinality = many", "column.a.cardinality"),
            ("cardinality = 3", "cardinality = -2147483648", "column.a.cardinality"),
            ("column.a.dataType = INT\n", "", "column.a.dataType"),
            ("docs = 3", "docs = 3000000000", "2^31"),
        ] {
            let error = SegmentMetadata::parse(SEGMENT.replace(from, to).as_bytes()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut metadata = SegmentMetadata::parse(SEGMENT.as_bytes()).unwrap();
        metadata.custom.insert("job".into(), "j=1".into());
        metadata.table_name = "täble".into();
        assert_eq!(SegmentMetadata::parse(metadata.to_properties().as_bytes()).unwrap(), metadata);
    }
}
