//! Whole job specs, in the forms of Pinot's quick starts.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use chrono::DateTime;
use pinotage_client::{Address, Connection};
use pinotage_common::{Error, Result};
use pinotage_store::{Entry, Location, StoreOptions};
use tempfile::TempDir;

use super::*;

const RUNNERS: &str = "  segmentGenerationJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentGenerationJobRunner'
  segmentTarPushJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentTarPushJobRunner'
  segmentUriPushJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentUriPushJobRunner'
  segmentMetadataPushJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.standalone.SegmentMetadataPushJobRunner'
";

/// A job over three files in two folders; `fields` stand before those that every job has.
fn spec(fields: &str) -> String {
    let has = |key: &str| fields.lines().any(|line| line.starts_with(key));
    let mut text = format!("# a job spec\n{fields}");
    for (key, default) in [
        ("executionFrameworkSpec:", format!("executionFrameworkSpec:\n  name: 'standalone'\n{RUNNERS}")),
        ("jobType:", "jobType: SegmentCreation\n".into()),
        ("inputDirURI:", "inputDirURI: 'rawdata'\n".into()),
        ("outputDirURI:", "outputDirURI: 'segments'\n".into()),
        (
            "pinotFSSpecs:",
            "pinotFSSpecs:\n  - scheme: file\n    className: org.apache.pinot.spi.filesystem.LocalPinotFS\n".into(),
        ),
        (
            "recordReaderSpec:",
            "recordReaderSpec:\n  dataFormat: 'csv'\n  className: 'org.apache.pinot.plugin.inputformat.csv.CSVRecordReader'\n"
                .into(),
        ),
        ("tableSpec:", "tableSpec:\n  tableName: 'games'\n  schemaURI: schema.json\n  tableConfigURI: table.json\n".into()),
    ] {
        if !has(key) {
            text.push_str(&default);
        }
    }
    text
}

fn folder(spec: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for file in ["rawdata/2014/01/b.csv", "rawdata/2014/01/a.csv", "rawdata/2014/02/a.csv", "rawdata/readme.txt"] {
        let file = path.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "team,day\nA,2014-01-01\n").unwrap();
    }
    fs::write(path.join("schema.json"), SCHEMA).unwrap();
    fs::write(path.join("table.json"), TABLE).unwrap();
    fs::write(path.join("job.yaml"), spec).unwrap();
    folder
}

const SCHEMA: &str = r#"{"schemaName": "games", "dimensionFieldSpecs": [{"name": "team", "dataType": "STRING"}],
    "dateTimeFieldSpecs": [{"name": "day", "dataType": "INT", "format": "1:DAYS:EPOCH", "granularity": "1:DAYS"}]}"#;
const TABLE: &str = r#"{"tableName": "games", "tableType": "OFFLINE", "segmentsConfig": {"timeColumnName": "day", "segmentPushType": "APPEND"}}"#;

fn values(pairs: &[&str]) -> TemplateValues {
    let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
    TemplateValues::collect(&pairs, None, &|_| None, DateTime::from_timestamp(1_700_000_000, 0).unwrap()).unwrap()
}

/// A controller that has the table.
fn controller(url: &str, _: &Connection) -> Result<String> {
    match url {
        "http://localhost:9000/tables/games/schema" => Ok(SCHEMA.into()),
        "http://localhost:9000/tables/games" => Ok(format!("{{\"OFFLINE\": {TABLE}}}")),
        other => Err(Error::not_found(format!("nothing at {other}"))),
    }
}

/// A store with two folders of files.
fn bucket(_: &StoreOptions, folder: &Location, below: bool) -> Result<Vec<Entry>> {
    let keys = ["2014/b.csv", "2014/a b.csv", "2015/a.csv", "readme.txt"].into_iter();
    let entry = |key| Ok(Entry { location: folder.join(key)?, size: 1, etag: None, modified: None });
    keys.filter(|key| below || !key.contains('/')).map(entry).collect()
}

fn load_in(folder: &Path, pairs: &[&str]) -> Result<Loaded> {
    let outside = Outside { document: &controller, list: &bucket };
    load(&folder.join("job.yaml"), folder, &values(pairs), Given::default(), outside)
}

