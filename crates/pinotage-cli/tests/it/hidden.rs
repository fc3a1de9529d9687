//! What a segment has beside its columns: star-trees, and the hidden columns of timestamp indexes. And maps, which are columns of keys.

use std::fs;

use pinotage_testkit::cluster::{Cluster, Options, Version};
use serde_json::json;

use crate::cluster::pushing_job;
use crate::{ok, pinotage};

#[test]
fn star_trees_and_timestamp_indexes_are_planned_made_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("in")).unwrap();
    fs::write(path.join("in/a.csv"), "city,n,ts\nOslo,1,2024-02-29T12:34:56Z\nOslo,2,2024-03-01T00:00:00Z\nRome,3,\n")
        .unwrap();
    let schema = json!({"schemaName": "t", "enableColumnBasedNullHandling": true,
        "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"}, {"name": "ts", "dataType": "TIMESTAMP"}],
        "metricFieldSpecs": [{"name": "n", "dataType": "LONG"}]});
    fs::write(path.join("schema.json"), schema.to_string()).unwrap();
    let mut table = json!({"tableName": "t", "tableType": "OFFLINE"});
    let write = |table: &serde_json::Value| fs::write(path.join("table.json"), table.to_string()).unwrap();
    write(&table);
    fs::write(
        path.join("job.yaml"),
        "name: j\nsource: {kind: files, paths: [\"in/*.csv\"]}\nsink: {kind: pinot, table: t, schema: schema.json, \
         tableConfig: table.json, output: out}\nstate: state\n",
    )
    .unwrap();
    ok(path, &["run", "job.yaml"]);
    assert!(!ok(path, &["segment", "inspect", "out/t_0"]).contains("star-tree"));

    // Another star-tree or index is another segment.
    table["tableIndexConfig"] = json!({"starTreeIndexConfigs": [
        {"dimensionsSplitOrder": ["city"], "functionColumnPairs": ["SUM__n", "AVG__n"], "maxLeafRecords": 1},
        {"dimensionsSplitOrder": ["city"], "functionColumnPairs": ["DISTINCTCOUNTTHETASKETCH__n"]}]});
    table["fieldConfigList"] = json!([{"name": "ts", "timestampConfig": {"granularities": ["DAY"]}}]);
    write(&table);
    let plan = ok(path, &["plan", "job.yaml"]);
    for line in [
        "  column $ts$DAY TIMESTAMP: dictionary, range index, nulls kept, hidden, of `ts`\n",
        "  tree   sum__n, avg__n by city\n",
        "  tree   by city, because of DISTINCTCOUNTTHETASKETCH of `n`: not made: `enableDynamicStarTreeCreation` is off\n",
    ] {
        assert!(plan.contains(line), "{line} is not in\n{plan}");
    }
    ok(path, &["run", "job.yaml"]);
    let inspected = ok(path, &["segment", "inspect", "out/t_0"]);
    assert!(inspected.contains("\n $ts$DAY"), "{inspected}");
    assert!(inspected.contains("star-tree sum__n, avg__n by city: "), "{inspected}");
    assert!(ok(path, &["segment", "verify", "out/t_0"]).contains("intact"));

    // Rows have the columns of the schema, and hidden ones that are named.
    let cat = ok(path, &["segment", "cat", "out/t_0", "--limit", "1"]);
    assert!(!cat.contains('$'), "{cat}");
    let days = ok(path, &["segment", "cat", "out/t_0", "--columns", "$ts$DAY", "--output", "csv"]);
    assert_eq!(days, "$ts$DAY\n2024-02-29T00:00:00Z\n2024-03-01T00:00:00Z\n\"\"\n");
    let all = ok(path, &["sql", "SELECT * FROM t ORDER BY n LIMIT 1", "--table", "t=out", "--output", "csv"]);
    assert!(all.starts_with("city,n,ts\nOslo,1,"), "{all}");

    // A segment is rewritten with the indexes of another config, and without those that it has.
    table["fieldConfigList"] = json!([{"name": "ts", "timestampConfig": {"granularities": ["YEAR"]}}]);
    write(&table);
    let rewrite = ["segment", "rewrite", "out/t_0", "--table-config", "table.json", "--output", "new"];
    ok(path, &rewrite);
    let inspected = ok(path, &["segment", "inspect", "new/t_0"]);
    assert!(inspected.contains("\n $ts$YEAR") && !inspected.contains("$ts$DAY"), "{inspected}");
    table["fieldConfigList"][0]["timestampConfig"]["granularities"] = json!(["DECADE"]);
    write(&table);
    let refused = pinotage(path, &["check", "job.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("DECADE"));
}

#[test]
fn json_objects_are_written_as_maps_and_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("in")).unwrap();
    let rows = ["{\"m\":{\"b\":1,\"a\":\"x\"}}", "{\"m\":{\"c\":2.50}}", "{\"m\":null}", "{\"m\":{}}", "{\"m\":7}"];
    fs::write(path.join("in/a.json"), rows.join("\n")).unwrap();
    let children =
        json!({"key": {"name": "key", "dataType": "STRING"}, "value": {"name": "value", "dataType": "STRING"}});
    let schema = json!({"schemaName": "t", "enableColumnBasedNullHandling": true,
        "complexFieldSpecs": [{"name": "m", "dataType": "MAP", "fieldType": "COMPLEX", "childFieldSpecs": children}]});
    fs::write(path.join("schema.json"), schema.to_string()).unwrap();
    fs::write(path.join("table.json"), r#"{"tableName": "t", "tableType": "OFFLINE"}"#).unwrap();
    fs::write(
        path.join("job.yaml"),
        "name: j\nsource: {kind: files, paths: [\"in/*.json\"]}\nsink: {kind: pinot, table: t, schema: schema.json, \
         tableConfig: table.json, output: out}\nstate: state\nquarantine: bad\n",
    )
    .unwrap();
    assert!(ok(path, &["run", "job.yaml"]).contains("5 rows read, 4 written"));
    let expected = "{\"m\":{\"a\":\"\\\"x\\\"\",\"b\":\"1\"}}\n{\"m\":{\"c\":\"2.5\"}}\n{\"m\":null}\n{\"m\":{}}\n";
    assert_eq!(ok(path, &["segment", "cat", "out/t_0"]), expected);
    let rewrite = ["segment", "rewrite", "out/t_0", "--table-config", "table.json", "--output"];
    ok(path, &[&rewrite[..], &["same", "--schema", "schema.json"]].concat());
    assert_eq!(ok(path, &["segment", "cat", "same/t_0"]), expected);
    assert_eq!(ok(path, &["segment", "diff", "out/t_0", "same/t_0"]), "");
    // Without the schema, by what the segment says of its columns; nulls are not kept then.
    ok(path, &[&rewrite[..], &["new"]].concat());
    assert_eq!(ok(path, &["segment", "cat", "new/t_0"]), expected.replace("null", "{}"));
    let properties = fs::read_to_string(path.join("new/t_0/v3/metadata.properties")).unwrap();
    assert!(properties.contains("column.m$$key.dataType = STRING"), "{properties}");
}

