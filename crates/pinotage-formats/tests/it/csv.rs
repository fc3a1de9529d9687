//! CSV beyond single rules: dialects, headers, types, limits, and equality with the `csv` crate.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int32Type, Int64Type, Schema, TimeUnit, TimestampMillisecondType,
};
use pinotage_common::ErrorKind;
use pinotage_formats::{CsvOptions, Format, ReadOptions, UnknownColumns, infer_schema, open, rule};
use proptest::prelude::*;

use crate::{batches_of, file, read};

fn csv(options: CsvOptions) -> ReadOptions {
    ReadOptions { csv: options, ..ReadOptions::default() }
}

fn texts(column: &dyn Array) -> Vec<Option<String>> {
    column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn a_sample_decides_the_types() {
    let data = file(
        "d.csv",
        "i,f,b,z,d,t,n,big\n1,1,true,007,2013-01-01,x,,9223372036854775808\n-2,2.5,FALSE,1,2013-01-02,,,1\n",
    );
    let schema = infer_schema(&data.path, Format::Csv, &ReadOptions::default()).unwrap();
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    use DataType::{Boolean, Float64, Int64, Utf8};
    assert_eq!(types, [&Int64, &Float64, &Boolean, &Utf8, &Utf8, &Utf8, &Utf8, &Utf8]);
    let found = read(&data.path, &ReadOptions::default()).unwrap().batch;
    assert_eq!(found.column(0).as_primitive::<Int64Type>().values(), &[1, -2]);
    assert_eq!(found.column(1).as_primitive::<Float64Type>().values(), &[1.0, 2.5]);
    assert_eq!(texts(found.column(3)), [Some("007".into()), Some("1".into())]);
    assert_eq!(texts(found.column(5)), [Some("x".into()), None]);
    assert_eq!(found.column(6).null_count(), 2);
}

#[test]
fn declared_types_are_read_exactly() {
    let zone = DataType::Timestamp(TimeUnit::Millisecond, Some("Pacific/Chatham".into()));
    let fields = vec![
        Field::new("i", DataType::Int32, true),
        Field::new("f", DataType::Float32, true),
        Field::new("t", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        Field::new("z", zone, true),
        Field::new("d", DataType::Date32, true),
        Field::new("x", DataType::Binary, true),
        Field::new("l", DataType::new_list(DataType::Int32, true), true),
        Field::new("absent", DataType::Int32, true),
    ];
    let options = ReadOptions {
        declared: fields,
        csv: CsvOptions { multi_value_delimiter: Some(b';'), ..CsvOptions::default() },
        ..ReadOptions::default()
    };
    let text = "i,f,t,z,d,x,l\n\
         007 ,0.1,2013-01-01 10:00:00.5,2013-01-01 00:00:00,1970-01-02,0aFF,1;2;3\n\
         ,,1357034400500,2013-01-01T00:00:00Z,,,\n\
         1,1,2013-01-01 10:00:00.0005,0,1970-01-02,0a,1\n\
         1,1,0,0,1970-01-02,0,1\n\
         1,1,0,0,1970-01-02,00,1;x\n";
    let data = file("d.csv", text);
    let found = read(&data.path, &options).unwrap();
    let batch = &found.batch;
    assert_eq!(batch.num_columns(), 7);
    assert_eq!(batch.column(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(7), None]);
    let times = batch.column(2).as_primitive::<TimestampMillisecondType>();
    assert_eq!(times.values(), &[1_357_034_400_500, 1_357_034_400_500]);
    // 13:45 ahead of UTC in January.
    let zoned = batch.column(3).as_primitive::<TimestampMillisecondType>();
    assert_eq!(zoned.value(1) - zoned.value(0), (13 * 60 + 45) * 60_000);
    assert_eq!(batch.column(5).as_binary::<i32>().value(0), [0x0a, 0xff]);
    assert_eq!(batch.column(6).as_list::<i32>().value(0).as_primitive::<Int32Type>().values(), &[1, 2, 3]);
    assert!(batch.column(6).is_null(1));
    let bad: Vec<_> = found.bad.iter().map(|bad| (bad.rule, bad.column.as_deref().unwrap())).collect();
    assert_eq!(bad, [(rule::OUT_OF_RANGE, "t"), (rule::WRONG_TYPE, "x"), (rule::WRONG_TYPE, "l")]);
}

#[test]
fn what_text_cannot_be_read_into_is_refused_when_opened() {
    let data = file("d.csv", "a\n1\n");
    for data_type in [DataType::Decimal128(10, 2), DataType::new_list(DataType::Utf8, true), DataType::Utf8View] {
        let options = ReadOptions { declared: vec![Field::new("a", data_type, true)], ..ReadOptions::default() };
        let error = read(&data.path, &options).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("column: a"), "{error}");
    }
}

#[test]
fn headers_must_make_sense() {
    for (text, options, kind, part) in [
        ("", CsvOptions::default(), ErrorKind::InvalidData, "empty"),
        ("\n\n", CsvOptions::default(), ErrorKind::InvalidData, "empty"),
        ("a,a\n1,2\n", CsvOptions::default(), ErrorKind::InvalidData, "`a`"),
        ("a,\n1,2\n", CsvOptions::default(), ErrorKind::InvalidData, "column 2"),
        ("1,2\n", CsvOptions { header: false, ..CsvOptions::default() }, ErrorKind::InvalidConfig, "names"),
        (
            "a,b\n",
            CsvOptions { column_names: Some(vec!["x".into()]), ..CsvOptions::default() },
            ErrorKind::SchemaMismatch,
            "1 columns",
        ),
        ("a\n", CsvOptions { delimiter: b'"', ..CsvOptions::default() }, ErrorKind::InvalidConfig, "differ"),
    ] {
        let data = file("d.csv", text);
        let error = read(&data.path, &csv(options)).err().unwrap();
        assert_eq!(error.kind(), kind, "{text:?}: {error}");
        assert!(error.message().contains(part), "{error}");
    }
    let names = CsvOptions { header: false, column_names: Some(vec!["x".into(), "y".into()]), ..CsvOptions::default() };
    assert_eq!(read(&file("d.csv", "1,2\n3,4").path, &csv(names.clone())).unwrap().batch.num_rows(), 2);
    assert_eq!(read(&file("d.csv", "").path, &csv(names)).unwrap().batch.num_rows(), 0);
    assert_eq!(read(&file("d.csv", "a,b\n").path, &ReadOptions::default()).unwrap().batch.num_rows(), 0);
}

#[test]
fn dialects() {
    let tabs = CsvOptions { delimiter: b'\t', quote: None, comment: Some(b'#'), ..CsvOptions::default() };
    let data = file("d.csv", "\u{feff}a\tb\r\n# no, row\r\n\"x\t1\r\n\r\ny\"\t2\r\n#end");
    let found = read(&data.path, &csv(tabs)).unwrap();
    assert_eq!(texts(found.batch.column(0)), [Some("\"x".into()), Some("y\"".into())]);
    let lines: Vec<_> = found.places.iter().map(|place| (place.1.unwrap(), place.2.unwrap())).collect();
    assert_eq!(lines, [(3, 19), (5, 27)]);

    let escapes = CsvOptions { escape: Some(b'\\'), ..CsvOptions::default() };
    let data = file("d.csv", "a,b\nx\\,y,\"q\\\"\\n\"\n\"\"\"\",\\\\\n");
    let found = read(&data.path, &csv(escapes)).unwrap().batch;
    assert_eq!(texts(found.column(0)), [Some("x,y".into()), Some("\"".into())]);
    assert_eq!(texts(found.column(1)), [Some("q\"\n".into()), Some("\\".into())]);

    // An escape before a byte that needs none is text: MySQL's null.
    let mysql = CsvOptions { escape: Some(b'\\'), null_values: vec!["\\N".into()], ..CsvOptions::default() };
    let data = file("d.csv", "a,b\n\\N,\\x\n\"\\N\",\"\\x\"\n");
    let found = read(&data.path, &csv(mysql)).unwrap().batch;
    assert_eq!(texts(found.column(0)), [None, None]);
    assert_eq!(texts(found.column(1)), [Some("\\x".into()), Some("\\x".into())]);

    let trim = CsvOptions { trim: true, ..CsvOptions::default() };
    let data = file("d.csv", "a , b\n x y , \" z \" \n");
    let found = read(&data.path, &csv(trim)).unwrap().batch;
    assert_eq!(found.schema().field(1).name(), "b");
    assert_eq!(texts(found.column(0)), [Some("x y".into())]);
    assert_eq!(texts(found.column(1)), [Some(" z ".into())]);

    let nulls = CsvOptions { null_values: vec!["".into(), "\\N".into(), "-999".into()], ..CsvOptions::default() };
    let data = file("d.csv", "a,b\n-999,\\N\n1,x\n");
    let found = read(&data.path, &csv(nulls)).unwrap().batch;
    assert_eq!((found.column(0).null_count(), found.column(1).null_count()), (1, 1));
    assert_eq!(found.schema().field(0).data_type(), &DataType::Int64);
}

#[test]
fn one_schema_reads_files_with_another_order() {
    let first = file("d.csv", "a,b\n1,x\n");
    let second = file("d.csv", "b,a\ny,2\n");
    let options = ReadOptions::default();
    let schema = infer_schema(&first.path, Format::Csv, &options).unwrap();
    let mut reader = open(&second.path, Format::Csv, &options, Some(schema.clone())).unwrap();
    let found = reader.next_batch().unwrap().unwrap().batch;
    assert_eq!(found.column(0).as_primitive::<Int64Type>().values(), &[2]);
    for (text, part) in [("a\n1\n", "`b`"), ("a,b,c\n1,x,2\n", "`c`")] {
        let other = file("d.csv", text);
        let error = open(&other.path, Format::Csv, &options, Some(schema.clone())).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
        assert!(error.message().contains(part), "{error}");
    }
    let ignore = ReadOptions { unknown_columns: UnknownColumns::Ignore, ..options };
    let more = file("d.csv", "a,b,c\n1,x,2\n");
    let mut reader = open(&more.path, Format::Csv, &ignore, Some(schema)).unwrap();
    assert_eq!(reader.next_batch().unwrap().unwrap().batch.num_columns(), 2);
}

#[test]
fn a_row_above_the_limit_is_an_error_that_names_it() {
    let wide = "x".repeat(3_000_000);
    for (name, text) in [
        ("d.csv", format!("a,b\n1,2\n1,\"{wide}\"\n")),
        ("d.csv", format!("a,b\n1,2\n1,\"{wide}")),
        ("d.json", format!("{{\"a\":1}}\n\n{{\"a\":\"{wide}\"}}\n")),
        ("d.json", format!("[{{\"a\":1}},\n\n{{\"a\":\"{wide}\"}}]")),
    ] {
        let data = file(name, &text);
        let options = ReadOptions { max_row_bytes: 1 << 20, ..ReadOptions::default() };
        let error = read(&data.path, &options).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error}");
        assert!(error.to_string().contains("line: 3"), "{error}");
        assert!(error.to_string().contains("option: max_row_bytes"), "{error}");
        assert!(error.to_string().contains("1048576 bytes"), "{error}");
    }
    // Exactly at the limit is fine, whichever way reads fall.
    let data = file("d.csv", format!("a\n{}\n", "y".repeat(1000)));
    for (limit, fits) in [(1000, true), (999, false)] {
        let options = ReadOptions { max_row_bytes: limit, ..ReadOptions::default() };
        assert_eq!(read(&data.path, &options).is_ok(), fits);
    }
}

