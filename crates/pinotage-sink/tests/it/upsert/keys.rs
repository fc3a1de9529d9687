//! Partitions of keys.

use pinotage_sink::upsert::{KeySerializer, StreamKey};
use pinotage_spec::Schema;
use serde_json::{Value as Json, json};

use super::{batch, judged};

/// Numbers with all lengths and edges, and some at random.
fn numbers(random: &mut fastrand::Rng, least: i64, greatest: i64) -> Vec<i64> {
    let edges = [least, greatest, 0, 1, -1, 7, 42, 255, 256, 65_536].into_iter();
    edges.chain((0..300).map(|_| random.i64(least..=greatest))).collect()
}

fn texts(random: &mut fastrand::Rng) -> Vec<String> {
    let edges = [
        "",
        "a",
        "ab",
        "abc",
        "abcd",
        "null",
        "\u{e9}",
        "\u{1f600}",
        "\u{ffff}",
        "\"quoted\\\"",
        "\u{1}\u{1f}\u{7f}\t/",
    ];
    let random = (0..300).map(|_| {
        let length = random.usize(0..40);
        (0..length).map(|_| random.char('\u{1}'..='\u{2fff}')).collect()
    });
    edges.into_iter().map(str::to_owned).chain(random).collect()
}

#[test]
fn keys_go_where_kafkas_producer_sends_them() {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let ints = numbers(&mut random, i32::MIN.into(), i32::MAX.into());
    let longs = numbers(&mut random, i64::MIN, i64::MAX);
    let texts = texts(&mut random);
    let bytes: Vec<String> = texts.iter().map(|text| pinotage_spec::to_hex(text.as_bytes())).collect();
    let of = |values: &[i64]| values.iter().map(|value| json!(value)).collect::<Vec<Json>>();
    let strings = |values: &[String]| values.iter().map(|value| json!(value)).collect::<Vec<Json>>();
    // Serializer, type of the column, keys.
    let single = [
        (KeySerializer::String, "STRING", strings(&texts)),
        (KeySerializer::String, "INT", of(&ints)),
        (KeySerializer::String, "LONG", of(&longs)),
        (KeySerializer::Int, "INT", of(&ints)),
        (KeySerializer::Long, "LONG", of(&longs)),
        (KeySerializer::Long, "INT", of(&ints)),
        (KeySerializer::Long, "TIMESTAMP", of(&ints)),
        (KeySerializer::Bytes, "BYTES", strings(&bytes)),
    ];
    let mut cases = Vec::new();
    let mut ours = Vec::new();
    let mut add = |serializer: KeySerializer, columns: &[(&str, &str)], rows: &[Vec<Json>]| {
        let fields: Vec<Json> = columns.iter().map(|(name, kind)| json!({"name": name, "dataType": kind})).collect();
        let schema = Schema::from_document(json!({"schemaName": "t", "dimensionFieldSpecs": fields})).unwrap();
        let objects = rows.iter().map(|row| {
            columns
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .zip(row.clone())
                .collect::<serde_json::Map<_, _>>()
                .into()
        });
        let rows_of_columns = batch(&schema, &objects.collect::<Vec<Json>>());
        for partitions in [1, 2, 3, 8, 100] {
            let columns_of_key = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
            let key = StreamKey { columns: columns_of_key, serializer, partitions };
            key.check(&schema).unwrap();
            let found = key.partitions(&rows_of_columns).unwrap();
            ours.push(found.iter().map(|partition| json!(partition)).collect::<Json>());
            let keys: Json = match serializer {
                KeySerializer::Json => json!(rows),
                _ => rows.iter().map(|row| row[0].clone()).collect(),
            };
            let columns: Vec<Json> = columns.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
            cases.push(json!({
                "id": format!("{serializer:?} {columns:?} {partitions}"), "serializer": serializer, "partitions": partitions,
                "columns": columns, "keys": keys,
            }));
        }
    };
    for (serializer, kind, keys) in single {
        add(serializer, &[("k", kind)], &keys.into_iter().map(|key| vec![key]).collect::<Vec<_>>());
    }
    let composite: Vec<Vec<Json>> = (0..200)
        .map(|at| {
            let text = if at % 7 == 0 { Json::Null } else { json!(texts[at % texts.len()]) };
            vec![json!(longs[at]), text, json!(at % 2 == 0), json!(ints[at])]
        })
        .collect();
    let columns = [("id", "LONG"), ("na\"me", "STRING"), ("old", "BOOLEAN"), ("n", "INT")];
    add(KeySerializer::Json, &columns, &composite);
    add(KeySerializer::Json, &columns[..1], &composite.iter().map(|row| row[..1].to_vec()).collect::<Vec<_>>());
    let Some(theirs) = judged("streamkeys", &cases) else { return };
    for ((case, ours), theirs) in cases.iter().zip(&ours).zip(&theirs) {
        assert_eq!(*ours, theirs["partitions"], "{}", case["id"]);
        assert!(ours.as_array().unwrap().len() >= 200);
    }
}