/// What becomes of a job spec, with what differs from machine to machine taken out.
fn shown(text: &str, pairs: &[&str]) -> String {
    let folder = folder(text);
    let shown = match load_in(folder.path(), pairs) {
        Err(error) => {
            let mut shown = format!("{error}\n");
            let mut cause = std::error::Error::source(&error);
            while let Some(source) = cause {
                shown.push_str(&format!("  caused by: {}\n", source.to_string().lines().next().unwrap_or_default()));
                cause = source.source();
            }
            shown + &format!("  what to do: {}\n", error.advice())
        }
        Ok(Loaded { plan, push, notes, .. }) => {
            let mut shown = String::new();
            if let Some(plan) = plan {
                let file = &plan.file;
                let one_to_one = plan.one_to_one.clone().unwrap();
                shown.push_str(&format!(
                    "reads {} from {:?}\n  {:?}\nwrites {} to {} as {:?}, {:?}\n  errors {}, memory {}, segment {}\n",
                    file.source.format.as_deref().unwrap_or_default(),
                    file.source.paths,
                    file.source.csv,
                    file.sink.table,
                    plan.output_text(),
                    file.sink.archive,
                    file.sink.segment_name,
                    file.limits.errors,
                    file.limits.memory,
                    file.sink.segment.max_bytes,
                ));
                for input in one_to_one.inputs {
                    shown.push_str(&format!("  {} → {}/ {:?}\n", input.file, input.folder.display(), input.name));
                }
                shown.push_str(&format!(
                    "  fails on empty {}, overwrites {}\n",
                    one_to_one.fail_on_empty, one_to_one.overwrite
                ));
            }
            shown.push_str(&push.map_or_else(|| "pushes nothing\n".into(), pushed));
            notes.iter().for_each(|note| shown.push_str(&format!("note: {note}\n")));
            shown
        }
    };
    let uuid = regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").unwrap();
    uuid.replace_all(&shown.replace(&folder.path().display().to_string(), "[folder]"), "[uuid]").into_owned()
}

fn pushed(mut push: PushWishes) -> String {
    let StoreOptions { s3, gcs, azure, .. } = std::mem::take(&mut push.store);
    let stores = format!("{s3:?}\n{gcs:?}\n{azure:?}\n");
    let connections = std::mem::take(&mut push.connections).into_iter().map(|connection| {
        let Connection { controller, auth, tls, timeouts, retries, .. } = connection;
        format!("to {controller}\n  {auth:?}\n  {tls:?}\n  {timeouts:?}\n  {retries:?}\n")
    });
    let text = format!("{push:#?}\n");
    // The defaults that are left of the stores.
    let (before, rest) = text.split_once("    store: StoreOptions {").unwrap();
    let (_, after) = rest.split_once("\n    },\n").unwrap();
    connections.collect::<String>() + &stores + before + after
}

const CLUSTER: &str = "tableSpec:
  tableName: 'games'
  schemaURI: 'http://localhost:9000/tables/games/schema'
  tableConfigURI: 'http://localhost:9000/tables/games'
pinotClusterSpecs:
  - controllerURI: 'http://localhost:9000'
";

#[test]
fn the_form_of_airline_stats_is_understood() {
    let text = spec(&format!(
        "jobType: SegmentCreationAndTarPush
includeFileNamePattern: 'glob:**/*.avro'
overwriteOutput: true
segmentCreationJobParallelism: 4
recordReaderSpec:
  dataFormat: 'avro'
  className: 'org.apache.pinot.plugin.inputformat.avro.AvroRecordReader'
segmentNameGeneratorSpec:
  type: normalizedDate
  configs:
    segment.name.prefix: 'airlineStats_batch'
    exclude.sequence.id: true
{CLUSTER}pushJobSpec:
  pushParallelism: 2
  pushAttempts: 2
  pushRetryIntervalMillis: 1000
"
    ));
    insta::assert_snapshot!(shown(&text.replace("*.avro", "*.csv"), &[]));
}

#[test]
fn the_form_of_baseball_stats_is_understood() {
    let text = spec(&format!(
        "jobType: SegmentCreationAndTarPush
includeFileNamePattern: 'glob:**/*.csv'
excludeFileNamePattern: 'glob:**/02/*'
overwriteOutput: true
recordReaderSpec:
  dataFormat: 'csv'
  className: 'org.apache.pinot.plugin.inputformat.csv.CSVRecordReader'
  configClassName: 'org.apache.pinot.plugin.inputformat.csv.CSVRecordReaderConfig'
  configs:
{CLUSTER}pushJobSpec:
  pushAttempts: 2
  pushRetryIntervalMillis: 1000
"
    ));
    insta::assert_snapshot!(shown(&text, &[]));
}

