//! Whole servers of the oldest and the newest release load what we write for them, build nothing anew, and answer with it.

use std::fs;
use std::path::{Path, PathBuf};

use pinotage_segment::read::Segment;
use pinotage_segment::write::SegmentBuilder;
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use pinotage_testkit::cluster::{Cluster, Options, Version};
use pinotage_testkit::rows_to_batch;
use serde_json::{Value as Json, json};

use crate::write::finish;

const ROWS: i64 = 3_000;

/// One capability: what the table config says, and what is asked.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// Merged into `tableIndexConfig`.
    indexing: Json,
    fields: Json,
    queries: &'static [&'static str],
    /// The first query has to be answered from so many docs at most.
    docs: Option<u64>,
    /// What the controller of 0.11 says of the table config.
    refused: Option<&'static str>,
}

pub(crate) fn loads() -> Vec<Load> {
    let load = |name, indexing, queries| Load { name, indexing, fields: json!([]), queries, docs: None, refused: None };
    let raw = |name, version: u8, codec: &str| {
        let raw = |column: &str| {
            json!({"name": column, "encodingType": "RAW", "compressionCodec": codec,
                   "properties": {"rawIndexWriterVersion": version.to_string()}})
        };
        let columns = ["city", "kind", "n", "d", "x", "text", "list", "texts", "at", "y", "ok", "sum"];
        // Releases before 1.3 take a column for raw only where the list names it.
        Load { fields: json!(columns.map(raw)), ..load(name, json!({"noDictionaryColumns": columns}), SCANS) }
    };
    let star_tree = |name, pairs: Json, queries, docs| Load {
        docs: Some(docs),
        ..load(
            name,
            json!({"starTreeIndexConfigs": [{"dimensionsSplitOrder": ["city", "kind"], "maxLeafRecords": 10, "functionColumnPairs": pairs}]}),
            queries,
        )
    };
    let all = ["city", "kind", "n", "d", "x", "text", "at"];
    let granularities = json!({"granularities": ["DAY", "HOUR", "WEEK", "MONTH"]});
    vec![
        load("dictionaries", json!({}), SCANS),
        load(
            "nulls",
            json!({"nullHandlingEnabled": true}),
            &["SELECT COUNT(*) FROM t WHERE kind IS NULL <=> SELECT COUNT(*) FROM t WHERE kind = -2147483648"],
        ),
        load(
            "inverted",
            json!({"invertedIndexColumns": ["city", "n", "list", "texts"], "sortedColumn": ["kind"]}),
            SCANS,
        ),
        load(
            "range_2",
            json!({"rangeIndexColumns": all, "rangeIndexVersion": 2, "noDictionaryColumns": ["d", "x", "n"]}),
            RANGES,
        ),
        load(
            "range_1",
            json!({"rangeIndexColumns": all, "rangeIndexVersion": 1, "noDictionaryColumns": ["d", "x", "n"]}),
            RANGES,
        ),
        load(
            "bloom",
            json!({"bloomFilterColumns": ["city", "kind", "n", "text"], "noDictionaryColumns": ["text"]}),
            SCANS,
        ),
        load(
            "json",
            json!({"jsonIndexColumns": ["j"], "noDictionaryColumns": ["j"]}),
            &[
                "SELECT COUNT(*) FROM t WHERE JSON_MATCH(j, '\"$.a\"=''3''') \
                 <=> SELECT COUNT(*) FROM t WHERE JSON_EXTRACT_SCALAR(j, '$.a', 'INT') = 3",
                "SELECT COUNT(*) FROM t WHERE JSON_MATCH(j, '\"$.b[*].c\"=''7''') \
                 <=> SELECT COUNT(*) FROM t WHERE JSON_EXTRACT_SCALAR(j, '$.b[0].c', 'INT') = 7 OR JSON_EXTRACT_SCALAR(j, '$.b[1].c', 'INT') = 7",
                "SELECT COUNT(*) FROM t WHERE JSON_MATCH(j, '\"$.b[1].c\"=''7'' AND \"$.a\"=''1''') \
                 <=> SELECT COUNT(*) FROM t WHERE JSON_EXTRACT_SCALAR(j, '$.b[1].c', 'INT') = 7 AND JSON_EXTRACT_SCALAR(j, '$.a', 'INT') = 1",
            ],
        ),
        Load {
            fields: json!([{"name": "at", "encodingType": "DICTIONARY", "indexTypes": ["TIMESTAMP"], "timestampConfig": granularities}, {"name": "n", "encodingType": "DICTIONARY", "timestampConfig": granularities}]),
            ..load(
                "timestamp",
                json!({}),
                &[
                    "SELECT COUNT(*) FROM t GROUP BY dateTrunc('DAY', at) ORDER BY dateTrunc('DAY', at) LIMIT 1000",
                    "SELECT COUNT(*) FROM t WHERE dateTrunc('MONTH', at) > 1690000000000",
                    "SELECT COUNT(*) FROM t WHERE dateTrunc('HOUR', at) = 1690002000000",
                    "SELECT COUNT(*) FROM t GROUP BY dateTrunc('HOUR', n)",
                    "SELECT COUNT(*) FROM t GROUP BY \"$at$WEEK\" ORDER BY \"$at$WEEK\" LIMIT 1000 \
                     <=> SELECT COUNT(*) FROM t GROUP BY dateTrunc('WEEK', at) ORDER BY dateTrunc('WEEK', at) LIMIT 1000",
                ],
            )
        },
        star_tree(
            "star_tree_numbers",
            json!(["COUNT__*", "SUM__n", "MIN__x", "MAX__d"]),
            &["SELECT kind, COUNT(*), SUM(n), MIN(x), MAX(d) FROM t WHERE city = 'c3' GROUP BY kind ORDER BY kind"],
            100,
        ),
        star_tree(
            "star_tree_bytes",
            json!(["AVG__n", "MINMAXRANGE__x", "DISTINCTCOUNTBITMAP__text", "DISTINCTCOUNTHLL__text"]),
            &[
                "SELECT kind, AVG(n), MINMAXRANGE(x), DISTINCTCOUNTBITMAP(text), DISTINCTCOUNTHLL(text) FROM t GROUP BY kind ORDER BY kind",
            ],
            100,
        ),
        Load {
            refused: Some("must be a single value column"),
            ..star_tree(
                "star_tree_lists",
                json!(["COUNTMV__list", "SUMMV__list", "AVGMV__list"]),
                &["SELECT kind, COUNTMV(list), SUMMV(list), AVGMV(list) FROM t GROUP BY kind ORDER BY kind"],
                100,
            )
        },
        Load { docs: Some(ROWS as u64), ..load("star_tree_default", json!({"enableDefaultStarTree": true}), SCANS) },
        raw("raw_2", 2, "SNAPPY"),
        raw("raw_3", 3, "LZ4"),
        raw("raw_4", 4, "ZSTANDARD"),
        raw("raw_5", 5, "PASS_THROUGH"),
        Load { refused: Some("not one of the values accepted for Enum class"), ..raw("raw_gzip", 4, "GZIP") },
    ]
}

