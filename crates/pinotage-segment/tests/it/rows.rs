//! Reads `expected.jsonl`, the stored values of a conformance case, into canonical Arrow arrays.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Schema as ArrowSchema};
use pinotage_spec::{ColumnPlan, DataType, FieldSpec, Schema, TableConfig, arrow_field};
use serde_json::Value as Json;

/// The golden segments that Pinot itself wrote.
pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/segments/1.5.1")
}

/// The names of the golden cases.
pub(crate) fn golden_cases() -> Vec<String> {
    let mut cases: Vec<String> = fs::read_dir(golden())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    cases.sort();
    assert!(cases.len() > 20, "the golden segments are missing");
    cases
}

/// A case: its schema, its table config and its rows as one batch.
pub(crate) struct Case {
    pub(crate) schema: Schema,
    pub(crate) table: TableConfig,
    pub(crate) rows: RecordBatch,
}

impl Case {
    pub(crate) fn read(folder: &Path) -> Self {
        let schema = Schema::from_file(&folder.join("schema.json")).unwrap();
        let table = TableConfig::from_file(&folder.join("table.json")).unwrap();
        let plan = ColumnPlan::resolve(&schema, &table).unwrap();
        let text = fs::read_to_string(folder.join("expected.jsonl")).unwrap();
        let rows: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let fields: Vec<Field> = plan.iter().map(|column| arrow_field(&column.field, true)).collect();
        let arrays = plan.iter().map(|column| array(&column.field, &rows)).collect();
        let rows = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), arrays).unwrap();
        Self { schema, table, rows }
    }
}

/// One column of the rows; a value that is null in `$nulls` is an Arrow null.
fn array(field: &FieldSpec, rows: &[Json]) -> ArrayRef {
    let nulls: NullBuffer = rows.iter().map(|row| !is_null(row, &field.name)).collect();
    let cells = rows.iter().map(|row| &row[field.name.as_str()]);
    if field.single_value {
        return values(field.data_type, cells.collect(), Some(nulls));
    }
    let lists: Vec<&Vec<Json>> = cells.map(|cell| cell.as_array().unwrap()).collect();
    let items = values(field.data_type, lists.iter().copied().flatten().collect(), None);
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.len()));
    let item = Arc::new(Field::new("item", field.data_type.to_arrow(), false));
    Arc::new(ListArray::new(item, offsets, items, Some(nulls)))
}

pub(crate) fn is_null(row: &Json, column: &str) -> bool {
    row["$nulls"].as_array().is_some_and(|nulls| nulls.iter().any(|null| null == column))
}

fn values(data_type: DataType, cells: Vec<&Json>, nulls: Option<NullBuffer>) -> ArrayRef {
    let long = |cell: &&Json| cell.to_string().parse::<i64>().unwrap();
    let double = |cell: &&Json| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned).parse::<f64>().unwrap();
    let float = |cell: &&Json| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned).parse::<f32>().unwrap();
    match data_type {
        DataType::Int => Arc::new(Int32Array::new(cells.iter().map(|cell| long(cell) as i32).collect(), nulls)),
        DataType::Long => Arc::new(Int64Array::new(cells.iter().map(long).collect(), nulls)),
        DataType::Timestamp => {
            Arc::new(TimestampMillisecondArray::new(cells.iter().map(long).collect(), nulls).with_timezone("UTC"))
        }
        DataType::Boolean => Arc::new(BooleanArray::new(cells.iter().map(|cell| long(cell) == 1).collect(), nulls)),
        DataType::Float => Arc::new(Float32Array::new(cells.iter().map(float).collect(), nulls)),
        DataType::Double => Arc::new(Float64Array::new(cells.iter().map(double).collect(), nulls)),
        DataType::BigDecimal | DataType::String | DataType::Json => {
            let array = StringArray::from_iter_values(cells.iter().map(|cell| cell.as_str().unwrap()));
            Arc::new(StringArray::new(array.offsets().clone(), array.values().clone(), nulls))
        }
        DataType::Bytes => {
            let bytes = |cell: &&Json| -> Vec<u8> {
                let hex = cell.as_str().unwrap();
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            };
            let array = BinaryArray::from_iter_values(cells.iter().map(bytes));
            Arc::new(BinaryArray::new(array.offsets().clone(), array.values().clone(), nulls))
        }
    }
}
