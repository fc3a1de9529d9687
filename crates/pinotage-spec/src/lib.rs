//! Pinot's logical model, without a byte of a segment: types, schema, table config, segment names, partition
//! functions, predicates, and how all of it maps to Arrow.
//!
//! The documents are Pinot's own files. Keys that Pinotage does not know are kept: [`Schema::json`] and
//! [`TableConfig::json`] give back what was read.
//!
//! ```
//! use pinotage_spec::{ColumnPlan, Schema, TableConfig};
//! let schema = Schema::from_json(r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"}]}"#)?;
//! let table = TableConfig::from_json(r#"{"tableName": "t_OFFLINE", "tableType": "OFFLINE"}"#)?;
//! let plan = ColumnPlan::resolve(&schema, &table)?;
//! assert_eq!(plan[0].field.name, "city");
//! # Ok::<(), pinotage_common::Error>(())
//! ```
#![forbid(unsafe_code)]

mod aggregation;
mod arrow_type;
mod calendar;
mod column_plan;
mod complex_types;
mod data_type;
mod field;
pub mod hash;
mod hyper_log_log;
mod index_options;
pub mod java;
mod partition;
mod predicate;
mod query;
mod schema;
mod segment_name;
mod star_tree;
mod table_config;
mod time_format;
mod timestamp_index;
mod value;
mod version;

pub use aggregation::{Rollup, RollupFunction, RollupMetric};
pub use arrow_type::{PINOT_TYPE_KEY, arrow_field, arrow_schema};
pub use calendar::CalendarUnit;
pub use column_plan::{Codec, ColumnPlan, DictionaryRule, ForwardOptions};
pub use complex_types::{ComplexTypes, ListsToJson};
pub use data_type::{DataType, FieldType, StoredType};
pub use field::{DEFAULT_MAX_LENGTH, DateTimeSpec, FieldSpec, MaxLengthStrategy};
pub use hyper_log_log::{HyperLogLogs, murmur_bytes, murmur_long};
pub use index_options::{BloomOptions, JsonOptions, RangeLayout};
pub use partition::{PartitionConfig, PartitionFunction, kafka_partition};
pub use predicate::{CompareOp, Predicate, Pushed, TextPattern};
pub use query::{Expression, Literal, Operator, PinotQuery};
pub use schema::Schema;
pub use segment_name::{SegmentNameGenerator, SegmentNameParts, UploadedRealtimeName, check_segment_name};
pub use star_tree::{
    DEFAULT_LOG2M, DEFAULT_MAX_LEAF_RECORDS, DEFAULT_TREE_MAX_CARDINALITY, StarTreeAggregation, StarTreeCandidate,
    StarTreeFunction, StarTreePlan, StarTreePlans,
};
pub use table_config::TableConfig;
pub use time_format::{DateTimeFormat, TimeUnit, VALID_TIME_MILLIS, parse_timestamp};
pub use timestamp_index::{TimestampIndex, is_hidden};
pub use value::{BigDecimalBytes, Value, parse_hex, to_hex};
pub use version::PinotVersion;
