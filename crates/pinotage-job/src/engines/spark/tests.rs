use std::path::Path;

use arrow::datatypes::{DataType, Field, Schema};

use super::*;

const JOB: &str = "name: orders
source: { kind: files, format: csv, paths: [in], timeZone: Europe/Riga, csv: { multiValueDelimiter: '|' } }
transform: { sql: 'SELECT id, price * 2 AS price, tags FROM source;' }
sink:
  kind: pinot
  table: orders
  connection:
    controller: 'host:9000'
    auth: { kind: basic, user: me, password: '${env:CARGO_PKG_NAME}' }
    proxy: { url: 'http://proxy:1', except: [a, b] }
  segment: { maxRows: 1000 }
  archiveLevel: 0
staging: /shared/staging
limits: { errors: 5 }
quarantine: /shared/bad
engine:
  spark:
    master: local[2]
    conf: { spark.executor.memory: 2g, spark.hadoop.fs.s3a.secret.key: hidden, spark.sql.x: '${env:CARGO_PKG_NAME}' }
    jars: [more.jar]
    packages: ['org.apache.spark:spark-avro_2.13:4.2.0']
";

fn found() -> EngineFound {
    let tags = DataType::new_list(DataType::Utf8, true);
    let columns = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("price", DataType::Float64, true),
        Field::new("tags", tags, true),
    ]);
    let inputs = vec!["/jobs/in/a[1].csv".to_owned(), "s3://bucket/in/b.csv".to_owned()];
    EngineFound { columns: Some((columns, "csv".into())), inputs, ..EngineFound::default() }
}

fn script(text: &str, shown: Shown) -> Result<SparkScript> {
    let plan = Plan::from_engine_yaml(text, Path::new("/jobs"))?;
    SparkScript::of(text, &plan, &found(), shown)
}

#[test]
fn people_and_the_runner_see_the_same_job() {
    let people = script(JOB, Shown::ToPeople).unwrap();
    let runner = script(JOB, Shown::ToRunner).unwrap();
    insta::assert_snapshot!(format!("{}\n{}", people.to_text(), runner.to_properties(true)));
}

#[test]
fn arguments_have_no_secret() {
    let plan = Plan::from_engine_yaml(JOB, Path::new("/jobs")).unwrap();
    let script = script(JOB, Shown::ToRunner).unwrap();
    let arguments = script.arguments(&plan, Path::new("/a.jar"), Path::new("/tmp/x"));
    assert_eq!(
        arguments.join(" "),
        "--class io.pinotage.spark.JobRunner --name orders --master local[2] --conf spark.executor.memory=2g --jars \
         /jobs/more.jar --packages org.apache.spark:spark-avro_2.13:4.2.0 /a.jar /tmp/x"
    );
}

#[test]
fn a_reader_of_spark_is_taken_as_it_is() {
    let text = "name: orders
source:
  kind: spark
  spark: { format: jdbc, columns: 'id BIGINT', options: { url: 'jdbc:x?password=p', dbtable: orders, password: p, fetchsize: 10 } }
sink: { kind: pinot, table: orders, controller: 'host:9000', push: { foreign: keep } }
staging: /shared/staging
engine: { spark: { overwrite: 'day >= 5' } }
";
    insta::assert_snapshot!(script(text, Shown::ToPeople).unwrap().to_text());
    assert!(script(text, Shown::ToRunner).unwrap().to_properties(false).contains("source.option.password=p\n"));
}

#[test]
fn what_spark_cannot_do_is_refused_by_name() {
    for (from, to, option) in [
        ("staging: /shared/staging\n", "", "staging"),
        ("format: csv", "format: csv, packBytes: 5MiB", "source.packBytes"),
        ("multiValueDelimiter: '|'", "nullValues: ['', NA]", "source.csv.nullValues"),
        ("quarantine: /shared/bad\n", "", "limits.errors"),
        ("  segment:", "  output: /out\n  segment:", "sink.output"),
        ("staging: /shared/staging\n", "staging: /shared/staging\ncheckpoint: {}\n", "checkpoint"),
        ("spark.executor.memory: 2g", "spark.ssl.keyPassword: 2g", "engine.spark.conf.spark.ssl.keyPassword"),
        ("kind: files, format: csv, paths: [in]", "kind: flink, flink: {columns: id INT, options: {}}", "source.kind"),
        ("paths: [in]", "paths: [in], spark: {format: x}", "source.spark"),
    ] {
        let error = script(&JOB.replace(from, to), Shown::ToRunner).unwrap_err();
        assert!(format!("{error} {:?}", error.context()).contains(option), "{option}: {error:?}");
    }
}

#[test]
fn a_refresh_table_is_replaced_as_a_whole() {
    let plan = Plan::from_engine_yaml(JOB, Path::new("/jobs")).unwrap();
    let found = EngineFound { replaces_table: true, ..found() };
    let script = SparkScript::of(JOB, &plan, &found, Shown::ToPeople).unwrap();
    assert_eq!(script.overwrite.as_deref(), Some("table"));
    assert!(script.sink.iter().all(|(name, _)| name != "once"));
    let text = JOB.replace("jars:", "overwrite: partitions\n    jars:");
    let plan = Plan::from_engine_yaml(&text, Path::new("/jobs")).unwrap();
    let error = SparkScript::of(&text, &plan, &found, Shown::ToPeople).unwrap_err();
    assert!(error.to_string().contains("engine.spark.overwrite"), "{error}");
}
