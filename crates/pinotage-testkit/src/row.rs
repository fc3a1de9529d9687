//! Rows in the form of `expected.jsonl` as canonical Arrow arrays.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Schema as ArrowSchema};
use pinotage_spec::{DataType, FieldSpec, Schema, TableConfig, arrow_field};
use serde_json::Value as Json;

/// A segment that Pinot itself wrote, with what it holds.
pub struct GoldenCase {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// `schema.json`
    pub schema: Schema,
    /// `table.json`
    pub table: TableConfig,
    /// The stored values, one object a row.
    pub rows: Vec<Json>,
}

impl GoldenCase {
    /// Reads the files of a case.
    pub fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("expected.jsonl")).unwrap();
        Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            folder: folder.to_owned(),
            schema: Schema::from_file(&folder.join("schema.json")).unwrap(),
            table: TableConfig::from_file(&folder.join("table.json")).unwrap(),
            rows: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        }
    }

    /// The folder of the segment itself.
    pub fn segment(&self) -> PathBuf {
        fs::read_dir(self.folder.join("segment")).unwrap().next().unwrap().unwrap().path()
    }

    /// The rows as one canonical batch.
    pub fn batch(&self) -> RecordBatch {
        rows_to_batch(&self.schema, &self.rows)
    }
}

/// Every golden segment below `testdata/segments/1.5.1`, by name.
pub fn golden_cases() -> Vec<GoldenCase> {
    let cases = cases_in(&segments().join("1.5.1"));
    assert!(cases.len() > 20, "the golden segments are missing");
    cases
}

/// Golden segments of what is read and not written.
pub fn read_only_cases() -> Vec<GoldenCase> {
    let cases = cases_in(&segments().join("1.5.1-read-only"));
    assert!(!cases.is_empty(), "the golden segments are missing");
    cases
}

fn segments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/segments")
}

/// The cases below a folder, by name.
pub fn cases_in(root: &Path) -> Vec<GoldenCase> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.into_iter().map(|folder| GoldenCase::read(&folder)).collect()
}

/// Rows of stored values as a canonical batch; what `$nulls` or `$absent` names is an Arrow null.
pub fn rows_to_batch(schema: &Schema, rows: &[Json]) -> RecordBatch {
    columns_to_batch(schema.fields(), rows)
}

/// As [`rows_to_batch`], with the columns that are given.
pub fn columns_to_batch<'f>(columns: impl Iterator<Item = &'f FieldSpec>, rows: &[Json]) -> RecordBatch {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) =
        columns.map(|field| (arrow_field(field, true), array(field, rows))).unzip();
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), arrays).unwrap()
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

/// The row has no value in this column, whether the table tracks that or not.
pub fn is_null(row: &Json, column: &str) -> bool {
    ["$nulls", "$absent"]
        .iter()
        .any(|key| row[*key].as_array().is_some_and(|nulls| nulls.iter().any(|null| null == column)))
}

/// Java's bytes of JSON have each half of a pair of surrogates by its number, and `E` in numbers.
fn java_text(value: &Json) -> String {
    if value.is_number() {
        return value.to_string().replace("e+", "E").replace('e', "E");
    }
    let escaped = |c: char| match c.len_utf16() {
        1 => c.to_string(),
        _ => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect(),
    };
    value.to_string().chars().map(escaped).collect()
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
        DataType::Map => {
            let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new())
                .with_values_field(Arc::new(Field::new("values", arrow::datatypes::DataType::Utf8, false)));
            for cell in cells {
                for (key, value) in cell.as_object().unwrap() {
                    maps.keys().append_value(key);
                    maps.values().append_value(java_text(value));
                }
                maps.append(true).unwrap();
            }
            let maps = maps.finish();
            let (entries, offsets, pairs, _, sorted) = maps.into_parts();
            Arc::new(MapArray::new(entries, offsets, pairs, nulls, sorted))
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
