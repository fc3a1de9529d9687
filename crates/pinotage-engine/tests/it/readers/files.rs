//! Avro, Parquet, CSV and JSON.

use serde_json::{Value as Json, json};

use super::{Case, made};

/// A file of one field of this type; the values are in Avro's JSON.
fn avro(name: &str, data_type: Json, values: Json, columns: &'static [&'static str]) -> Case {
    let schema = json!({"type": "record", "name": "row", "fields": [{"name": "v", "type": data_type}]}).to_string();
    let rows = values.as_array().unwrap().iter().map(|value| json!({"v": value})).collect();
    made("AVRO", name, schema, rows, columns)
}

/// The same in a union of the record and null, as Flink's SQL writes files; `branches` has `null` or the record at each place.
fn avro_union(name: &str, branches: &[&str; 2]) -> Case {
    let record = json!({"type": "record", "name": "row", "fields": [{"name": "v", "type": "long"}]});
    let schema: Vec<Json> =
        branches.iter().map(|it| if *it == "null" { json!("null") } else { record.clone() }).collect();
    let rows = [5, i64::MIN].map(|value| json!({"row": {"v": value}}));
    made("AVRO", name, json!(schema).to_string(), rows.to_vec().into(), &["LONG"])
}

/// A file with this field; the values are as `MakeFiles` reads them.
fn parquet(field: &str, values: Json, columns: &'static [&'static str]) -> Case {
    let rows = values.as_array().unwrap().iter().map(|value| json!({"v": value})).collect();
    let name = field.replacen(" v", "", 1).trim_end_matches(';').to_owned();
    // The reader of files that Avro's library did not write.
    let reader = json!({"useParquetAvroRecordReader": "false"});
    Case { reader, ..made("PARQUET", &name, format!("message row {{ {field} }}"), rows, columns) }
}

