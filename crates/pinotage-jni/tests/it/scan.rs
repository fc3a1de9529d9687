//! Tables of real clusters, read from Java.

use std::fs;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use serde_json::{Value as Json, json};

use crate::java::check;
use crate::tables::{Fixture, Place, broker_ids};

/// The values of a row as the program writes them: floats by their bits, texts and bytes as hex.
fn line(columns: &[ArrayRef], row: usize) -> String {
    columns.iter().map(|column| value(column, row)).collect::<Vec<_>>().join("|")
}

fn value(column: &ArrayRef, row: usize) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "'";
    if column.is_null(row) {
        return "null".into();
    }
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMillisecondType>().value(row).to_string(),
        DataType::Float32 => format!("{:x}", column.as_primitive::<Float32Type>().value(row).to_bits()),
        DataType::Float64 => format!("{:x}", column.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Utf8 => hex(column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => hex(column.as_binary::<i32>().value(row)),
        DataType::List(_) => {
            let values = column.as_list::<i32>().value(row);
            let values: Vec<String> = (0..values.len()).map(|at| value(&values, at)).collect();
            format!("[{}]", values.join(","))
        }
        other => panic!("{other}"),
    }
}

fn url(fixture: &Fixture, options: &str) -> String {
    format!("pinot://{}/{}?{options}", fixture.cluster.controller.trim_start_matches("http://"), fixture.name)
}

/// One process plans and another one reads.
fn all_columns(place: Place, nulls: bool, readers: &[&str]) {
    let name = format!("java_columns_{nulls}");
    let Some(fixture) = Fixture::new(place, &name, 3, 700, nulls, json!({})) else { return };
    let rows = fixture.expected();
    let columns: Vec<ArrayRef> =
        fixture.schema.fields().map(|field| ArrayRef::clone(rows.column_by_name(&field.name).unwrap())).collect();
    let mut expected: Vec<String> = (0..rows.num_rows()).map(|row| line(&columns, row)).collect();
    expected.sort();
    for reader in readers {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        if !check(&[], &["read", "plan", &url(&fixture, &format!("{reader}&batchRows=100")), path])
            || !check(&["-Xcheck:jni"], &["read", "splits", path])
        {
            return;
        }
        let found = fs::read_to_string(folder.path().join("rows")).unwrap();
        let found: Vec<&str> = found.lines().collect();
        assert_eq!(found.len(), expected.len(), "{place:?} {reader}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{place:?} {reader}");
        }
    }
}

#[test]
fn another_process_reads_every_type() {
    all_columns(Place::Modern, true, &["reader=server", "reader=server&transport=netty", "reader=direct"]);
}

#[test]
fn another_process_reads_every_type_of_the_oldest_release() {
    all_columns(Place::Oldest, false, &["reader=server"]);
    // Its servers send no nulls.
    all_columns(Place::Oldest, true, &["reader=auto"]);
    crate::spark::read::the_oldest_release_is_read();
    a_server_that_ends_is_an_error();
}

/// It is the last test of its cluster.
fn a_server_that_ends_is_an_error() {
    let Some(fixture) = Fixture::new(Place::Oldest, "java_ends", 2, 50, false, json!({})) else { return };
    let url = url(&fixture, "reader=server&attempts=1");
    let folder = tempfile::tempdir().unwrap();
    let (planned, gone) = (folder.path().join("planned"), folder.path().join("gone"));
    std::thread::scope(|scope| {
        let java = scope.spawn(|| check(&[], &["read", "failure", &url, folder.path().to_str().unwrap()]));
        while !planned.exists() && !java.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        fixture.cluster.stop_server(0);
        fs::write(gone, "").unwrap();
        java.join().unwrap();
    });
}

#[test]
fn conditions_limits_and_orders_are_pushed() {
    let Some(fixture) = Fixture::new(Place::Modern, "java_conditions", 3, 300, true, json!({})) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers");
    for reader in ["reader=server", "reader=direct"] {
        if !check(&[], &["read", "conditions", &url(&fixture, reader), file.to_str().unwrap()]) {
            return;
        }
        let answers = fs::read_to_string(&file).unwrap();
        let mut pushed = Vec::new();
        for answer in answers.lines() {
            let [pushdown, sql, ids] = answer.split('\t').collect::<Vec<_>>()[..] else { panic!("{answer}") };
            let mut ids: Vec<i64> = ids.split(',').filter_map(|id| id.parse().ok()).collect();
            ids.sort_unstable();
            match pushdown {
                "FIRST" => {
                    // Who reads directly gives all rows.
                    assert_eq!(sql == "true", reader == "reader=server", "{answer}");
                    assert!((895..900).all(|id| ids.contains(&id)), "{answer}");
                    continue;
                }
                "COUNT" => {
                    assert_eq!(sql, "900");
                    continue;
                }
                _ => pushed.push(pushdown.to_owned()),
            }
            let query = format!("SET enableNullHandling = true; SELECT id FROM java_conditions WHERE {sql} LIMIT 1000");
            let expected = broker_ids(fixture.cluster, &query);
            match pushdown {
                "EXACT" => assert_eq!(ids, expected, "{reader}: {sql}"),
                _ => assert!(expected.iter().all(|id| ids.contains(id)), "{reader}: {sql}: {ids:?}"),
            }
            assert!(!expected.is_empty(), "{sql}");
        }
        let exact = ["EXACT"; 7];
        // Of floats, of decimals that come as texts, and where NaN might stand.
        assert_eq!(pushed, [&exact[..], &["RECHECK", "NO", "NO"]].concat(), "{reader}");
    }
}

#[test]
fn servers_aggregate_or_every_row_is_a_group() {
    let Some(fixture) = Fixture::new(Place::Modern, "java_groups", 3, 300, false, json!({})) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groups");
    let sql = "SELECT s, COUNT(*), COUNT(i), MINLONG(l), MAXLONG(l), SUMLONG(i) FROM java_groups GROUP BY s LIMIT 1000";
    let answer = fixture.cluster.query(sql);
    let mut expected: Vec<String> = answer["resultTable"]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let key: String = row[0].as_str().unwrap().bytes().map(|byte| format!("{byte:02x}")).collect();
            let numbers: Vec<String> = row.as_array().unwrap()[1..].iter().map(Json::to_string).collect();
            format!("{key}'[{}]", numbers.join(", "))
        })
        .collect();
    expected.sort();
    assert_eq!(expected.len(), 16, "{answer}");
    // With so few groups the servers refuse, and the rows come.
    for options in ["reader=server", "reader=server&maxGroups=3"] {
        if !check(&[], &["read", "groups", &url(&fixture, options), file.to_str().unwrap()]) {
            return;
        }
        let found = fs::read_to_string(&file).unwrap();
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{options}");
    }
}
