//! `metadata.properties`: what a segment and its columns are.

mod reader;
mod writer;

use std::collections::BTreeMap;

use pinotage_spec::{DataType, FieldSpec, FieldType, TimeUnit, Value};

use crate::star_tree::StarTreeMetadata;

/// What `metadata.properties` says about a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentMetadata {
    /// `segment.name`
    pub name: String,
    /// `segment.table.name`, without type suffix.
    pub table_name: String,
    /// `segment.total.docs`
    pub num_docs: u32,
    /// The time column and its interval, when the table has one.
    pub time: Option<TimeInterval>,
    /// The columns by name.
    pub columns: BTreeMap<String, ColumnMetadata>,
    /// `startree.v2.*`
    pub star_trees: Vec<StarTreeMetadata>,
    /// `custom.*`, without the prefix.
    pub custom: BTreeMap<String, String>,
}

/// The time column and the interval of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeInterval {
    /// `segment.time.column.name`
    pub column: String,
    /// `segment.start.time` and `segment.end.time` in `unit`, both inclusive; absent when only the column is known.
    pub range: Option<(i64, i64)>,
    /// `segment.time.unit`
    pub unit: TimeUnit,
}

/// What `metadata.properties` says about a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMetadata {
    /// `dataType`
    pub data_type: DataType,
    /// `columnType`
    pub field_type: FieldType,
    /// `isSingleValues`
    pub single_value: bool,
    /// `defaultNullValue`, absent when it cannot be stored there.
    pub default_null_value: Option<Value>,
    /// `schemaMaxLength` and `schemaMaxLengthExceedStrategy`, when the schema has them.
    pub max_length: Option<(usize, String)>,
    /// `datetimeFormat` and `datetimeGranularity` of a date-time column.
    pub date_time: Option<(String, String)>,
    /// `cardinality`: exact for a dictionary column; 0 for a raw one when its writer did not count.
    pub cardinality: u32,
    /// `hasDictionary`
    pub has_dictionary: bool,
    /// `forwardIndexEncoding` is `DICTIONARY` (false: `RAW`); they differ only in 1.6's shared dictionaries.
    pub forward_is_dictionary: bool,
    /// `isSorted`
    pub sorted: bool,
    /// `isNonNull`: nulls are tracked and there is none.
    pub non_null: bool,
    /// `lengthOfShortestElement`, `lengthOfLongestElement` in bytes, for variable-width types.
    pub element_lengths: Option<(u32, u32)>,
    /// `isAscii`, for STRING-stored types.
    pub ascii: Option<bool>,
    /// `maxRowLengthInBytes`, for multi-value columns of variable width.
    pub max_row_bytes: Option<u32>,
    /// `lengthOfEachEntry`: the width of a fixed-length dictionary entry, 0 for numbers and raw columns.
    pub dictionary_entry_width: u32,
    /// `bitsPerElement`
    pub bits_per_id: u8,
    /// `maxNumberOfMultiValues`, 0 for single-value columns.
    pub max_values_per_doc: u32,
    /// `totalNumberOfEntries`: the number of values, that of docs for single-value columns.
    pub num_values: u32,
    /// `minValue`
    pub min: Option<Value>,
    /// `maxValue`
    pub max: Option<Value>,
    /// `partitionFunction`, `numPartitions`, `partitionValues`, `partitionFunctionConfig.*`
    pub partition: Option<PartitionMetadata>,
    /// What the keys and values of a map are said to be.
    pub children: Vec<FieldSpec>,
}

impl ColumnMetadata {
    /// The least and the greatest stored value, as far as the metadata has them to the last bit and they are the same in the
    /// order of SQL: whole numbers and times, and texts that are written as they are. What is stored for nulls counts.
    ///
    /// Of texts, Pinot escapes commas and blanks at the ends in a way that others may look like, dictionaries may drop NULs at
    /// the end, and from the surrogates on UTF-16 has another order than UTF-8. NaN and -0.0 have no fixed place in bounds.
    pub fn exact_bounds(&self) -> (Option<&Value>, Option<&Value>) {
        let exact = |bound: &&Value| match (self.data_type, bound) {
            (DataType::Int | DataType::Long | DataType::Timestamp, _) => true,
            (DataType::String, Value::String(text)) => {
                let plain = |char| char != ',' && char != '\0' && u32::from(char) < 0xd800;
                text.chars().all(plain) && !text.starts_with(' ') && !text.ends_with(' ')
            }
            _ => false,
        };
        (self.min.as_ref().filter(exact), self.max.as_ref().filter(exact))
    }
}

/// How a column's values are partitioned.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionMetadata {
    /// `partitionFunction`
    pub function: String,
    /// `numPartitions`
    pub num_partitions: u32,
    /// `partitionValues`: the partitions that occur, ascending.
    pub partitions: Vec<u32>,
    /// `partitionFunctionConfig.*`
    pub config: Vec<(String, String)>,
}