const SCANS: &[&str] = &[
    "SELECT city, COUNT(*), SUM(n), MAX(d), MIN(x) FROM t GROUP BY city ORDER BY city",
    "SELECT COUNT(*), SUM(kind) FROM t WHERE city = 'c3' AND kind IN (1, 4)",
    "SELECT COUNT(*) FROM t WHERE text = 'text 17'",
    "SELECT COUNT(*) FROM t WHERE list = 3 AND texts = 'é2'",
    "SELECT n, d, x, text, at FROM t WHERE n BETWEEN 100 AND 120 ORDER BY n LIMIT 100",
    "SELECT SUMMV(list), COUNTMV(texts) FROM t",
];

const RANGES: &[&str] = &[
    "SELECT COUNT(*), SUM(n) FROM t WHERE n > 100 AND n <= 2000",
    "SELECT COUNT(*) FROM t WHERE d < 250.5 AND x >= 3.5",
    "SELECT COUNT(*) FROM t WHERE city > 'c2' AND text BETWEEN 'text 1' AND 'text 3'",
    "SELECT COUNT(*) FROM t WHERE kind >= 3 AND at < 1690000000000",
];

pub(crate) fn schema(name: &str) -> Json {
    let dimension = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type});
    let list = |name: &str, data_type: &str| json!({"name": name, "dataType": data_type, "singleValueField": false});
    json!({"schemaName": name,
        "dimensionFieldSpecs": [dimension("city", "STRING"), dimension("kind", "INT"), dimension("text", "STRING"), dimension("j", "JSON"),
                                dimension("y", "BYTES"), dimension("ok", "BOOLEAN"),
                                list("list", "INT"), list("texts", "STRING")],
        "metricFieldSpecs": [dimension("n", "LONG"), dimension("d", "DOUBLE"), dimension("x", "FLOAT"), dimension("sum", "BIG_DECIMAL")],
        "dateTimeFieldSpecs": [{"name": "at", "dataType": "TIMESTAMP", "format": "1:MILLISECONDS:TIMESTAMP", "granularity": "1:MILLISECONDS"}]})
}

pub(crate) fn rows() -> Vec<Json> {
    let row = |row: i64| {
        let noise = row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64).rotate_left(23).unsigned_abs();
        let mut all = json!({"city": format!("c{}", noise % 7), "kind": noise % 5, "text": format!("text {}", noise % 97), "n": row,
               "d": (noise % 4000) as f64 / 8.0, "x": (noise % 64) as f64 / 4.0, "list": [noise % 9, row % 4], "texts": [format!("é{}", row % 6)],
               "j": json!({"a": row % 5, "b": [{"c": noise % 11}, {"c": row % 13}]}).to_string(),
               "y": format!("{:04x}", noise % 300), "ok": u8::from(noise.is_multiple_of(3)), "sum": format!("{}.{:03}1", noise % 1_000_000, row % 1000),
               "at": 1_680_000_000_000_i64 + (noise % 20_000_000_000) as i64});
        if row % 50 == 7 {
            all["kind"] = json!(i32::MIN);
            all["$nulls"] = json!(["kind"]);
        }
        all
    };
    (0..ROWS).map(row).collect()
}