#[test]
fn wide_rows_end_a_batch_early() {
    let wide = "x".repeat(1 << 20);
    let text: String = (0..80).map(|i| format!("{i},{wide}\n")).collect();
    let data = file("d.csv", format!("a,b\n{text}"));
    let found = read(&data.path, &ReadOptions::default()).unwrap();
    assert_eq!(found.batch.num_rows(), 80);
    assert!(found.batches >= 2, "{}", found.batches);
}

#[test]
fn utf16_is_refused_by_name() {
    let data = file("d.csv", b"\xff\xfea\0,\0b\0");
    let error = read(&data.path, &ReadOptions::default()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.advice().contains("iconv"));
}

fn table() -> impl Strategy<Value = (usize, Vec<Vec<String>>)> {
    let cell = prop_oneof![
        3 => "[a-z0-9 ,;\"\r\n\tü€'#]{0,12}",
        1 => Just(String::new()),
        1 => "[ -~]{0,60}",
    ];
    (2usize..6).prop_flat_map(move |width| {
        let row = prop::collection::vec(cell.clone(), width);
        (Just(width), prop::collection::vec(row, 0..40))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_the_csv_crate_writes_is_read_back_equal(
        (width, rows) in table(),
        always in any::<bool>(),
        crlf in any::<bool>(),
        batch_rows in 1usize..20,
    ) {
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().quote_style(style).terminator(terminator).from_writer(Vec::new());
        let names: Vec<String> = (0..width).map(|i| format!("c{i}")).collect();
        writer.write_record(&names).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let data = file("d.csv", &text);
        let declared = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let options = ReadOptions {
            declared,
            csv: CsvOptions { null_values: vec![], ..CsvOptions::default() },
            ..batches_of(batch_rows)
        };
        let found = read(&data.path, &options).unwrap();
        prop_assert!(found.bad.is_empty());
        for column in 0..width {
            let expected: StringArray = rows.iter().map(|row| Some(row[column].as_str())).collect();
            prop_assert_eq!(found.batch.column(column).as_string::<i32>(), &expected);
        }
        // Each row's raw text, alone, is that row.
        for (row, place) in rows.iter().zip(&found.places) {
            let raw = place.3.as_ref().unwrap();
            let offset = place.2.unwrap() as usize;
            prop_assert_eq!(&text[offset..offset + raw.len()], raw.as_slice());
            let mut alone = csv::ReaderBuilder::new().has_headers(false).from_reader(raw.as_slice());
            let record = alone.records().next().unwrap().unwrap();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), row.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_bytes_are_rows_as_the_csv_crate_counts_them(text in "[ab,\"\r\n]{0,60}") {
        let data = file("d.csv", &text);
        let names: Vec<String> = vec!["a".into(), "b".into()];
        let schema = Schema::new(names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect::<Vec<_>>());
        let options = csv(CsvOptions { header: false, column_names: Some(names), null_values: vec![], ..CsvOptions::default() });
        let mut reader = open(&data.path, Format::Csv, &options, Some(Arc::new(schema))).unwrap();
        let mut rows = Vec::new();
        while let Some(step) = reader.next_batch().unwrap() {
            for row in 0..step.batch.num_rows() {
                let cells = [0, 1].map(|column| step.batch.column(column).as_string::<i32>().value(row).to_owned());
                rows.push((step.rows.row_number(row), Some(cells.to_vec())));
            }
            rows.extend(step.bad.iter().map(|bad| (bad.row_number, None)));
        }
        rows.sort();
        let mut oracle = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let expected: Vec<Vec<String>> = oracle
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect();
        prop_assert_eq!(rows.len(), expected.len());
        for ((_, found), expected) in rows.into_iter().zip(expected) {
            if let Some(found) = found {
                prop_assert_eq!(found, expected);
            }
        }
    }
}
