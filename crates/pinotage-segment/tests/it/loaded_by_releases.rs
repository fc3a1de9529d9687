//! Each release of Pinot loads what we write for it (`java/segments`): no byte is changed, rows and indexes are what they should be.
//! Whole servers of the oldest and the newest do more in `loaded`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pinotage_segment::read::Segment;
use pinotage_segment::write::SegmentBuilder;
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use pinotage_testkit::{columns_to_batch, rows_to_batch};
use serde_json::{Value as Json, json};

use crate::loaded::{loads, rows, schema, table};
use crate::read::assert_same;
use crate::releases::{java, numbers};
use crate::write::finish;

/// What is loaded, each with the first release that takes it.
const CASES: [(&str, &str); 18] = [
    ("bloom", "0.11.0"),
    ("dictionaries", "0.11.0"),
    ("inverted", "0.11.0"),
    ("json", "0.11.0"),
    ("maps", "1.3.0"),
    ("nulls", "0.11.0"),
    ("range_1", "0.11.0"),
    ("range_2", "0.11.0"),
    ("raw_2", "0.11.0"),
    ("raw_3", "0.11.0"),
    ("raw_4", "0.11.0"),
    ("raw_5", "0.11.0"),
    ("raw_gzip", "1.3.0"),
    ("star_tree_bytes", "0.11.0"),
    ("star_tree_default", "0.11.0"),
    ("star_tree_lists", "0.11.0"),
    ("star_tree_numbers", "0.11.0"),
    ("timestamp", "0.11.0"),
];

#[test]
fn what_is_written_is_loaded_by_pinot_0_11_0() {
    are_loaded("0.11.0");
}

#[test]
fn what_is_written_is_loaded_by_pinot_0_12_1() {
    are_loaded("0.12.1");
}

#[test]
fn what_is_written_is_loaded_by_pinot_1_1_0() {
    are_loaded("1.1.0");
}

#[test]
fn what_is_written_is_loaded_by_pinot_1_3_0() {
    are_loaded("1.3.0");
}

#[test]
fn what_is_written_is_loaded_by_pinot_1_4_0() {
    are_loaded("1.4.0");
}

#[test]
fn what_is_written_is_loaded_by_pinot_1_5_1() {
    are_loaded("1.5.1");
}

/// The table config and the columns of a map beside those of [`schema`].
fn cases() -> Vec<(&'static str, Json, Json)> {
    let plain = schema("t");
    let mut with_maps = plain.clone();
    let child = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type, "fieldType": "DIMENSION"});
    with_maps["complexFieldSpecs"] = json!([{"name": "m", "dataType": "MAP", "fieldType": "COMPLEX",
        "childFieldSpecs": {"key": child("key", "STRING"), "value": child("value", "LONG")}}]);
    let loads = loads().into_iter().map(|load| (load.name, plain.clone(), table("t", Some(&load))));
    loads.chain([("maps", with_maps, table("t", None))]).collect()
}

fn are_loaded(release: &str) {
    let Some(mut java) = java(release, "LoadSegments") else { return };
    let version = PinotVersion::parse(release).unwrap();
    let root = tempfile::tempdir().unwrap();
    let mut rows = rows();
    for (at, row) in rows.iter_mut().enumerate() {
        row["m"] = json!({format!("k{}", at % 5): at});
    }
    let mut written = BTreeMap::new();
    for (name, schema, table) in cases() {
        let parsed = Schema::from_document(schema.clone()).unwrap();
        let config = TableConfig::from_document(table.clone()).unwrap();
        // What a release does not take is refused here, too.
        let Ok(mut builder) = SegmentBuilder::try_new_for(&parsed, &config, version) else { continue };
        builder.append(&rows_to_batch(&parsed, &rows)).unwrap();
        let folder = root.path().join(name);
        fs::create_dir_all(folder.join("segment")).unwrap();
        fs::write(folder.join("schema.json"), schema.to_string()).unwrap();
        fs::write(folder.join("table.json"), table.to_string()).unwrap();
        finish(builder, "t_0").write_dir(&folder.join("segment")).unwrap();
        written.insert(name, (parsed, indexes(&folder.join("segment/t_0"))));
    }
    let taken = CASES.iter().filter(|(_, since)| numbers(since) <= numbers(release)).map(|(name, _)| *name);
    assert_eq!(written.keys().copied().collect::<Vec<_>>(), taken.collect::<Vec<_>>());
    let output = java.arg(root.path()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "Pinot {release}:\n{text}");
    // Only where the table tracks them, nulls are known as such.
    let untracked: Vec<Json> = rows.iter().cloned().map(without_nulls).collect();
    for (name, (schema, expected)) in written {
        let folder = root.path().join(name);
        let found: BTreeMap<String, Vec<String>> =
            serde_json::from_str(&fs::read_to_string(folder.join("indexes.json")).unwrap()).unwrap();
        for (column, indexes) in expected {
            for index in indexes {
                assert!(found[&column].contains(&index), "{name}: Pinot {release} finds no {index} of {column}");
            }
        }
        let text = fs::read_to_string(folder.join("found.jsonl")).unwrap();
        let mut found: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // One of the tables sorts its segments; the rows have risen in `n`.
        found.sort_by_key(|row| row["n"].as_i64());
        let columns = || schema.fields();
        let rows = if name == "nulls" { &rows } else { &untracked };
        assert_same(&columns_to_batch(columns(), &found), &columns_to_batch(columns(), rows), name);
    }
}

fn without_nulls(mut row: Json) -> Json {
    row.as_object_mut().unwrap().remove("$nulls");
    row
}

/// The indexes of each column that Pinot's readers are asked for.
fn indexes(segment: &Path) -> BTreeMap<String, Vec<String>> {
    const ASKED: [&str; 5] = ["inverted_index", "range_index", "bloom_filter", "json_index", "nullvalue_vector"];
    let segment = Segment::open(segment).unwrap();
    let of = |name: &str| {
        segment.indexes(name).into_iter().map(|index| index.id).filter(|id| ASKED.contains(&id.as_str())).collect()
    };
    segment.columns().map(|name| (name.to_owned(), of(name))).collect()
}
