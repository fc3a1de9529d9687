//! Rows as Pinot would store them: any Arrow batch becomes the canonical batch of a table.
//!
//! What Pinot's record transformers do for a plain table (`DataTypeTransformer`, `SpecialValueTransformer`, the null rules
//! of `NullValueTransformer`, `SanitizationTransformer`), on columns. Changes that the schema's own rules demand are made
//! and counted by column and [`rule`]; a conversion that would change a *number* is a bad row instead, named with its column,
//! rule and value. Columns that can never convert are refused before the first row.
//!
//! ```
//! use std::sync::Arc;
//! use arrow::array::{ArrayRef, RecordBatch, StringArray};
//! use pinotage_spec::{ColumnPlan, Schema, TableConfig};
//! use pinotage_transform::{ConformOptions, Conformer, rule};
//!
//! let schema = Schema::from_json(r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "age", "dataType": "INT"}]}"#)?;
//! let table = TableConfig::from_json(r#"{"tableName": "t"}"#)?;
//! let ages: ArrayRef = Arc::new(StringArray::from(vec!["36", "many", "5000000000"]));
//! let batch = RecordBatch::try_from_iter([("age", ages)]).unwrap();
//!
//! let plan = ColumnPlan::resolve(&schema, &table)?;
//! let conformer = Conformer::try_new(&plan, None, &batch.schema(), ConformOptions::default())?;
//! let rows = conformer.conform(&batch)?;
//! assert_eq!(rows.batch.num_rows(), 1);
//! assert_eq!((rows.bad[0].rule, rows.bad[1].rule), (rule::WRONG_TYPE, rule::OUT_OF_RANGE));
//! # Ok::<(), pinotage_common::Error>(())
//! ```
#![forbid(unsafe_code)]

mod accept;
mod boolean;
mod bytes;
mod conform;
mod conversion;
mod convert;
mod date;
mod decimal;
mod dictionary;
mod expression;
mod ingestion;
mod json;
mod list;
mod map;
mod nested;
mod number;
mod outcome;
mod rollup;
pub mod rule;
mod text;
mod time_column;
mod timestamp;

pub use conform::{ConformOptions, Conformed, Conformer};
pub use conversion::{Conversion, Converted, Destined, Refusal};
pub use expression::function_reference;
pub use ingestion::{Ingested, Ingestion};
pub use outcome::{BadValue, Changes};
pub use rollup::{Contributions, Rolled};
pub use time_column::{latest_time, times};
