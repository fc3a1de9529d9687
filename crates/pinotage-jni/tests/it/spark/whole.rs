//! All rows of a table, or an error: what scans promise, through Spark's SQL. `hybrid.rs`, `upsert.rs` and their neighbours in the tests of
//! pinotage-scan have the many cases; here is one of each kind.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use pinotage_scan::Transport;
use pinotage_testkit::cluster::eventually;
use pinotage_testkit::fake::{Break, Line as Wire};
use serde_json::{Value as Json, json};

use super::lines::Line;
use super::{failed, ok};
use crate::jvm::Jvm;
use crate::tables::{FIRST_DAY, Fixture, Place, controller, line, row};

const LINE: Line = Line::V4;

fn fixture(name: &str, segments: u64, rows: u64, nulls: bool) -> Option<Fixture> {
    LINE.class_path()?;
    Fixture::new(Place::Modern, name, segments, rows, nulls, json!({}))
}

/// A query of the table `t`, told by a controller, in a folder.
fn script(folder: &Path, controller: &str, options: &str, query: &str) -> Vec<(&'static str, String)> {
    let path = folder.join("script.sql");
    let table = options.split_once(';').unwrap();
    fs::write(&path, format!("VIEW t ('controller' = '{controller}', 'table' = '{}'{});\n{query};", table.0, table.1))
        .unwrap();
    vec![("script", path.display().to_string())]
}

const IDS: &str = "SELECT COUNT(*), MIN(id), MAX(id), COUNT(DISTINCT id) FROM t WHERE length(r) >= 0";

/// Segments that are replaced count until their replacement has ended, and not a moment longer; a query that was planned before has
/// the old rows, or says that it is to be asked again.
#[test]
fn replaced_segments_count_until_the_end() {
    let name = "spark_replaced";
    let Some(fixture) = fixture(name, 2, 30, false) else { return };
    let (cluster, folder) = (fixture.cluster, tempfile::tempdir().unwrap());
    let answer = |reader: &str| {
        let options = format!("{name};, 'reader' = '{reader}'");
        ok(LINE, "sql", &script(folder.path(), &cluster.controller, &options, IDS)).unwrap()
    };
    let url = |what: &str, more: &str| format!("{}/segments/{name}/{what}?type=OFFLINE{more}", cluster.controller);
    let body = json!({"segmentsFrom": [format!("{name}_0"), format!("{name}_1")], "segmentsTo": ["spark_new_0"]});
    let entry = cluster.post_json(&url("startReplaceSegments", ""), &body)["segmentLineageEntryId"].clone();
    fixture.upload("spark_new_0", &(100..140).map(|id| row(id, FIRST_DAY, false)).collect::<Vec<_>>());
    cluster.await_online(&format!("{name}_OFFLINE"), 3);
    for reader in ["server", "direct"] {
        assert_eq!(answer(reader), "[60,0,59,60]", "{reader}");
    }
    let planned = |reader: &str| {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("{name};, 'reader' = '{reader}', 'attempts' = '2'");
        let mut jvm = LINE.start(&[]).unwrap();
        jvm.begin("later", &script(folder.path(), &cluster.controller, &options, "SELECT id FROM t"));
        eventually("a plan", || match folder.path().join("planned").exists() {
            true => Ok(()),
            false => Err("none".to_owned()),
        });
        (jvm, folder)
    };
    let waiting: Vec<(Jvm, _)> = ["server", "direct"].map(planned).into();
    let more = format!("&segmentLineageEntryId={}", entry.as_str().unwrap());
    // It answers nothing.
    cluster.http.post_json(&url("endReplaceSegments", &more), &json!({})).unwrap();
    for (mut jvm, folder) in waiting {
        fs::write(folder.path().join("go"), "").unwrap();
        match jvm.answer() {
            Ok(found) => assert_eq!(found.matches('[').count(), 60, "{found}"),
            Err(error) => assert!(error.contains("again"), "{error}"),
        }
    }
    for reader in ["server", "direct"] {
        assert_eq!(answer(reader), "[40,100,139,40]", "{reader}");
    }
}

