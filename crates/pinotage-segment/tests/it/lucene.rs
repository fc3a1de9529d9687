//! Indexes that are Lucene's are left to servers, which build them on our segments when they load them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pinotage_segment::write::SegmentBuilder;
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, TableConfig};
use pinotage_testkit::cluster::{Cluster, Options, Version};
use pinotage_testkit::{is_full, rows_to_batch};
use serde_json::{Value as Json, json};

use crate::releases::{java, numbers};
use crate::write::finish;

/// An index, or none.
struct Index {
    /// Of the table.
    name: &'static str,
    /// The field config of a column.
    fields: Json,
    /// The column, and the index as `java/segments` names it.
    column: &'static str,
    kind: &'static str,
    /// A part of the name of what the server makes.
    made: &'static str,
    /// A query that needs the index, with one that does not, or the rows that it gives.
    with: &'static str,
    without: Result<&'static str, i64>,
    /// The first release that has it.
    since: &'static str,
}

fn indexes() -> [Index; 4] {
    let vector = json!({"vectorIndexType": "HNSW", "vectorDimension": "8", "vectorDistanceFunction": "EUCLIDEAN", "version": "1"});
    [
        Index {
            name: "lucene_none",
            fields: json!([]),
            column: "id",
            kind: "",
            made: "",
            with: "SELECT COUNT(*) FROM t WHERE id = 7",
            without: Err(1),
            since: "0.11.0",
        },
        Index {
            name: "lucene_text",
            fields: json!([{"name": "text", "encodingType": "RAW", "indexTypes": ["TEXT"]}]),
            column: "text",
            kind: "text_index",
            made: "text.lucene.",
            with: "SELECT COUNT(*) FROM t WHERE TEXT_MATCH(text, 'w17 AND w3')",
            without: Ok("SELECT COUNT(*) FROM t WHERE REGEXP_LIKE(text, '.*w17 .*') AND REGEXP_LIKE(text, '.*w3 .*')"),
            since: "0.11.0",
        },
        Index {
            name: "lucene_fst",
            fields: json!([{"name": "word", "encodingType": "DICTIONARY", "indexTypes": ["FST"]}]),
            column: "word",
            kind: "fst_index",
            made: "word.fst_index",
            with: "SELECT COUNT(*) FROM t WHERE REGEXP_LIKE(word, 'word-1.*')",
            without: Ok("SELECT COUNT(*) FROM t WHERE word >= 'word-1' AND word < 'word-2'"),
            since: "0.11.0",
        },
        Index {
            name: "lucene_vector",
            fields: json!([{"name": "place", "encodingType": "DICTIONARY", "indexTypes": ["VECTOR"], "properties": vector}]),
            column: "place",
            kind: "vector_index",
            made: "place.vector.",
            with: "SELECT COUNT(*) FROM t WHERE VECTOR_SIMILARITY(place, ARRAY[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5], 5)",
            without: Err(5),
            since: "1.1.0",
        },
    ]
}

fn schema(name: &str) -> Json {
    let dimension = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type});
    json!({"schemaName": name, "dimensionFieldSpecs": [dimension("id", "INT"), dimension("text", "STRING"), dimension("word", "STRING"),
        {"name": "place", "dataType": "FLOAT", "singleValueField": false}]})
}

fn rows(count: u64) -> Vec<Json> {
    let noise = |row: u64, salt: u64| {
        let z = row.wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^ (z >> 29)
    };
    let row = |row: u64| {
        let text: String = (0..12).map(|at| format!("w{} ", noise(row, at) % 500)).collect();
        let place: Vec<f64> = (0..8).map(|at| (noise(row, 20 + at) % 1024) as f64 / 1024.0).collect();
        json!({"id": row, "text": text, "word": format!("word-{}", noise(row, 50) % 5_000), "place": place})
    };
    (0..count).map(row).collect()
}

/// What a server has of a segment: the names of files and folders, and the lines of the index map.
fn made(folder: &Path, segment: &str) -> Option<String> {
    let folders = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders.filter(|path| !path.ends_with("deep-store")).collect();
    if let Some(found) = folders.iter().find(|path| path.ends_with(segment) && path.join("v3/index_map").is_file()) {
        let files = fs::read_dir(found.join("v3")).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
        let names: String = files.map(|name| format!("{}\n", name.to_string_lossy())).collect();
        return Some(names + &fs::read_to_string(found.join("v3/index_map")).ok()?);
    }
    folders.iter().find_map(|folder| made(folder, segment))
}

