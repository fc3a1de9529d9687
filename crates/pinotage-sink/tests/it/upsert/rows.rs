//! Which rows count, and what partial ones become.

use arrow::compute::filter_record_batch;
use fastrand::Rng;
use pinotage_sink::upsert::partial::{Merged, merge};
use pinotage_sink::upsert::{Latest, UpsertTable};
use pinotage_spec::{PinotVersion, Schema, TableConfig};
use pinotage_testkit::is_full;
use serde_json::{Map, Value as Json, json};

use super::{batch, judged, written};

const T: i64 = 1_700_000_000_000;

struct Case {
    schema: Schema,
    table: UpsertTable,
    rows: Vec<Json>,
    asked: Json,
}

/// A column of the test tables: name, type, several values, strategy.
type Column = (String, &'static str, bool, Option<&'static str>);

fn columns() -> Vec<Column> {
    const ALL: [&str; 10] =
        ["INT", "LONG", "FLOAT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "STRING", "JSON", "BYTES", "BIG_DECIMAL"];
    const LISTS: [&str; 5] = ["INT", "LONG", "FLOAT", "DOUBLE", "STRING"];
    let mut columns: Vec<Column> = Vec::new();
    for (strategy, types, lists) in [
        (None, &ALL[..], &LISTS[..]),
        (Some("FORCE_OVERWRITE"), &ALL, &LISTS),
        (Some("IGNORE"), &ALL, &LISTS),
        (Some("INCREMENT"), &["INT", "LONG", "FLOAT", "DOUBLE", "TIMESTAMP"], &[]),
        (Some("APPEND"), &[], &LISTS),
        (Some("UNION"), &[], &LISTS),
        (
            Some("MAX"),
            &["INT", "LONG", "FLOAT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "STRING", "JSON", "BIG_DECIMAL"],
            &[],
        ),
        (
            Some("MIN"),
            &["INT", "LONG", "FLOAT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "STRING", "JSON", "BIG_DECIMAL"],
            &[],
        ),
    ] {
        let name = |kind: &str, list: bool| {
            format!("{}_{kind}{}", strategy.unwrap_or("default"), if list { "_mv" } else { "" })
        };
        columns.extend(types.iter().map(|kind| (name(kind, false), *kind, false, strategy)));
        columns.extend(lists.iter().map(|kind| (name(kind, true), *kind, true, strategy)));
    }
    columns
}

fn value(random: &mut Rng, kind: &str) -> Json {
    match kind {
        "INT" | "LONG" => json!(random.i32(-5..6)),
        "FLOAT" | "DOUBLE" => json!(f64::from(random.i32(-20..20)) / 4.0),
        "BOOLEAN" => json!(random.bool()),
        "TIMESTAMP" => json!(T + random.i64(0..5)),
        "JSON" => json!(format!("{{\"a\":{}}}", random.u8(0..4))),
        "BYTES" => json!(["", "00", "ff", "0aff"][random.usize(0..4)]),
        "BIG_DECIMAL" => json!(["0", "-1.5", "2.25", "10", "9.75", "-12"][random.usize(0..6)]),
        _ => json!(["", "a", "b", "ab", "\u{e000}", "\u{10000}", "z"][random.usize(0..7)]),
    }
}

/// Several values, or one.
fn cell(random: &mut Rng, kind: &str, list: bool) -> Json {
    if list { (0..random.usize(1..4)).map(|_| value(random, kind)).collect() } else { value(random, kind) }
}

/// A table with upserts: of one or two columns that are compared, nulls of all or of some columns, and deletes or none.
fn case(random: &mut Rng, id: usize, partial: bool) -> Case {
    let columns = if partial { columns() } else { Vec::new() };
    let several = random.bool();
    let by_column = random.bool();
    let deletes =
        [None, Some("BOOLEAN"), Some("STRING"), Some("INT"), Some("LONG"), Some("DOUBLE")][random.usize(0..6)];
    let keys =
        [("LONG", "STRING"), ("STRING", "INT"), ("TIMESTAMP", "BYTES"), ("BIG_DECIMAL", "BOOLEAN")][random.usize(0..4)];
    let mut fields = vec![json!({"name": "k1", "dataType": keys.0}), json!({"name": "k2", "dataType": keys.1})];
    let mut strategies = Map::new();
    for (name, kind, list, strategy) in &columns {
        let mut field = json!({"name": name, "dataType": kind, "singleValueField": !list});
        if by_column && random.u8(0..4) == 0 {
            field["notNull"] = json!(true);
            // Beside the least number, which is the default, Pinot's sums wrap, and ours are errors.
            if *strategy == Some("INCREMENT") {
                field["defaultNullValue"] = json!(7);
            }
        }
        fields.push(field);
        strategy.map(|strategy| strategies.insert(name.clone(), json!(strategy)));
    }
    fields.extend(deletes.map(|kind| json!({"name": "gone", "dataType": kind})));
    // Half of the comparison columns of a table with one are of other types than the time.
    let compared = ["LONG", "INT", "STRING", "DOUBLE", "BIG_DECIMAL", "TIMESTAMP", "BOOLEAN"][random.usize(0..7)];
    let own = several || random.bool();
    if own {
        fields.push(json!({"name": "c1", "dataType": compared}));
        fields.push(json!({"name": "c2", "dataType": "LONG"}));
    }
    let time =
        json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
    let schema = json!({
        "schemaName": "t", "primaryKeyColumns": ["k1", "k2"], "enableColumnBasedNullHandling": by_column,
        "dimensionFieldSpecs": fields, "dateTimeFieldSpecs": [time],
    });
    let comparison = match (several, own) {
        (true, _) => json!(["c1", "c2"]),
        (false, true) => json!(["c1"]),
        (false, false) => Json::Null,
    };
    let table = json!({
        "tableName": "t_REALTIME", "tableType": "REALTIME", "tenants": {}, "metadata": {},
        "segmentsConfig": {"timeColumnName": "t", "replication": "1"},
        "tableIndexConfig": {"nullHandlingEnabled": !by_column},
        "upsertConfig": {
            "mode": if partial { "PARTIAL" } else { "FULL" }, "comparisonColumns": comparison,
            "deleteRecordColumn": deletes.map(|_| "gone"), "partialUpsertStrategies": strategies,
        },
    });
    let rows = (0..random.usize(1..60)).map(|_| {
        let mut row = Map::new();
        let key = |random: &mut Rng, kind| match kind {
            "BOOLEAN" => value(random, kind),
            "STRING" | "BYTES" => json!(["00", "0a"][random.usize(0..2)]),
            _ => json!(random.u8(1..3)),
        };
        let text = |key: Json, kind| if kind == "BIG_DECIMAL" { json!(key.to_string()) } else { key };
        row.insert("k1".into(), text(key(random, keys.0), keys.0));
        row.insert("k2".into(), key(random, keys.1));
        row.insert("t".into(), json!(T + random.i64(0..6)));
        for (name, kind, list, _) in &columns {
            if random.u8(0..3) > 0 {
                row.insert(name.clone(), cell(random, kind, *list));
            }
        }
        if let Some(kind) = deletes.filter(|_| random.u8(0..4) == 0) {
            let values = match kind {
                "BOOLEAN" => [json!(true), json!(false)],
                "INT" => [json!(1), json!(2)],
                "LONG" => [json!((1_i64 << 32) + 1), json!(-1)],
                "DOUBLE" => [json!(1.75), json!(0.75)],
                _ => [json!("TRUE"), json!("yes")],
            };
            row.insert("gone".into(), values[random.usize(0..2)].clone());
        }
        if own {
            // Exactly one has a value, as Pinot wants it; seldom not.
            let first = random.bool();
            let odd = random.u8(0..20) == 0;
            if first || odd || !several || !partial {
                row.insert("c1".into(), value(random, compared));
            }
            if !first && (random.u8(0..20) > 0 || odd) {
                row.insert("c2".into(), value(random, "LONG"));
            }
            if !partial && random.u8(0..4) == 0 {
                row.remove("c1");
            }
        }
        Json::from(row)
    });
    let rows: Vec<Json> = rows.collect();
    let asked = json!({"id": id, "schema": schema, "table": table, "rows": rows, "sealed": !partial});
    let schema = Schema::from_document(schema).unwrap();
    let table = TableConfig::from_document(table).unwrap();
    let table = UpsertTable::read(&schema, &table, PinotVersion::NEWEST).unwrap().unwrap();
    Case { schema, table, rows, asked }
}

fn cases(partial: bool) -> Vec<Case> {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    (0..if is_full() { 1000 } else { 200 }).map(|id| case(&mut random, id, partial)).collect()
}

fn sorted(mut rows: Vec<Json>) -> Vec<Json> {
    rows.iter_mut().filter_map(Json::as_object_mut).for_each(|row| {
        row.remove("$row");
        row.sort_keys();
    });
    rows.sort_by_key(Json::to_string);
    rows
}

#[test]
fn a_segment_of_the_rows_that_count_is_what_pinot_makes_of_all() {
    let cases = cases(false);
    let asked: Vec<Json> = cases.iter().map(|case| case.asked.clone()).collect();
    let Some(theirs) = judged("upserts", &asked) else { return };
    let mut dropped = 0;
    for (case, theirs) in cases.iter().zip(&theirs) {
        let mut latest = Latest::try_new(&case.table).unwrap();
        // In two parts, as a writer gets them.
        let (first, second) = case.rows.split_at(case.rows.len() / 2);
        [first, second].into_iter().for_each(|rows| latest.push(&batch(&case.schema, rows)).unwrap());
        let winners = latest.finish();
        let keep = winners.keep.iter().flat_map(|keep| keep.iter().map(|kept| kept.unwrap()).collect::<Vec<_>>());
        let kept: Vec<usize> = keep.enumerate().filter(|(_, kept)| *kept).map(|(row, _)| row).collect();
        let theirs: Vec<usize> =
            theirs["rows"].as_array().unwrap().iter().map(|row| row["$row"].as_u64().unwrap() as usize).collect();
        assert_eq!(kept, theirs, "{}", case.asked);
        assert_eq!(winners.dropped as usize, case.rows.len() - kept.len());
        let rows = filter_record_batch(&batch(&case.schema, first), &winners.keep[0]).unwrap();
        assert!(rows.num_rows() <= kept.len());
        dropped += winners.dropped;
    }
    assert!(dropped > 500, "{dropped}");
}

#[test]
fn merged_rows_are_what_pinot_makes_of_the_stream() {
    let cases = cases(true);
    let asked: Vec<Json> = cases.iter().map(|case| case.asked.clone()).collect();
    let Some(theirs) = judged("upserts", &asked) else { return };
    let (mut superseded, mut refused) = (0, 0);
    for (case, theirs) in cases.iter().zip(&theirs) {
        let merged: Merged = merge(&case.table, None, &batch(&case.schema, &case.rows)).unwrap();
        let found = sorted(written(&merged.rows));
        let expected = sorted(theirs["rows"].as_array().unwrap().clone());
        for (found, expected) in found.iter().zip(&expected) {
            let different: Vec<_> = (expected.as_object().unwrap().iter())
                .filter(|(name, value)| found[name.as_str()] != **value)
                .map(|(name, value)| format!("{name}: ours {}, Pinot's {value}", found[name.as_str()]))
                .collect();
            assert!(different.is_empty(), "{}\n{}", different.join("\n"), case.asked);
        }
        assert_eq!(found.len(), expected.len(), "{}", case.asked);
        assert_eq!(json!(merged.refused), theirs["refused"], "{}", case.asked);
        if case.table.comparison.len() == 1 {
            let (first, second) = case.rows.split_at(case.rows.len() / 2);
            let first = merge(&case.table, None, &batch(&case.schema, first)).unwrap();
            let second = merge(&case.table, Some(&first.rows), &batch(&case.schema, second)).unwrap();
            assert_eq!(sorted(written(&second.rows)), found, "{}", case.asked);
            assert_eq!(first.superseded + second.superseded, merged.superseded);
        }
        superseded += merged.superseded;
        refused += merged.refused.len();
    }
    assert!(superseded > 300 && refused > 30, "{superseded} {refused}");
}
