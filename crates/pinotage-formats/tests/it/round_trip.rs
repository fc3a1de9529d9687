//! What was written is read back equal, by every binary format.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use pinotage_common::ErrorKind;
use pinotage_formats::{Format, ReadOptions, infer_schema, open};

use crate::{BINARY, batches_of, binary_name, encode, file, read, sample_batch};

/// Equal in names and values; Avro names inner fields in its own way, so types are made the same first.
fn assert_same(kind: &str, found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(found.num_rows(), expected.num_rows(), "{kind}");
    for (field, column) in expected.schema().fields().iter().zip(expected.columns()) {
        let found = found.column_by_name(field.name()).unwrap();
        let found = cast(found, field.data_type()).unwrap();
        assert_eq!(&found, column, "{kind} {}", field.name());
    }
}

#[test]
fn every_binary_format_gives_back_what_was_written() {
    let expected = sample_batch(1000);
    for kind in BINARY {
        let data = file(&binary_name(kind), encode(kind, &expected, 300));
        for rows in [1, 7, 300, 4096] {
            let everything = read(&data.path, &batches_of(rows)).unwrap();
            assert_same(kind, &everything.batch, &expected);
            assert!(everything.bad.is_empty());
            assert_eq!(everything.places[999], (999, None, None, None));
            assert!(everything.batches >= 1000usize.div_ceil(rows), "{kind}");
        }
        let format = Format::detect(&data.path).unwrap();
        let schema = infer_schema(&data.path, format, &ReadOptions::default()).unwrap();
        assert_eq!(schema.fields().len(), 7, "{kind}");
        let mut reader = open(&data.path, format, &ReadOptions::default(), Some(schema)).unwrap();
        while reader.next_batch().unwrap().is_some() {}
        let size = std::fs::metadata(&data.path).unwrap().len();
        assert!(reader.bytes_read() <= size && reader.bytes_read() * 10 >= size * 8, "{kind}");
    }
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let expected = sample_batch(100);
    for kind in BINARY {
        let data = file(&binary_name(kind), encode(kind, &expected, 30));
        let options = ReadOptions { columns: Some(vec!["s".into(), "i".into()]), ..ReadOptions::default() };
        let found = read(&data.path, &options).unwrap().batch;
        assert_eq!(found.num_columns(), 2, "{kind}");
        assert_eq!(found.schema().field(0).name(), "s", "{kind}");
        assert_same(kind, &found, &expected.project(&[2, 0]).unwrap());

        let none = ReadOptions { columns: Some(vec![]), ..ReadOptions::default() };
        assert_eq!(read(&data.path, &none).unwrap().batch.num_rows(), 100, "{kind}");

        let unknown = ReadOptions { columns: Some(vec!["nope".into()]), ..ReadOptions::default() };
        let error = read(&data.path, &unknown).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{kind}");
        assert!(error.advice().contains("i, f, s"), "{kind}: {}", error.advice());
    }
}

#[test]
fn views_and_dictionaries_become_plain_text() {
    let texts = ["a", "b", "a", "a long text that does not fit into a view"];
    let views = StringViewArray::from_iter_values(texts);
    let dictionary: DictionaryArray<Int32Type> = texts.into_iter().collect();
    let schema = Schema::new(vec![
        Field::new("v", DataType::Utf8View, true),
        Field::new("d", dictionary.data_type().clone(), true),
    ]);
    let columns: Vec<ArrayRef> = vec![Arc::new(views), Arc::new(dictionary)];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    for kind in ["parquet", "arrow-file", "arrow-stream"] {
        let data = file(&binary_name(kind), encode(kind, &batch, 10));
        let found = read(&data.path, &ReadOptions::default()).unwrap().batch;
        let expected: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        assert_eq!(found.columns(), [expected.clone(), expected], "{kind}");
    }
}

#[test]
fn dictionaries_are_kept_where_every_page_has_one() {
    let few: StringArray = (0..4000).map(|i| (i % 5 != 0).then(|| format!("text {}", i % 3))).collect();
    // Beyond a megabyte of distinct texts a writer goes over to plain pages.
    let many: StringArray = (0..4000).map(|i| Some(format!("{i}{}", "x".repeat(700)))).collect();
    let columns: [(&str, ArrayRef); 2] = [("few", Arc::new(few)), ("many", Arc::new(many))];
    let expected = RecordBatch::try_from_iter(columns).unwrap();
    let data = file("data.parquet", encode("parquet", &expected, 3000));
    // Batches end inside of row groups, at their end, and reach over it.
    for rows in [64, 3000, 4096] {
        let options = ReadOptions { keep_dictionaries: true, ..batches_of(rows) };
        let found = read(&data.path, &options).unwrap().batch;
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        assert_eq!((found.column(0).data_type(), found.column(1).data_type()), (&dictionary, &DataType::Utf8));
        assert_same("parquet", &found, &expected);
    }
    let options = ReadOptions { keep_dictionaries: true, ..ReadOptions::default() };
    let inferred = infer_schema(&data.path, Format::Parquet, &options).unwrap();
    assert_eq!(inferred.field(0).data_type(), &DataType::Utf8);
    let mut reader = open(&data.path, Format::Parquet, &options, Some(inferred.clone())).unwrap();
    let batch = reader.next_batch().unwrap().unwrap().batch;
    assert_eq!(batch.column(0).data_type(), &DataType::Utf8, "a given schema is kept to");
}

#[test]
fn a_file_that_differs_from_the_first_one_is_refused() {
    let batch = sample_batch(10);
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let other = RecordBatch::try_from_iter([("i", text)]).unwrap();
    for kind in ["parquet", "arrow-file", "avro"] {
        let first = file(&binary_name(kind), encode(kind, &batch, 10));
        let second = file(&binary_name(kind), encode(kind, &other, 10));
        let format = Format::detect(&first.path).unwrap();
        let options = ReadOptions { columns: Some(vec!["i".into()]), ..ReadOptions::default() };
        let schema = infer_schema(&first.path, format, &options).unwrap();
        let error = open(&second.path, format, &options, Some(schema)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{kind}");
        assert!(error.to_string().contains("column: i"), "{error}");
    }
}

#[test]
fn a_given_schema_decides_the_order() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    let batch = RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap();
    let given: SchemaRef =
        Arc::new(Schema::new(vec![Field::new("name", DataType::Utf8, true), Field::new("id", DataType::Int64, true)]));
    for kind in BINARY {
        let data = file(&binary_name(kind), encode(kind, &batch, 10));
        let format = Format::detect(&data.path).unwrap();
        let mut reader = open(&data.path, format, &ReadOptions::default(), Some(given.clone())).unwrap();
        let found = reader.next_batch().unwrap().unwrap().batch;
        assert_eq!(found.schema(), given, "{kind}");
        assert_eq!(found.column(1), batch.column(0), "{kind}");
    }
}

#[test]
fn empty_files_have_no_rows() {
    let empty = sample_batch(0);
    for kind in BINARY {
        let data = file(&binary_name(kind), encode(kind, &empty, 10));
        let found = read(&data.path, &ReadOptions::default()).unwrap();
        assert_eq!((found.batch.num_rows(), found.batch.num_columns()), (0, 7), "{kind}");
    }
}