/// Columns that came later: nulls, or the default value; servers that do not have them yet are an error that says what to do.
#[test]
fn columns_that_came_later_are_filled() {
    let folder = tempfile::tempdir().unwrap();
    for (nulls, expected) in [(true, "[60,0,null]"), (false, "[60,60,7]")] {
        let name = format!("spark_later_{nulls}");
        let Some(fixture) = fixture(&name, 2, 30, nulls) else { return };
        let cluster = fixture.cluster;
        let mut schema: Json = fixture.schema.json().clone();
        let fields = schema["dimensionFieldSpecs"].as_array_mut().unwrap();
        fields.push(json!({"name": "later", "dataType": "INT", "defaultNullValue": 7}));
        cluster.post_json(&format!("{}/schemas", cluster.controller), &schema);
        let query = "SELECT COUNT(*), COUNT(later), MAX(later) FROM t WHERE length(r) >= 0 OR r IS NULL";
        let script = |reader: &str| {
            let options = format!("{name};, 'reader' = '{reader}', 'attempts' = '2'");
            script(folder.path(), &cluster.controller, &options, query)
        };
        assert_eq!(ok(LINE, "sql", &script("direct")).unwrap(), expected);
        let error = failed(LINE, "sql", &script("server")).unwrap();
        assert!(error.contains("reload"), "{error}");
        cluster.post_json(&format!("{}/segments/{name}/reload?type=OFFLINE", cluster.controller), &json!({}));
        eventually("the column on the servers", || {
            let (set, rows) =
                if nulls { ("SET enableNullHandling=true; ", "later IS NULL") } else { ("", "later = 7") };
            let answer = cluster.query(&format!("{set}SELECT COUNT(*) FROM {name} WHERE {rows}"));
            if answer["resultTable"]["rows"][0][0] == 60 { Ok(()) } else { Err(answer.to_string()) }
        });
        assert_eq!(ok(LINE, "sql", &script("server")).unwrap(), expected);
    }
}

/// A connection that is cut, also where nothing looks broken, and one that falls silent: no row comes, and the error names the server.
#[test]
fn answers_that_are_cut_give_no_rows() {
    let name = "spark_cut";
    let Some(fixture) = fixture(name, 1, 20_000, false) else { return };
    let (cluster, folder) = (fixture.cluster, tempfile::tempdir().unwrap());
    let server = &cluster.servers[0];
    let answer = |wire: &Wire| {
        let told = controller(cluster, Transport::Grpc, HashMap::from([(server.instance.clone(), wire.port())]));
        let options = format!("{name};, 'reader' = 'server', 'transport' = 'grpc', 'attempts' = '1', 'timeout' = '3s'");
        let script = script(folder.path(), &told.url(), &options, IDS);
        LINE.run("sql", &script).unwrap()
    };
    let (_, whole) = line(server, Transport::Grpc, usize::MAX, Break::Cut);
    assert_eq!(answer(&whole).unwrap(), "[20000,0,19999,20000]");
    let total = whole.brought() / whole.connections();
    let messages = Wire::cut_after(server.grpc_port, usize::MAX);
    answer(&messages).unwrap();
    let all = messages.messages();
    assert!(all >= 2 && total > 100_000, "{all} messages, {total} bytes");
    let broken = [
        line(server, Transport::Grpc, total / 2, Break::Cut).1,
        line(server, Transport::Grpc, total / 2, Break::Stall).1,
        // Only the last message says that there are no more.
        Wire::cut_after(server.grpc_port, all - 1),
    ];
    for wire in broken {
        let error = answer(&wire).expect_err("rows came");
        assert!(wire.connections() > 0 && error.contains("Server_") && error.contains(name), "{error}");
    }
}
