//! Indexes that are Lucene's are left to servers, which build them on our segments when they load them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pinotage_segment::write::SegmentBuilder;
use pinotage_spec::{ColumnPlan, Schema, TableConfig};
use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::{is_full, rows_to_batch};
use serde_json::{Value as Json, json};

use crate::write::finish;

/// The name of the table, the field config of a column, a part of the name of what the server makes, and a query that needs the index with
/// one that does not, or the rows that it gives.
type Index = (&'static str, Json, &'static str, &'static str, Result<&'static str, i64>);

fn indexes() -> [Index; 4] {
    let vector = json!({"vectorIndexType": "HNSW", "vectorDimension": "8", "vectorDistanceFunction": "EUCLIDEAN", "version": "1"});
    [
        ("lucene_none", json!([]), "", "SELECT COUNT(*) FROM t WHERE id = 7", Err(1)),
        (
            "lucene_text",
            json!([{"name": "text", "encodingType": "RAW", "indexTypes": ["TEXT"]}]),
            "text.lucene.",
            "SELECT COUNT(*) FROM t WHERE TEXT_MATCH(text, 'w17 AND w3')",
            Ok("SELECT COUNT(*) FROM t WHERE REGEXP_LIKE(text, '.*w17 .*') AND REGEXP_LIKE(text, '.*w3 .*')"),
        ),
        (
            "lucene_fst",
            json!([{"name": "word", "encodingType": "DICTIONARY", "indexTypes": ["FST"]}]),
            "word.fst_index",
            "SELECT COUNT(*) FROM t WHERE REGEXP_LIKE(word, 'word-1.*')",
            Ok("SELECT COUNT(*) FROM t WHERE word >= 'word-1' AND word < 'word-2'"),
        ),
        (
            "lucene_vector",
            json!([{"name": "place", "encodingType": "DICTIONARY", "indexTypes": ["VECTOR"], "properties": vector}]),
            "place.vector.",
            "SELECT COUNT(*) FROM t WHERE VECTOR_SIMILARITY(place, ARRAY[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5], 5)",
            Err(5),
        ),
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

#[test]
fn servers_build_lucenes_indexes_on_our_segments() {
    let Some(cluster) = Cluster::shared() else { return };
    let count = if is_full() { 200_000 } else { 3_000 };
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows(count));
    for (name, fields, index, with, without) in indexes() {
        let schema = schema(name);
        let table = json!({"tableName": format!("{name}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": "1"}, "fieldConfigList": fields,
            "tableIndexConfig": {"loadMode": "MMAP", "noDictionaryColumns": ["text"]}});
        cluster.create_table(&schema, &table);
        let (schema, table) = (Schema::from_document(schema).unwrap(), TableConfig::from_document(table).unwrap());
        let plan = ColumnPlan::resolve(&schema, &table).unwrap();
        let left = plan.iter().map(|column| column.left_to_server.len()).sum::<usize>();
        assert_eq!(left, usize::from(!index.is_empty()), "{name}");
        let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
        builder.append(&rows_to_batch(&schema, &rows)).unwrap();
        let ours = finish(builder, &format!("{name}_0")).write_dir(folder.path()).unwrap();
        cluster.upload(name, &ours);
        let start = Instant::now();
        cluster.await_online(&format!("{name}_OFFLINE"), 1);
        println!("{name}: {count} rows are online {} ms after the upload", start.elapsed().as_millis());
        let has = made(cluster.deep_store.parent().unwrap(), &format!("{name}_0")).unwrap();
        assert!(
            has.contains(index) && !fs::read_to_string(ours.join("v3/index_map")).unwrap().contains("fst"),
            "{has}"
        );
        cluster.await_count(name, count);
        let ask = |sql: &str| {
            let answer = cluster.query(&sql.replace(" t ", &format!(" {name} ")));
            answer["resultTable"]["rows"][0][0].as_i64().unwrap_or_else(|| panic!("{sql}: {answer}"))
        };
        let expected = without.map_or_else(|rows| rows, ask);
        assert!(expected > 0 && ask(with) == expected, "{name}: {} instead of {expected}", ask(with));
    }
}