/// What the release cannot load is left out or refused before the first row; what all load is the same for all.
#[test]
fn segments_are_made_for_the_release_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("in")).unwrap();
    fs::write(path.join("in/a.csv"), "n,m\n1700000000000,x\n").unwrap();
    let mut schema = json!({"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "n", "dataType": "LONG"}, {"name": "m", "dataType": "STRING"}]});
    let mut table = json!({"tableName": "t", "tableType": "OFFLINE"});
    let write = |name: &str, document: &serde_json::Value| fs::write(path.join(name), document.to_string()).unwrap();
    let job = |version: &str| {
        let text = format!(
            "name: j\nsource: {{kind: files, paths: [\"in/*.csv\"]}}\nsink: {{kind: pinot, table: t, schema: schema.json, \
             tableConfig: table.json, output: out{version}}}\nstate: state\n"
        );
        fs::write(path.join("job.yaml"), text).unwrap();
    };
    write("schema.json", &schema);
    write("table.json", &table);
    job("");
    let plan = ok(path, &["plan", "job.yaml"]);
    assert!(plan.contains("  for    Pinot 0.11 or later, which all load the same segments\n"), "{plan}");

    // 0.11 has timestamp indexes of TIMESTAMP columns alone.
    table["fieldConfigList"] = json!([{"name": "n", "timestampConfig": {"granularities": ["DAY"]}}]);
    write("table.json", &table);
    let planned = |line: &str, hidden: bool| {
        let plan = ok(path, &["plan", "job.yaml"]);
        assert!(plan.contains(&format!("  for    Pinot {line}\n")), "{plan}");
        ok(path, &["run", "job.yaml"]);
        let inspected = ok(path, &["segment", "inspect", "out/t_0"]);
        assert_eq!(
            (plan.contains("column $n$DAY"), inspected.contains(" $n$DAY")),
            (hidden, hidden),
            "{plan}{inspected}"
        );
    };
    planned("1.5; `sink.pinotVersion` names another release", true);
    job(", pinotVersion: 0.11");
    planned("0.11, as `sink.pinotVersion` says", false);
    job(", pinotVersion: '1.10.0'");
    planned("1.10, as `sink.pinotVersion` says", true);
    let rewrite = ["segment", "rewrite", "out/t_0", "--table-config", "table.json", "--output"];
    for (output, version, hidden) in [("new", &[][..], true), ("old", &["--pinot-version", "0.11.0"][..], false)] {
        ok(path, &[&rewrite[..], &[output], version].concat());
        assert_eq!(ok(path, &["segment", "inspect", &format!("{output}/t_0")]).contains(" $n$DAY"), hidden);
    }

    let children =
        json!({"key": {"name": "key", "dataType": "STRING"}, "value": {"name": "value", "dataType": "STRING"}});
    schema["complexFieldSpecs"] =
        json!([{"name": "m", "dataType": "MAP", "fieldType": "COMPLEX", "childFieldSpecs": children}]);
    schema["dimensionFieldSpecs"].as_array_mut().unwrap().pop();
    write("schema.json", &schema);
    for (version, code, message) in [
        (", pinotVersion: 0.11", 2, "Pinot 0.11 has no MAP columns"),
        (", pinotVersion: 0.10", 2, "Pinot 0.11 or later"),
        (", pinotVersion: newest", 2, "`newest`"),
        (", pinotVersion: 1.3", 0, ""),
    ] {
        job(version);
        let checked = pinotage(path, &["check", "job.yaml"]);
        let errors = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.code() == Some(code) && errors.contains(message), "{version}: {errors}");
    }
}

/// The release of the cluster decides how a star-tree is written: 0.11 does not load its bytes in the chunk version of today.
#[test]
fn a_job_makes_star_trees_that_the_oldest_release_loads() {
    let Some(cluster) = Cluster::start(&Options { version: Version::V0_11, ..Options::default() }) else { return };
    let tree = json!({"dimensionsSplitOrder": ["city"], "functionColumnPairs": ["AVG__n", "DISTINCTCOUNTHLL__n"]});
    let indexing = json!({"loadMode": "MMAP", "starTreeIndexConfigs": [tree]});
    let folder = pushing_job(&cluster, "oldtrees", &json!({"tableIndexConfig": indexing}));
    assert!(ok(folder.path(), &["plan", "job.yaml"]).contains("  tree   avg__n, distinctCountHLL__n by city\n"));
    assert!(ok(folder.path(), &["run", "job.yaml"]).contains("pushed 2 segments"));
    let answer = cluster.query("SELECT AVG(n), DISTINCTCOUNTHLL(n) FROM oldtrees");
    assert_eq!(answer["resultTable"]["rows"], json!([[2.0, 3]]), "{answer}");
}