pub(crate) fn table(name: &str, load: Option<&Load>) -> Json {
    let mut indexing = json!({"loadMode": "MMAP"});
    let mut fields = json!([]);
    if let Some(load) = load {
        indexing.as_object_mut().unwrap().extend(load.indexing.as_object().unwrap().clone());
        fields = load.fields.clone();
    }
    json!({"tableName": format!("{name}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
           "segmentsConfig": {"replication": "1", "timeColumnName": "at"}, "tableIndexConfig": indexing, "fieldConfigList": fields})
}

/// Creates the table, builds its segment for the release and loads it; returns the folder of our segment.
fn push(cluster: &Cluster, version: PinotVersion, name: &str, load: Option<&Load>, folder: &Path) -> PathBuf {
    let (schema, table) = (schema(name), table(name, load));
    cluster.create_table(&schema, &table);
    let (schema, table) = (Schema::from_document(schema).unwrap(), TableConfig::from_document(table).unwrap());
    let mut builder = SegmentBuilder::try_new_for(&schema, &table, version).unwrap();
    builder.append(&rows_to_batch(&schema, &rows())).unwrap();
    let ours = finish(builder, &format!("{name}_0")).write_dir(folder).unwrap();
    cluster.upload(name, &ours);
    cluster.await_online(&format!("{name}_OFFLINE"), 1);
    cluster.await_count(name, ROWS as u64);
    ours
}

/// The folder in which a server has a segment.
fn on_the_server(folder: &Path, segment: &str) -> Option<PathBuf> {
    let folders = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders.filter(|path| !path.ends_with("deep-store")).collect();
    let found = folders.iter().find(|path| path.ends_with(segment) && path.join("v3/index_map").is_file());
    found.cloned().or_else(|| folders.iter().find_map(|folder| on_the_server(folder, segment)))
}

fn assert_refused(cluster: &Cluster, load: &Load, error: &str) {
    let name = format!("loaded_{}", load.name);
    cluster.post_json(&format!("{}/schemas", cluster.controller), &schema(&name));
    let answer = cluster.http.post_json(&format!("{}/tables", cluster.controller), &table(&name, Some(load)));
    assert!(answer.as_ref().is_err_and(|found| found.contains(error)), "{name}: {answer:?}");
}

fn all_are_loaded(cluster: &Cluster, version: PinotVersion) {
    let folder = tempfile::tempdir().unwrap();
    push(cluster, version, "loaded_plain", None, folder.path());
    let mut wrong = Vec::new();
    for load in loads() {
        if let Some(error) = load.refused.filter(|_| version == PinotVersion::OLDEST) {
            assert_refused(cluster, &load, error);
            continue;
        }
        let name = format!("loaded_{}", load.name);
        let ours = push(cluster, version, &name, Some(&load), folder.path());
        let theirs = on_the_server(cluster.deep_store.parent().unwrap(), &format!("{name}_0")).unwrap();
        for file in ["index_map", "columns.psf", "star_tree_index", "star_tree_index_map"] {
            if fs::read(ours.join("v3").join(file)).ok() != fs::read(theirs.join("v3").join(file)).ok() {
                wrong.push(format!("{name}: the server changed {file}"));
            }
        }
        let has_tree = Segment::open(&ours).unwrap().star_trees().unwrap().is_some();
        let wants_tree = load.docs.is_some();
        assert_eq!(has_tree, wants_tree, "{name}");
        for (at, sql) in load.queries.iter().enumerate() {
            // With the index, and without where the words are others there.
            let (with, without) = sql.split_once(" <=> ").unwrap_or((sql, sql));
            let ask = |sql: &str, table: &str| cluster.query(&format!("{sql} ").replace(" t ", &format!(" {table} ")));
            let (found, expected) = (ask(with, &name), ask(without, "loaded_plain"));
            let rows = |answer: &Json| answer["resultTable"]["rows"].clone();
            if rows(&found) != rows(&expected) || rows(&found).as_array().is_none_or(Vec::is_empty) {
                wrong.push(format!("{name}: {sql}\n    {found}\n    {expected}"));
            }
            let docs = found["numDocsScanned"].as_u64().unwrap();
            if at == 0 && has_tree && load.docs.is_some_and(|most| docs > most) {
                wrong.push(format!("{name}: {sql} looked at {docs} docs"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everything_that_is_written_is_loaded_by_pinot_1_5_1() {
    let Some(cluster) = Cluster::shared() else { return };
    all_are_loaded(cluster, PinotVersion::NEWEST);
}

#[test]
fn everything_that_is_written_is_loaded_by_pinot_0_11_0() {
    let Some(cluster) = Cluster::start(&Options { version: Version::V0_11, ..Options::default() }) else { return };
    all_are_loaded(&cluster, PinotVersion::OLDEST);
}
