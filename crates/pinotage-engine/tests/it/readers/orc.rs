//! ORC. Pinot's reader of it is in no public registry; ORC's own library reads, and `java/readers` does with its values what the source
//! of that reader says.

use serde_json::{Value as Json, json};

use super::{Case, made};

/// A file of one column of this type; the values are as `OrcFiles` takes them.
fn orc(data_type: &str, values: Json, columns: &'static [&'static str]) -> Case {
    let rows = values.as_array().unwrap().iter().map(|value| json!({"v": value})).collect();
    made("ORC", data_type, format!("struct<v:{data_type}>"), rows, columns)
}

fn named(name: &str, case: Case) -> Case {
    Case { name: name.to_owned(), ..case }
}

/// Many rows in a codec, for every encoding of numbers and texts and several stripes.
fn many(data_type: &str, codec: &'static str, value: impl Fn(i64) -> Json, columns: &'static [&'static str]) -> Case {
    let name = format!("{data_type}, 6,000 rows, {codec}");
    let values = (0..6_000).map(value).collect::<Vec<_>>();
    Case { name, writer: json!({"codec": codec}), ..orc(data_type, json!(values), columns) }
}

/// Runs of one value, of equal steps, of noise, and of noise with a few that are far larger.
fn number(row: i64) -> i64 {
    let noise = row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64).rotate_left(23);
    match row / 600 % 5 {
        0 => row / 50,
        1 => row * 7 - 3,
        2 => noise >> 40,
        3 if row % 97 == 0 => noise >> 12,
        3 => noise.rem_euclid(100),
        _ => noise,
    }
}

pub(super) fn orcs() -> Vec<Case> {
    let times =
        json!(["1970-01-01 00:00:00", "2023-11-14 22:13:20.123", "1969-12-31 23:59:59", "1815-06-18 11:30:00", null]);
    let finer = json!(["2023-11-14 22:13:20.123456", "2023-11-14 22:13:20.123456789", "2015-01-01 00:00:00.000001"]);
    let elsewhere = |zone: &'static str| Case {
        name: format!("timestamp, written in {zone}"),
        writer: json!({"zone": zone}),
        // The first is in the hour that New York has twice, the second in a summer of another offset from UTC.
        ..orc("timestamp", json!(["2023-11-05 01:30:00", "2023-07-01 12:00:00", "1969-12-31 20:00:00"]), &["TIMESTAMP"])
    };
    let maybe = |row: i64, value: Json| if row % 11 == 5 { Json::Null } else { value };
    vec![
        orc("boolean", json!([true, false, null]), &["BOOLEAN", "STRING", "INT"]),
        orc("tinyint", json!([0, -128, 127]), &["INT", "LONG", "STRING"]),
        orc("smallint", json!([0, -32_768, 32_767]), &["INT", "STRING"]),
        orc("int", json!([0, -7, i32::MAX, i32::MIN, null]), &["INT", "LONG", "DOUBLE", "STRING"]),
        orc("bigint", json!([1, i64::MAX, i64::MIN, null]), &["LONG", "STRING", "TIMESTAMP"]),
        orc("float", json!([0.5, -1.25, 16_777_216.0]), &["FLOAT", "DOUBLE", "STRING"]),
        orc("double", json!([0.1, -1e300, 5e-324]), &["DOUBLE", "STRING"]),
        orc("string", json!(["", "x", "é\u{1F600}", null]), &["STRING"]),
        named("string, of numbers", orc("string", json!(["12", "-3"]), &["INT", "LONG", "BIG_DECIMAL"])),
        orc("varchar(3)", json!(["abc", "é"]), &["STRING"]),
        orc("char(3)", json!(["abc", "é", " a", "", null]), &["STRING"]),
        orc("array<char(3)>", json!([["a", "bc"], [" d", null]]), &["STRING[]"]),
        orc("map<string,char(3)>", json!([{"k": "a"}]), &["JSON"]),
        orc("struct<a:char(3)>", json!([{"a": "b"}, {"a": null}]), &["JSON"]),
        orc("binary", json!(["0x00ff61", "0x"]), &["BYTES", "STRING"]),
        orc("decimal(10,2)", json!(["0", "1.23", "-99999999.99", "1.5"]), &["BIG_DECIMAL", "DOUBLE", "STRING"]),
        orc(
            "decimal(38,18)",
            json!(["12345678901234567890.123456789012345678", "-0.000000000000000001"]),
            &["BIG_DECIMAL"],
        ),
        orc("date", json!([0, 19_675, -1]), &["STRING", "INT", "LONG", "TIMESTAMP"]),
        orc("timestamp", times.clone(), &["TIMESTAMP", "LONG"]),
        named("timestamp of nanoseconds", orc("timestamp", finer, &["TIMESTAMP"])),
        orc("timestamp with local time zone", times, &["TIMESTAMP"]),
        elsewhere("America/New_York"),
        elsewhere("Asia/Kolkata"),
        orc("array<int>", json!([[1, 2], [], null, [3]]), &["INT[]", "LONG[]", "STRING[]"]),
        orc("array<string>", json!([["a", ""], ["é"]]), &["STRING[]"]),
        named("array<int> with nulls", orc("array<int>", json!([[1, null], [null]]), &["INT[]"])),
        orc("array<array<int>>", json!([[[1, 2], [3]]]), &["JSON"]),
        orc("map<string,bigint>", json!([{"a": 1}, {"b": 2}]), &["JSON"]),
        orc("struct<a:int,b:string>", json!([{"a": 1, "b": "x"}, {"a": 2, "b": null}]), &["JSON", "STRING"]),
        orc("array<struct<a:int>>", json!([[{"a": 1}, {"a": 2}]]), &["JSON"]),
        orc("uniontype<int,string>", json!([[0, 5], [1, "x"]]), &["STRING"]),
        many("bigint", "NONE", |row| maybe(row, json!(number(row))), &["LONG"]),
        many("bigint", "ZLIB", |row| json!(number(row)), &["LONG"]),
        many("int", "SNAPPY", |row| maybe(row, json!(number(row) as i32)), &["INT"]),
        many("smallint", "LZ4", |row| json!(number(row) as i16), &["INT"]),
        many("tinyint", "ZSTD", |row| maybe(row, json!(number(row) as i8)), &["INT"]),
        many("boolean", "ZSTD", |row| maybe(row, json!(number(row) % 3 == 0)), &["BOOLEAN"]),
        many("double", "LZ4", |row| json!(f64::from(number(row) as i32) / 8.0), &["DOUBLE"]),
        many("string", "ZSTD", |row| maybe(row, json!(format!("text {}", number(row)))), &["STRING"]),
        many("string", "SNAPPY", |row| json!(format!("text {}", row % 40)), &["STRING"]),
        many("date", "ZLIB", |row| json!(number(row) % 40_000), &["INT"]),
        many("decimal(18,3)", "ZLIB", |row| json!(format!("{}.{:03}", row * 977, row % 1_000)), &["BIG_DECIMAL"]),
        many("array<bigint>", "ZLIB", |row| maybe(row, json!([number(row), row])), &["LONG[]"]),
    ]
}