fn text(format: &'static str, name: &str, text: &str, columns: &'static [&'static str]) -> Case {
    let (name, text) = (name.to_owned(), text.to_owned());
    Case { format, name, made: None, text, columns, reader: Json::Null, source: "", writer: Json::Null }
}

pub(super) fn avros() -> Vec<Case> {
    let logical = |base: &str, logical: &str| json!({"type": base, "logicalType": logical});
    let decimal = json!({"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2});
    let fixed_decimal =
        json!({"type": "fixed", "name": "f", "size": 3, "logicalType": "decimal", "precision": 6, "scale": 3});
    let list = |item: Json| json!({"type": "array", "items": item});
    let record = json!({"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": ["null", "string"]}]});
    let tree = json!({"type": "record", "name": "tree", "fields": [{"name": "n", "type": "int"}, {"name": "next", "type": ["null", "tree"]}]});
    let day = json!([0, 19_675, -1, 2_932_896]);
    let millis = json!([0, 1_700_000_000_123_i64, -1]);
    let micros = json!([0, 1_700_000_000_123_456_i64, 1_700_000_000_123_000_i64, -1]);
    vec![
        avro("int", json!("int"), json!([0, -7, i32::MAX, i32::MIN]), &["INT", "LONG", "DOUBLE", "STRING", "BOOLEAN"]),
        avro("long", json!("long"), json!([1, i64::MAX, i64::MIN]), &["LONG", "STRING", "TIMESTAMP"]),
        avro("float", json!("float"), json!([0.5, -1.25, 16_777_216.0]), &["FLOAT", "DOUBLE", "STRING"]),
        avro("double", json!("double"), json!([0.1, -1e300, 5e-324]), &["DOUBLE", "STRING"]),
        avro("boolean", json!("boolean"), json!([true, false]), &["BOOLEAN", "STRING", "INT"]),
        avro("string", json!("string"), json!(["", "x", "é\u{1F600}", "7"]), &["STRING"]),
        avro("string, of numbers", json!("string"), json!(["12", "-3"]), &["INT", "LONG", "DOUBLE", "BIG_DECIMAL"]),
        avro("bytes", json!("bytes"), json!(["", "\u{0}\u{ff}a"]), &["BYTES", "STRING"]),
        avro("fixed", json!({"type": "fixed", "name": "f", "size": 2}), json!(["\u{1}\u{fe}"]), &["BYTES", "STRING"]),
        avro("enum", json!({"type": "enum", "name": "e", "symbols": ["A", "B"]}), json!(["B", "A"]), &["STRING"]),
        avro("union of null and long", json!(["null", "long"]), json!([null, {"long": 5}]), &["LONG", "STRING"]),
        avro(
            "union of several types",
            json!(["null", "int", "string"]),
            json!([{"int": 5}, {"string": "x"}, null]),
            &["STRING"],
        ),
        avro_union("record of a union with null", &["null", "row"]),
        avro_union("record of a union, null behind it", &["row", "null"]),
        avro("date", logical("int", "date"), day, &["STRING", "INT", "TIMESTAMP"]),
        avro("time-millis", logical("int", "time-millis"), json!([0, 43_200_001]), &["STRING", "INT"]),
        avro("time-micros", logical("long", "time-micros"), json!([0, 43_200_000_001_i64]), &["STRING", "LONG"]),
        avro("timestamp-millis", logical("long", "timestamp-millis"), millis.clone(), &["TIMESTAMP", "LONG"]),
        avro("timestamp-micros", logical("long", "timestamp-micros"), micros.clone(), &["TIMESTAMP", "LONG"]),
        avro("local-timestamp-millis", logical("long", "local-timestamp-millis"), millis, &["TIMESTAMP", "LONG"]),
        avro("local-timestamp-micros", logical("long", "local-timestamp-micros"), micros, &["TIMESTAMP", "LONG"]),
        avro(
            "decimal of bytes",
            decimal,
            json!(["\u{0}", "\u{7b}", "\u{ff}\u{85}", "\u{64}"]),
            &["BIG_DECIMAL", "STRING", "DOUBLE"],
        ),
        avro(
            "decimal of fixed",
            fixed_decimal,
            json!(["\u{0}\u{0}\u{1}", "\u{ff}\u{ff}\u{ff}"]),
            &["BIG_DECIMAL", "STRING"],
        ),
        avro("uuid", logical("string", "uuid"), json!(["F81D4FAE-7dec-11d0-a765-00a0c91e6bf6"]), &["STRING"]),
        avro(
            "duration",
            json!({"type": "fixed", "name": "f", "size": 12, "logicalType": "duration"}),
            json!(["\u{1}\u{0}\u{0}\u{0}\u{2}\u{0}\u{0}\u{0}\u{3}\u{0}\u{0}\u{0}"]),
            &["BYTES"],
        ),
        avro("array of int", list(json!("int")), json!([[1, 2], [], [3]]), &["INT[]", "LONG[]", "STRING[]"]),
        avro("array of string", list(json!("string")), json!([["a", ""], [], ["é"]]), &["STRING[]"]),
        avro("array with nulls", list(json!(["null", "int"])), json!([[{"int": 1}, null], [null]]), &["INT[]"]),
        avro("array of int, into one value", list(json!("int")), json!([[7], [1, 2], []]), &["INT", "JSON"]),
        avro("map", json!({"type": "map", "values": "long"}), json!([{"a": 1}, {}]), &["JSON", "STRING"]),
        avro(
            "record",
            record.clone(),
            json!([{"a": 1, "b": {"string": "x"}}, {"a": 2, "b": null}]),
            &["JSON", "STRING"],
        ),
        avro("array of records", list(record), json!([[{"a": 1, "b": null}], []]), &["JSON"]),
        avro("record that holds itself", tree, json!([{"n": 1, "next": {"tree": {"n": 2, "next": null}}}]), &["JSON"]),
    ]
}

pub(super) fn parquets() -> Vec<Case> {
    let list = "optional group v (LIST) { repeated group list { optional int32 element; } }";
    let texts = "optional group v (LIST) { repeated group list { optional binary element (UTF8); } }";
    let old = "optional group v (LIST) { repeated int32 array; }";
    let map =
        "optional group v (MAP) { repeated group key_value { required binary key (UTF8); optional int64 value; } }";
    let group = "optional group v { optional int32 a; optional binary b (UTF8); }";
    let item = |values: &[Option<i32>]| json!({"list": values.iter().map(|value| json!({"element": value})).collect::<Vec<_>>()});
    let seconds = json!([0, 1_700_000_000_123_i64, -1, null]);
    let micros = json!([0, 1_700_000_000_123_456_i64, 1_700_000_000_123_000_i64, -1]);
    let nanos = json!([0, 1_700_000_000_123_456_789_i64, 1_700_000_000_123_000_000_i64]);
    // 1.5 seconds of 1970-01-01, and a microsecond more: nanoseconds of the day and the Julian day.
    let int96 = json!(["0x002f6859000000008c3d2500", "0xe8326859000000008c3d2500"]);
    vec![
        parquet("optional int32 v;", json!([0, -7, i32::MAX, null]), &["INT", "LONG", "STRING"]),
        parquet("optional int64 v;", json!([1, i64::MAX, null]), &["LONG", "STRING", "TIMESTAMP"]),
        parquet("optional float v;", json!([0.5, -1.25]), &["FLOAT", "DOUBLE", "STRING"]),
        parquet("optional double v;", json!([0.1, -1e300]), &["DOUBLE", "STRING"]),
        parquet("optional boolean v;", json!([true, false, null]), &["BOOLEAN", "STRING", "INT"]),
        parquet("optional binary v;", json!(["0x00ff61", "0x"]), &["BYTES", "STRING"]),
        parquet("optional binary v (UTF8);", json!(["", "é\u{1F600}", null]), &["STRING"]),
        parquet("optional binary v (ENUM);", json!(["RED"]), &["STRING"]),
        parquet("optional binary v (JSON);", json!(["{\"a\":1}"]), &["STRING", "JSON"]),
        parquet("optional binary v (BSON);", json!(["0x0500000000"]), &["BYTES"]),
        parquet("optional fixed_len_byte_array(3) v;", json!(["0x00ff61"]), &["BYTES", "STRING"]),
        parquet("optional int96 v;", int96, &["TIMESTAMP", "LONG"]),
        parquet("optional int32 v (DATE);", json!([0, 19_675, -1]), &["STRING", "INT", "TIMESTAMP"]),
        parquet("optional int32 v (TIME_MILLIS);", json!([0, 43_200_001]), &["INT", "STRING"]),
        parquet("optional int64 v (TIME_MICROS);", json!([0, 43_200_000_001_i64]), &["LONG"]),
        parquet("optional int64 v (TIMESTAMP_MILLIS);", seconds.clone(), &["TIMESTAMP", "LONG"]),
        parquet("optional int64 v (TIMESTAMP(MILLIS,false));", seconds, &["TIMESTAMP", "LONG"]),
        parquet("optional int64 v (TIMESTAMP_MICROS);", micros, &["TIMESTAMP", "LONG"]),
        parquet("optional int64 v (TIMESTAMP(NANOS,true));", nanos, &["TIMESTAMP", "LONG"]),
        parquet("optional int32 v (INT_8);", json!([-128, 127]), &["INT"]),
        parquet("optional int32 v (UINT_8);", json!([0, 255]), &["INT"]),
        parquet("optional int32 v (UINT_32);", json!([7, -1]), &["LONG", "INT"]),
        parquet("optional int64 v (UINT_64);", json!([7, -1]), &["LONG"]),
        parquet("optional int32 v (DECIMAL(9,2));", json!([0, 12_345, -1, 100]), &["BIG_DECIMAL", "DOUBLE", "STRING"]),
        parquet("optional int64 v (DECIMAL(18,4));", json!([1_234_567_890_123_456_i64]), &["BIG_DECIMAL", "STRING"]),
        parquet("optional binary v (DECIMAL(20,2));", json!(["0x7b", "0xff85"]), &["BIG_DECIMAL", "STRING"]),
        parquet(
            "optional fixed_len_byte_array(4) v (DECIMAL(9,3));",
            json!(["0x00000001", "0xffffffff"]),
            &["BIG_DECIMAL"],
        ),
        parquet(list, json!([item(&[Some(1), Some(2)]), item(&[]), null, item(&[Some(3)])]), &["INT[]", "STRING[]"]),
        parquet(list, json!([item(&[Some(1), None]), item(&[None])]), &["INT[]"]),
        parquet(texts, json!([{"list": [{"element": "a"}, {"element": ""}]}]), &["STRING[]"]),
        parquet(old, json!([{"array": [1, 2]}, {"array": []}]), &["INT[]"]),
        parquet("repeated int32 v;", json!([[1, 2], [7]]), &["INT[]"]),
        parquet(map, json!([{"key_value": [{"key": "a", "value": 1}]}]), &["JSON"]),
        parquet(group, json!([{"a": 1, "b": "x"}, {"a": 2}]), &["JSON"]),
    ]
}

pub(super) fn texts() -> Vec<Case> {
    let csv = |name: &str, lines: &str, columns, reader: Json, source| Case {
        reader,
        source,
        ..text("CSV", name, lines, columns)
    };
    let plain = || json!({"fileFormat": "default"});
    let json_lines = |name: &str, values: &[&str], columns| {
        let lines: String = values.iter().map(|value| format!("{{\"v\": {value}}}\n")).collect();
        text("JSON", name, &lines, columns)
    };
    let every: &[&str] = &["STRING"];
    vec![
        csv("numbers", "v,w\n1,\n-7,\n,\n", &["INT", "LONG", "DOUBLE", "STRING"], plain(), ""),
        csv("blanks around", "v,w\n 1 ,\n x y ,\n", every, plain(), ", csv: {trim: true}"),
        csv("quotes", "v,w\n\"a,b\",\n\"say \"\"x\"\"\",\n\"two\nlines\",\n\"\",\n", every, plain(), ""),
        csv(
            "escape",
            "v,w\na\\,b,\n",
            every,
            json!({"fileFormat": "default", "escapeCharacter": "\\"}),
            ", csv: {escape: '\\'}",
        ),
        csv(
            "delimiter",
            "v;w\n1,5;\n",
            every,
            json!({"fileFormat": "default", "delimiter": ";", "multiValueDelimiterEnabled": "false"}),
            ", csv: {delimiter: ';'}",
        ),
        csv(
            "comment",
            "v,w\n#no,\nyes,\n",
            every,
            json!({"fileFormat": "default", "commentMarker": "#"}),
            ", csv: {comment: '#'}",
        ),
        csv(
            "several values",
            "v,w\n1;2;3,\n4,\n,\n",
            &["INT[]", "STRING[]"],
            plain(),
            ", csv: {multiValueDelimiter: ';'}",
        ),
        csv("true and false", "v,w\ntrue,\nFALSE,\n1,\n", &["BOOLEAN"], plain(), ""),
        csv("times", "v,w\n2023-11-14 22:13:20.5,\n1700000000000,\n", &["TIMESTAMP"], plain(), ""),
        csv("bytes", "v,w\n00ff,\n", &["BYTES"], plain(), ""),
        json_lines(
            "whole numbers",
            &["1", "-7", "2147483648", "9223372036854775807", "null"],
            &["LONG", "STRING", "DOUBLE"],
        ),
        json_lines("fractions", &["0.1", "1e3", "-2.50"], &["DOUBLE", "STRING", "BIG_DECIMAL"]),
        json_lines(
            "numbers of any size",
            &["12345678901234567890", "0.12345678901234567890"],
            &["STRING", "BIG_DECIMAL"],
        ),
        json_lines("true and false", &["true", "false"], &["BOOLEAN", "STRING"]),
        json_lines("text", &["\"\"", "\"é\\u00e9\\ud83d\\ude00\"", "\"1\""], every),
        json_lines("lists", &["[1, 2]", "[]", "[3]"], &["INT[]", "STRING[]"]),
        json_lines("lists with nulls", &["[1, null]", "[null]"], &["INT[]"]),
        json_lines("a value for a list", &["5", "\"6\""], &["INT[]"]),
        json_lines("objects", &["{\"a\": 1, \"b\": [true, null]}", "{}"], &["JSON", "STRING"]),
        json_lines("lists of objects", &["[{\"a\": 1.50}, {\"b\": null}]"], &["JSON"]),
        json_lines("lists of lists", &["[[1, 2], [3]]"], &["JSON"]),
    ]
}