fn table(name: &str, index: &Index) -> Json {
    json!({"tableName": format!("{name}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
           "segmentsConfig": {"replication": "1"}, "fieldConfigList": index.fields,
           "tableIndexConfig": {"loadMode": "MMAP", "noDictionaryColumns": ["text"]}})
}

/// The folder of our segment, in which the index is not.
fn write(schema: &Json, table: &Json, version: PinotVersion, rows: &[Json], name: &str, folder: &Path) -> PathBuf {
    let schema = Schema::from_document(schema.clone()).unwrap();
    let table = TableConfig::from_document(table.clone()).unwrap();
    let mut builder = SegmentBuilder::try_new_for(&schema, &table, version).unwrap();
    builder.append(&rows_to_batch(&schema, rows)).unwrap();
    let ours = finish(builder, name).write_dir(folder).unwrap();
    assert!(!fs::read_to_string(ours.join("v3/index_map")).unwrap().contains("fst"));
    ours
}

fn are_built(cluster: &Cluster, version: PinotVersion) {
    let count = if is_full() { 200_000 } else { 3_000 };
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows(count));
    for index in indexes() {
        let name = index.name;
        let (schema, table) = (schema(name), table(name, &index));
        if version == PinotVersion::OLDEST && index.since != "0.11.0" {
            cluster.post_json(&format!("{}/schemas", cluster.controller), &schema);
            let answer = cluster.http.post_json(&format!("{}/tables", cluster.controller), &table);
            let expected = "not one of the values accepted for Enum class";
            assert!(answer.as_ref().is_err_and(|found| found.contains(expected)), "{name}: {answer:?}");
            continue;
        }
        cluster.create_table(&schema, &table);
        let ours = write(&schema, &table, version, &rows, &format!("{name}_0"), folder.path());
        cluster.upload(name, &ours);
        let start = Instant::now();
        cluster.await_online(&format!("{name}_OFFLINE"), 1);
        println!("{name}: {count} rows are online {} ms after the upload", start.elapsed().as_millis());
        let has = made(cluster.deep_store.parent().unwrap(), &format!("{name}_0")).unwrap();
        assert!(has.contains(index.made), "{has}");
        cluster.await_count(name, count);
        let ask = |sql: &str| {
            let answer = cluster.query(&sql.replace(" t ", &format!(" {name} ")));
            answer["resultTable"]["rows"][0][0].as_i64().unwrap_or_else(|| panic!("{sql}: {answer}"))
        };
        let expected = index.without.map_or_else(|rows| rows, ask);
        let found = ask(index.with);
        assert!(expected > 0 && found == expected, "{name}: {found} instead of {expected}");
    }
}

#[test]
fn only_the_column_with_the_index_has_something_left_to_the_server() {
    for index in indexes() {
        let schema = Schema::from_document(schema("t")).unwrap();
        let plan = ColumnPlan::resolve(&schema, &TableConfig::from_document(table("t", &index)).unwrap()).unwrap();
        let left: Vec<&str> =
            plan.iter().filter(|it| !it.left_to_server.is_empty()).map(|it| it.field.name.as_str()).collect();
        assert_eq!(left, if index.kind.is_empty() { vec![] } else { vec![index.column] }, "{}", index.name);
    }
}

#[test]
fn servers_build_lucenes_indexes_on_our_segments() {
    let Some(cluster) = Cluster::shared() else { return };
    are_built(cluster, PinotVersion::NEWEST);
}

#[test]
fn the_oldest_servers_build_lucenes_indexes_on_our_segments() {
    let Some(cluster) = Cluster::start(&Options { version: Version::V0_11, ..Options::default() }) else { return };
    are_built(&cluster, PinotVersion::OLDEST);
}

#[test]
fn lucenes_indexes_are_built_by_pinot_0_12_1() {
    are_built_by("0.12.1");
}

#[test]
fn lucenes_indexes_are_built_by_pinot_1_1_0() {
    are_built_by("1.1.0");
}

#[test]
fn lucenes_indexes_are_built_by_pinot_1_3_0() {
    are_built_by("1.3.0");
}

#[test]
fn lucenes_indexes_are_built_by_pinot_1_4_0() {
    are_built_by("1.4.0");
}

/// By what its servers load segments with (`java/segments`), which compares the indexes with a walk over the rows.
fn are_built_by(release: &str) {
    let Some(mut java) = java(release, "LoadSegments") else { return };
    let version = PinotVersion::parse(release).unwrap();
    let (root, rows) = (tempfile::tempdir().unwrap(), rows(3_000));
    let mut written = Vec::new();
    for index in indexes() {
        let (schema, table) = (schema("t"), table("t", &index));
        let folder = root.path().join(index.name);
        fs::create_dir_all(folder.join("segment")).unwrap();
        fs::write(folder.join("schema.json"), schema.to_string()).unwrap();
        fs::write(folder.join("table.json"), table.to_string()).unwrap();
        fs::write(folder.join("builds"), index.made).unwrap();
        let ours = write(&schema, &table, version, &rows, "t_0", &folder.join("segment"));
        written.push((index, fs::read(ours.join("v3/columns.psf")).unwrap()));
    }
    let output = java.arg(root.path()).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let failed: Vec<&str> = out.lines().filter(|line| line.starts_with("FAIL")).collect();
    let mut refused = 0;
    for (index, bytes) in written {
        let (name, folder) = (index.name, root.path().join(index.name));
        if numbers(index.since) > numbers(release) {
            // The table config names a kind of index that the release does not know.
            let line = failed.iter().find(|line| line.contains(name)).unwrap();
            assert!(line.contains("InvalidFormatException") && line.contains("\"VECTOR\""), "{line}");
            refused += 1;
            continue;
        }
        let after = fs::read(folder.join("segment/t_0/v3/columns.psf")).unwrap();
        assert!(after.starts_with(&bytes), "{name}: Pinot {release} changed what was there\n{out}{errors}");
        let has = made(&folder, "t_0").unwrap();
        assert!(has.contains(index.made), "{name}: Pinot {release} has only\n{has}{out}{errors}");
        let kinds: Json = serde_json::from_str(&fs::read_to_string(folder.join("indexes.json")).unwrap()).unwrap();
        let kinds = kinds[index.column].as_array().unwrap();
        assert!(index.kind.is_empty() || kinds.contains(&json!(index.kind)), "{name}: {kinds:?}");
    }
    assert_eq!(failed.len(), refused, "Pinot {release}:\n{out}{errors}");
}
