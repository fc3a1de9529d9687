//! Maps of Avro and Parquet files become MAP columns, here and in a cluster; UUIDs of Avro are text.

use std::fs;
use std::path::Path;

use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use crate::ok;

/// A number or a length in Avro.
fn long(number: i64, out: &mut Vec<u8>) {
    let mut bits = ((number << 1) ^ (number >> 63)) as u64;
    while bits >= 0x80 {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

fn text(text: &str, out: &mut Vec<u8>) {
    long(text.len() as i64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Rows of a number, a map of numbers that may be null, and a map of texts.
type Row<'a> = (i64, Option<&'a [(&'a str, i64)]>, &'a [(&'a str, &'a str)]);

fn write_avro(path: &Path, rows: &[Row<'_>]) {
    let schema = json!({"type": "record", "name": "row", "fields": [{"name": "id", "type": "long"},
        {"name": "n", "type": ["null", {"type": "map", "values": "long"}]}, {"name": "s", "type": {"type": "map", "values": "string"}},
        {"name": "u", "type": ["null", {"type": "string", "logicalType": "uuid"}]},
        {"name": "us", "type": {"type": "array", "items": {"type": "string", "logicalType": "uuid"}}}]});
    let mut out = b"Obj\x01".to_vec();
    long(1, &mut out);
    text("avro.schema", &mut out);
    text(&schema.to_string(), &mut out);
    long(0, &mut out);
    out.extend_from_slice(&[7; 16]);
    let mut block = Vec::new();
    for (id, numbers, texts) in rows {
        long(*id, &mut block);
        long(i64::from(numbers.is_some()), &mut block);
        if let Some(numbers) = numbers {
            entries(numbers, |number, out| long(*number, out), &mut block);
        }
        entries(texts, |value, out| text(value, out), &mut block);
        long(i64::from(*id > 1), &mut block);
        if *id > 1 {
            text(UUID, &mut block);
        }
        long(1, &mut block);
        text(UUID, &mut block);
        long(0, &mut block);
    }
    long(rows.len() as i64, &mut out);
    long(block.len() as i64, &mut out);
    out.extend(block);
    out.extend_from_slice(&[7; 16]);
    fs::write(path, out).unwrap();
}

fn entries<T>(entries: &[(&str, T)], value: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    if !entries.is_empty() {
        long(entries.len() as i64, out);
        for (key, of) in entries {
            text(key, out);
            value(of, out);
        }
    }
    long(0, out);
}

const UUID: &str = "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6";

const ROWS: &[Row<'_>] = &[
    (1, Some(&[("b", 1), ("a", -2)]), &[("k", "x"), ("é", "\"1\"")]),
    (2, None, &[]),
    (3, Some(&[]), &[("k", "")]),
    (4, Some(&[("b", i64::MAX)]), &[("l", "y")]),
];

/// The same rows as Avro and as Parquet, and a schema of them.
fn inputs(path: &Path, table: &str) {
    fs::create_dir(path.join("avro")).unwrap();
    fs::create_dir(path.join("parquet")).unwrap();
    write_avro(&path.join("avro/a.avro"), ROWS);
    ok(path, &["sql", "SELECT * FROM t", "--table", "t=avro/a.avro", "--to", "parquet/a.parquet"]);
    let map = |name: &str, value: &str| {
        json!({"name": name, "dataType": "MAP", "fieldType": "COMPLEX", "childFieldSpecs": {
            "key": {"name": "key", "dataType": "STRING", "fieldType": "DIMENSION"},
            "value": {"name": "value", "dataType": value, "fieldType": "DIMENSION"}}})
    };
    let schema = json!({"schemaName": table, "enableColumnBasedNullHandling": true,
        "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}, {"name": "u", "dataType": "STRING"},
            {"name": "us", "dataType": "STRING", "singleValueField": false}],
        "complexFieldSpecs": [map("n", "LONG"), map("s", "STRING")]});
    fs::write(path.join("schema.json"), schema.to_string()).unwrap();
    let config = json!({"tableName": format!("{table}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND"}, "tableIndexConfig": {"loadMode": "MMAP"}});
    fs::write(path.join("table.json"), config.to_string()).unwrap();
}

fn job(path: &Path, table: &str, folder: &str, sink: &str) {
    let text = format!(
        "name: {table}-{folder}\nsource: {{kind: files, paths: [\"{folder}/*\"]}}\nsink: {{kind: pinot, table: {table}, \
         schema: schema.json, tableConfig: table.json, {sink}}}\nstate: state-{folder}\n"
    );
    fs::write(path.join("job.yaml"), text).unwrap();
}

#[test]
fn maps_of_avro_and_parquet_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    inputs(path, "t");
    let uuid = UUID.to_lowercase();
    let expected = [
        format!(
            r#"{{"id":1,"n":{{"a":"-2","b":"1"}},"s":{{"k":"\"x\"","é":"\"\\\"1\\\"\""}},"u":null,"us":["{uuid}"]}}"#
        ),
        format!(r#"{{"id":2,"n":null,"s":{{}},"u":"{uuid}","us":["{uuid}"]}}"#),
        format!(r#"{{"id":3,"n":{{}},"s":{{"k":"\"\""}},"u":"{uuid}","us":["{uuid}"]}}"#),
        format!(r#"{{"id":4,"n":{{"b":"9223372036854775807"}},"s":{{"l":"\"y\""}},"u":"{uuid}","us":["{uuid}"]}}"#),
    ];
    for format in ["avro", "parquet"] {
        job(path, "t", format, &format!("output: out-{format}"));
        assert!(ok(path, &["run", "job.yaml"]).contains("4 rows read, 4 written"), "{format}");
        let segment = format!("out-{format}/t_0");
        assert_eq!(ok(path, &["segment", "cat", &segment]), expected.join("\n") + "\n", "{format}");
        assert!(ok(path, &["segment", "verify", &segment]).contains("intact"));
    }
}

#[test]
fn maps_are_pushed_and_queried() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    inputs(path, "maps");
    job(path, "maps", "parquet", &format!("controller: \"{}\"", cluster.controller));
    assert!(ok(path, &["run", "job.yaml"]).contains("pushed 1 segments"));
    for (condition, expected) in
        [("s['k'] = 'x'", 1), ("s['l'] = 'y'", 4), ("n['b'] = 9223372036854775807", 4), ("n['a'] = -2", 1)]
    {
        let answer = cluster.query(&format!("SELECT id FROM maps WHERE {condition}"));
        assert_eq!(answer["resultTable"]["rows"], json!([[expected]]), "{condition}: {answer}");
    }
}