#[test]
fn the_form_of_github_events_on_spark_is_understood() {
    let text = spec(
        "executionFrameworkSpec:
  name: 'spark'
  segmentGenerationJobRunnerClassName: 'org.apache.pinot.plugin.ingestion.batch.spark.SparkSegmentGenerationJobRunner'
  extraConfigs:
    stagingDir: 'examples/staging'
jobType: segmentcreationandmetadatapush
includeFileNamePattern: 'glob:**/*.csv'
pinotFSSpecs:
  - scheme: file
    className: org.apache.pinot.plugin.filesystem.HadoopPinotFS
    configs:
      'hadoop.conf.path': ''
recordReaderSpec:
  dataFormat: 'json'
  className: 'org.apache.pinot.plugin.inputformat.json.JSONRecordReader'
segmentNameGeneratorSpec:
  type: simple
  configs:
    segment.name.postfix: 1.10
    use.global.directory.sequence.id: yes
tableSpec: {tableName: games_OFFLINE}
pinotClusterSpecs: [{controllerURI: 'http://localhost:9000/'}, {controllerURI: 'https://other:9000'}]
pushJobSpec:
  pushAttempts: '3'
  copyToDeepStoreForMetadataPush: true
  batchSegmentUpload: true
  segmentUriPrefix: 's3://bucket'
  segmentUriSuffix: '?x=1'
  pushFileNamePattern: 'glob:**/*.tar.gz'
tlsSpec: {trustStorePath: /tls/trust.jks, trustStorePassword: open-sesame, readTimeout: 60000}
authToken: Basic c2VjcmV0
failOnEmptySegment: true
createMetadataTarGz: true
cleanUpOutputDir: true
",
    );
    let shown = shown(&text, &[]);
    assert!(!shown.contains("sesame") && !shown.contains("c2VjcmV0"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn another_controller_has_the_documents_too() {
    let at = "http://localhost:9000";
    let text = spec(&format!(
        "jobType: SegmentCreationAndTarPush\npinotClusterSpecs: [{{controllerURI: '{at}/'}}]\ntableSpec:\n  tableName: games\n  \
         schemaURI: {at}/tables/games/schema\n  tableConfigURI: http://localhost:9001/tables/games\n"
    ));
    let folder = folder(&text);
    let asked = RefCell::new(Vec::new());
    let other = |url: &str, _: &Connection| {
        asked.borrow_mut().push(url.to_owned());
        Ok(if url.ends_with("schema") { SCHEMA.into() } else { TABLE.into() })
    };
    let given = Given { controller: Some(Address::parse("other:1").unwrap()), ..Given::default() };
    let loaded = load(
        &folder.path().join("job.yaml"),
        folder.path(),
        &values(&[]),
        given,
        Outside { document: &other, list: &bucket },
    )
    .unwrap();
    // What is at another server is not the controllers' to move.
    assert_eq!(*asked.borrow(), ["http://other:1/tables/games/schema", "http://localhost:9001/tables/games"]);
    let controllers = loaded.push.unwrap().connections.into_iter().map(|connection| connection.controller.to_string());
    assert_eq!(controllers.collect::<Vec<_>>(), ["http://other:1"]);
}

#[test]
fn another_engine_gets_a_job_of_ours() {
    let loaded = |fields: &str, runs| {
        let folder = folder(&spec(fields));
        let outside = Outside { document: &controller, list: &bucket };
        load(&folder.path().join("job.yaml"), folder.path(), &values(&[]), Given { runs, ..Given::default() }, outside)
    };
    let on_spark = |fields: &str| loaded(fields, Runs::Elsewhere).and_then(Loaded::for_engine);
    let pushed =
        "jobType: SegmentCreationAndMetadataPush\npinotClusterSpecs: [{controllerURI: 'http://localhost:9000'}]\n";
    let staged = |at: &str| {
        format!(
            "{pushed}authToken: Basic c2VjcmV0\nexecutionFrameworkSpec: {{name: spark, extraConfigs: {{stagingDir: '{at}'}}}}\n"
        )
    };
    let ForEngine { plan, document, notes } = on_spark(&staged("s3://bucket/staging")).unwrap();
    assert_eq!(plan.file.staging.as_deref(), Some("s3://bucket/staging"));
    assert!(plan.file.sink.output.is_none() && plan.one_to_one.unwrap().inputs.len() == 4);
    assert_eq!(document["sink"]["push"]["foreign"], "replace");
    let auth = serde_json::json!({"kind": "header", "name": "Authorization", "value": "Basic c2VjcmV0"});
    assert_eq!(document["sink"]["connection"]["auth"], auth);
    assert!(notes.iter().any(|note| note.contains("form of push")), "{notes:?}");
    assert!(on_spark(pushed).unwrap().plan.file.staging.unwrap().ends_with("/segments/.pinotage-staging"));
    // What nobody uses here stops nothing here.
    let hdfs = staged("hdfs://name/staging");
    assert!(loaded(&hdfs, Runs::Here).is_ok());
    let several = "jobType: SegmentCreationAndTarPush\npinotClusterSpecs: [{controllerURI: 'http://a:1'}, {controllerURI: 'http://b:1'}]\n";
    for (fields, option) in [(hdfs.as_str(), "stagingDir"), ("", "jobType"), (several, "pinotClusterSpecs")] {
        let error = on_spark(fields).unwrap_err();
        assert!(format!("{error} {:?}", error.context()).contains(option), "{option}: {error}");
    }
}

#[test]
fn templates_and_json_are_understood() {
    let text = spec("inputDirURI: rawdata/${year}/$month\nincludeFileNamePattern: 'glob:**/*.csv'\n");
    insta::assert_snapshot!(shown(&text, &["year=2014", "month=01"]));
    let json = r#"{"jobType": "SegmentTarPush", "outputDirURI": "file:///segments", "tableSpec": {"tableName": "games"},
        "pinotClusterSpecs": [{"controllerURI": "http://localhost:9000"}]}"#;
    assert!(
        is_job_spec(json)
            && is_job_spec(r#"{"tableSpec": {}, "jobType": "x"}"#)
            && is_job_spec(&text)
            && is_job_spec("inputDirURI: ${x}")
    );
    assert!(!is_job_spec("name: j\nsource: {kind: files}\n# jobType: x\n"));
    insta::assert_snapshot!(shown(json, &[]));
}

#[test]
fn inputs_are_a_file_or_a_folder() {
    for (fields, expected) in [
        ("inputDirURI: rawdata/2014/01/b.csv\n", vec!["01/b.csv"]),
        ("inputDirURI: rawdata/2014/01\nsearchRecursively: no\n", vec!["01/a.csv", "01/b.csv"]),
        ("searchRecursively: 'false'\n", vec!["rawdata/readme.txt"]),
        ("excludeFileNamePattern: 'regex:.*/01/.*|.*txt'\n", vec!["02/a.csv"]),
    ] {
        let folder = folder(&spec(fields));
        let plan = load_in(folder.path(), &[]).unwrap().plan.unwrap();
        let found: Vec<_> =
            plan.one_to_one.unwrap().inputs.into_iter().map(|input| input.file.path().to_owned()).collect();
        assert_eq!(found.len(), expected.len(), "{fields} {found:?}");
        assert!(found.iter().zip(expected).all(|(found, expected)| found.ends_with(expected)), "{fields} {found:?}");
    }
}

#[test]
fn the_form_of_a_job_between_buckets_is_understood() {
    let text = spec(
        "jobType: SegmentCreationAndUriPush
inputDirURI: 's3://my-bucket/raw/'
includeFileNamePattern: 'glob:**/*.csv'
excludeFileNamePattern: 'glob:s3:/my-bucket/raw/2015/*'
outputDirURI: 's3a://my-bucket/segments'
pinotFSSpecs:
  - scheme: s3
    className: org.apache.pinot.plugin.filesystem.S3PinotFS
    configs:
      region: 'us-west-2'
      endpoint: https://minio:9000
      accessKey: open
      secretKey: sesame
      disableAcl: false
      serverSideEncryption: ''
  - scheme: gs
    className: org.apache.pinot.plugin.filesystem.GcsPinotFS
    configs: {projectId: p, gcpKey: /keys/gcp.json}
  - scheme: adl2
    className: org.apache.pinot.plugin.filesystem.ADLSGen2PinotFS
    configs: {accountName: lake, accessKey: c2VzYW1l, fileSystemName: raw}
segmentNameGeneratorSpec:
  type: inputFile
  configs:
    file.path.pattern: '/raw/(\\d+)/(.+)\\.csv'
    segment.name.template: 'g_\\${filePathPattern:\\1}_\\${filePathPattern:\\2}'
pinotClusterSpecs: [{controllerURI: 'http://localhost:9000'}]
",
    );
    let folder = folder(&text);
    let store = load_in(folder.path(), &[]).unwrap().plan.unwrap().file.store;
    assert_eq!(store.s3.secret_key.as_ref().map(|secret| secret.expose()), Some("sesame"));
    assert_eq!(store.gcs.service_account_file.as_deref(), Some("/keys/gcp.json"));
    let shown = shown(&text, &[]);
    assert!(!shown.contains("sesame") && !shown.contains("c2VzYW1l"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn archives_are_found_under_prefix_and_suffix() {
    let uris = |prefix: Option<&str>| {
        let text = prefix
            .map_or_else(String::new, |prefix| format!("  segmentUriPrefix: '{prefix}'\n  segmentUriSuffix: '?x'\n"));
        let text = format!(
            "jobType: SegmentUriPush\noutputDirURI: s3://bucket/out\n{CLUSTER}pushJobSpec:\n  pushAttempts: 1\n{text}"
        );
        load_in(folder(&spec(&text)).path(), &[]).unwrap().push.unwrap().archive_uris.unwrap()
    };
    let object = Location::parse("s3://bucket/out/a%20b.tar.gz").unwrap();
    assert_eq!(uris(None).of(&object), "s3://bucket/out/a%20b.tar.gz");
    assert_eq!(uris(Some("https://files")).of(&object), "https://files/out/a%20b.tar.gz?x");
    let file = Location::parse("/out/a.tar.gz").unwrap();
    assert_eq!(uris(Some("https://files")).of(&file), "https://files/out/a.tar.gz?x");
}

#[test]
fn what_has_no_effect_is_said() {
    let text = spec(
        "includeFileNamePattern: 'glob:**/*.csv'
pinotClusterSpecs: [{controllerURI: 'http://localhost:9000'}]
pushJobSpec: {pushAttempts: 2}
cleanUpOutputDir: true
createMetadataTarGz: true
tlsSpec: {readTimeout: 1}
authToken: x
pinotFSSpecs: [{scheme: file, className: org.apache.pinot.spi.filesystem.LocalPinotFS, configs: {a: b}}]
recordReaderSpec: {dataFormat: json, className: org.apache.pinot.plugin.inputformat.csv.CSVRecordReader, configs: {delimiter: x}}
",
    );
    let shown = shown(&text, &[]);
    let notes: Vec<&str> = shown.lines().filter(|line| line.starts_with("note: ")).collect();
    insta::assert_snapshot!(notes.join("\n"));
}

#[test]
fn every_name_generator_names_as_pinot_does() {
    let mut text = String::new();
    for generator in [
        "{type: simple, configs: {segment.name.prefix: p, segment.name.postfix: px}}",
        "{type: simple, configs: {exclude.time.in.segment.name: true, segment.name.postfix: px}}",
        "{type: simple, configs: {local.directory.sequence.id: false, append.uuid.to.segment.name: true}}",
        "{type: normalizedDate}",
        "{type: normalizedDate, configs: {exclude.sequence.id: true, segment.name.prefix: ' p '}}",
        r"{type: inputFile, configs: {file.path.pattern: '.+/rawdata/(\d+)/(\d+)/(.)\.csv', segment.name.template: 'g_\${filePathPattern:\1}_\${filePathPattern:\2}_\${filePathPattern:\3}'}}",
        "{type: uploadedRealtime, configs: {segment.name.prefix: up, segment.partitionId: 3, segment.uploadTimeMs: 1700000000000, use.global.directory.sequence.id: true}}",
    ] {
        let shown = shown(
            &spec(&format!("includeFileNamePattern: 'glob:**/*.csv'\nsegmentNameGeneratorSpec: {generator}\n")),
            &[],
        );
        let told = shown
            .lines()
            .filter(|line| line.contains('→') || line.contains("SegmentName {") || line.contains("configs"));
        text.push_str(&format!("{generator}\n{}\n", told.collect::<Vec<_>>().join("\n")));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn csv_options_become_ours() {
    let mut text = String::new();
    for configs in [
        "{delimiter: '|', header: 'a|b|c', multiValueDelimiterEnabled: false, nullStringValue: 'NULL'}",
        "{fileFormat: my_sql, quoteMode: ALL, skipHeader: true}",
        "{fileFormat: MYSQL, nullStringValue: 'NULL'}",
        "{header: 'a,b', skipHeader: 'true', commentMarker: '#', escapeCharacter: '\\', quoteCharacter: '''', ignoreSurroundingSpaces: false}",
        "{header: '\"a\", b', quoteMode: NON_NUMERIC, skipUnParseableLines: false}",
        "{fileFormat: fancy, delimiter: \"\\t\", multiValueDelimiter: '~', recordSeparator: x}",
    ] {
        let reader = "className: org.apache.pinot.plugin.inputformat.csv.CSVRecordReader";
        let class = "configClassName: org.apache.pinot.plugin.inputformat.csv.CSVRecordReaderConfig";
        let shown = shown(&spec(&format!("recordReaderSpec: {{{reader}, {class}, configs: {configs}}}\n")), &[]);
        let told = shown.lines().filter(|line| line.contains("Csv {") || line.contains("configs"));
        text.push_str(&format!("{configs}\n{}\n", told.collect::<Vec<_>>().join("\n")));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn orc_and_protobuf_are_read() {
    let source = |reader: &str| {
        let folder = folder(&spec(&format!("recordReaderSpec: {{{reader}}}\n")));
        let source = load_in(folder.path(), &[]).unwrap().plan.unwrap().file.source;
        let descriptors = source.protobuf.map(|protobuf| {
            let path = Path::new(&protobuf.descriptor_file).strip_prefix(folder.path()).unwrap();
            (path.display().to_string(), protobuf.message_type)
        });
        (source.format.unwrap(), descriptors)
    };
    assert_eq!(source("dataFormat: orc"), ("orc".into(), None));
    assert_eq!(source("className: org.apache.pinot.plugin.inputformat.orc.ORCRecordReader"), ("orc".into(), None));
    let config = "configClassName: org.apache.pinot.plugin.inputformat.protobuf.ProtoBufRecordReaderConfig";
    assert_eq!(
        source(&format!("dataFormat: proto, {config}, configs: {{descriptorFile: types/a.desc}}")),
        ("protobuf".into(), Some(("types/a.desc".into(), None)))
    );
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let csv = "className: org.apache.pinot.plugin.inputformat.csv.CSVRecordReader";
    let config = "configClassName: org.apache.pinot.plugin.inputformat.csv.CSVRecordReaderConfig";
    let avro = "className: org.apache.pinot.plugin.inputformat.avro.AvroRecordReader, configClassName: org.apache.pinot.plugin.inputformat.avro.AvroRecordReaderConfig";
    let class = |scheme: &str, class: &str, configs: &str| {
        let class = format!("className: org.apache.pinot.plugin.filesystem.{class}");
        format!("pinotFSSpecs: [{{scheme: {scheme}, {class}, configs: {{{configs}}}}}]\n")
    };
    let s3 = |configs: &str| class("s3", "S3PinotFS", configs);
    let azure = |configs: &str| class("abfss", "ADLSGen2PinotFS", configs);
    let mut text = String::new();
    for (fields, pairs) in [
        ("jobTipe: SegmentCreation\n", &[][..]),
        ("jobType: SegmentCreate\n", &[]),
        ("jobType: SegmentTarPush\n", &[]),
        ("pushJobSpec: {pushAttempt: 2}\n", &[]),
        ("pushJobSpec: {pushAttempts: two}\n", &[]),
        ("overwriteOutput: perhaps\n", &[]),
        ("inputDirURI: ''\n", &[]),
        ("inputDirURI: nowhere\n", &[]),
        ("inputDirURI: adl2://lake/in\n", &[]),
        ("outputDirURI: https://host/out\n", &[]),
        (
            "pinotFSSpecs: [{className: org.apache.pinot.plugin.filesystem.S3PinotFS, configs: {accessKey: s3cr3t}}]\n",
            &[],
        ),
        (&s3("serverSideEncryption: aws:kms"), &[]),
        (&s3("acessKey: s3cr3t"), &[]),
        (
            &s3(
                "endpoint: 'http://a', region: a}}, {scheme: s3a, className: org.apache.pinot.plugin.filesystem.S3PinotFS, configs: {region: b",
            ),
            &[],
        ),
        (&azure("authenticationType: AZURE_AD, clientSecret: s3cr3t"), &[]),
        (&format!("{}inputDirURI: abfss://other@lake.dfs.core.windows.net/in\n", azure("fileSystemName: lake")), &[]),
        ("outputDirURI: hdfs:///out\n", &[]),
        ("inputDirURI: ${where}\n", &[]),
        ("inputDirURI: <% print 1 %>\n", &[]),
        ("includeFileNamePattern: '*.csv'\n", &[]),
        ("includeFileNamePattern: 'glob:*.csv'\n", &[]),
        ("includeFileNamePattern: 'regex:(?=x)x'\n", &[]),
        ("pinotFSSpecs: [{scheme: file, className: org.acme.OurFS}]\n", &[]),
        ("recordReaderSpec: {dataFormat: thrift}\n", &[]),
        ("recordReaderSpec: {dataFormat: orc, configClassName: ORCRecordReaderConfig}\n", &[]),
        ("recordReaderSpec: {className: org.apache.pinot.plugin.inputformat.protobuf.ProtoBufRecordReader}\n", &[]),
        ("recordReaderSpec: {className: org.apache.pinot.plugin.inputformat.csv.CSVReader}\n", &[]),
        ("recordReaderSpec: {}\n", &[]),
        (&format!("recordReaderSpec: {{{csv}, configClassName: CSVRecordReaderConfig}}\n"), &[]),
        (&format!("recordReaderSpec: {{{csv}, {config}, configs: {{delimeter: x}}}}\n"), &[]),
        (&format!("recordReaderSpec: {{{csv}, {config}, configs: {{delimiter: '||'}}}}\n"), &[]),
        (&format!("recordReaderSpec: {{{csv}, {config}, configs: {{stopOnError: true}}}}\n"), &[]),
        (&format!("recordReaderSpec: {{{csv}, {config}, configs: {{ignoreEmptyLines: false}}}}\n"), &[]),
        (&format!("recordReaderSpec: {{{csv}, {config}, configs: {{skipUnParseableLines: true}}}}\n"), &[]),
        (
            &format!(
                "recordReaderSpec: {{{csv}, {config}, configs: {{fileFormat: ORACLE, quoteMode: ALL_NON_NULL}}}}\n"
            ),
            &[],
        ),
        (&format!("recordReaderSpec: {{{csv}, {config}, configs: {{quoteMode: all}}}}\n"), &[]),
        (&format!("recordReaderSpec: {{{csv}, {config}, configs: {{header: '\"a,b\",c'}}}}\n"), &[]),
        (&format!("recordReaderSpec: {{{avro}, configs: {{extractRawTimeValues: true}}}}\n"), &[]),
        ("segmentNameGeneratorSpec: {type: simpel}\n", &[]),
        ("segmentNameGeneratorSpec: {configs: {segment.name.posfix: x}}\n", &[]),
        ("segmentNameGeneratorSpec: {type: fixed}\n", &[]),
        ("segmentNameGeneratorSpec: {type: fixed, configs: {segment.name: one}}\n", &[]),
        ("segmentNameGeneratorSpec: {type: simple, configs: {exclude.time.in.segment.name: true}}\n", &[]),
        ("segmentNameGeneratorSpec: {type: uploadedRealtime, configs: {segment.name.prefix: a__b}}\n", &[]),
        ("tableSpec: {tableName: games}\n", &[]),
        ("tableSpec: {tableName: other, schemaURI: schema.json, tableConfigURI: table.json}\n", &[]),
        ("tableSpec: {tableName: games, schemaURI: schema.json, tableConfigURI: missing.json}\n", &[]),
    ] {
        let shown = shown(&spec(fields), pairs);
        assert!(shown.contains("what to do: "), "{fields} is not refused: {shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        text.push_str(&format!("{fields}{shown}\n"));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_published_table_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/from-launch-data-ingestion-job.md");
    let (begin, end) = ("<!-- made from pinotage-job -->\n", "<!-- end -->");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(begin).unwrap();
    let (published, after) = rest.split_once(end).unwrap();
    if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}{}{end}{after}", job_spec_reference())).unwrap();
    } else {
        assert!(published == job_spec_reference(), "the guide is old: run the test with PINOTAGE_UPDATE_DOCS=1");
    }
}
