//! Conditions on `dateTrunc` that Pinot 1.5.1 answers with other rows than it should: its broker takes every unit to be as long as the
//! first of 1970. `docs/compatibility.md` says so; when Pinot mends it, this fails and the page is to change.

use pinotage_segment::write::SegmentBuilder;
use pinotage_spec::{Schema, TableConfig};
use pinotage_testkit::cluster::Cluster;
use pinotage_testkit::rows_to_batch;
use serde_json::{Value as Json, json};

use crate::write::finish;

const DAY: i64 = 86_400_000;

/// Hours of three years, one of which is a leap year.
fn times() -> impl Iterator<Item = i64> {
    (0..3 * 366 * 24).map(|hour| 1_672_531_200_000 + hour * 3_600_000 + 7)
}

/// Creates the table with the hours, and brings them in.
fn push(cluster: &Cluster, name: &str, fields: Json) {
    let schema = json!({"schemaName": name, "dateTimeFieldSpecs": [
        {"name": "at", "dataType": "TIMESTAMP", "format": "1:MILLISECONDS:TIMESTAMP", "granularity": "1:MILLISECONDS"}]});
    let table = json!({"tableName": format!("{name}_OFFLINE"), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
        "segmentsConfig": {"replication": "1", "timeColumnName": "at"}, "tableIndexConfig": {}, "fieldConfigList": fields});
    cluster.create_table(&schema, &table);
    let (schema, table) = (Schema::from_document(schema).unwrap(), TableConfig::from_document(table).unwrap());
    let rows: Vec<Json> = times().map(|at| json!({"at": at})).collect();
    let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
    builder.append(&rows_to_batch(&schema, &rows)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    cluster.upload(name, &finish(builder, &format!("{name}_0")).write_dir(folder.path()).unwrap());
    cluster.await_count(name, rows.len() as u64);
}

#[test]
fn pinot_1_5_1_takes_units_of_time_to_be_as_long_as_those_of_1970() {
    let Some(cluster) = Cluster::shared() else { return };
    let granularities = json!({"granularities": ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]});
    push(cluster, "truncated_plain", json!([]));
    let index = json!([{"name": "at", "encodingType": "DICTIONARY", "indexTypes": ["TIMESTAMP"], "timestampConfig": granularities}]);
    push(cluster, "truncated_index", index);
    // Days since 1970: one in a unit, the unit's first and the next one's, and how long Pinot takes the unit to be.
    let (march, june, leap) = (19_430, 19_520, 19_900);
    let units = [
        ("DAY", march, 19_430, 19_431, 1),
        ("WEEK", march, 19_429, 19_436, 4),
        ("MONTH", march, 19_417, 19_448, 31),
        ("MONTH", june, 19_509, 19_539, 31),
        ("QUARTER", march, 19_358, 19_448, 90),
        ("QUARTER", june, 19_448, 19_539, 90),
        ("YEAR", march, 19_358, 19_723, 365),
        ("YEAR", leap, 19_723, 20_089, 365),
    ];
    let mut wrong = Vec::new();
    for (unit, day, start, end, taken) in units {
        let count = |from: i64| times().filter(|at| *at >= from * DAY).count() as i64;
        let truncated = format!("dateTrunc('{unit}', at)");
        for (table, column, expected) in [
            ("truncated_index", format!("\"$at${unit}\""), count(end)),
            // A function around it keeps the optimizer away.
            ("truncated_plain", format!("{truncated} + 0"), count(end)),
            ("truncated_plain", truncated.clone(), count(start + taken)),
            ("truncated_index", truncated, count(start + taken)),
        ] {
            // Noon, so that no unit begins with it.
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} > {}", day * DAY + DAY / 2);
            let answer = cluster.query(&sql);
            if answer["resultTable"]["rows"][0][0] != expected {
                wrong.push(format!("{sql}: expected {expected}, found {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
