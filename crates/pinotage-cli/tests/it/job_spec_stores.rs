//! Pinot's own job specs between buckets, from the objects to the answer of a real cluster that reads the same store.

use std::fs;

use pinotage_testkit::cluster::{Cluster, Options, Version};
use pinotage_testkit::servers::Server;
use serde_json::json;

use super::job_spec_push::{SPEC, await_sum, create, segments};
use super::{ok, pinotage};

const RUN: [&str; 2] = ["run", "job-spec.yaml"];
const TABLE: &str = "specBuckets";

#[test]
fn a_job_spec_reads_builds_and_pushes_between_buckets() {
    let Some(server) = Server::s3() else { return };
    let with_s3 = Options { version: Version::V0_11, s3: Some(server.url.clone()), ..Options::default() };
    let Some(cluster) = Cluster::start(&with_s3) else { return };
    create(&cluster, TABLE, json!({}));
    server.make_s3_bucket("inputs");
    server.make_s3_bucket("segments");
    let put = |name: &str, rows: &str| {
        server.put_s3_object(&format!("inputs/raw/{name}"), &format!("playerID,yearID,homeRuns\n{rows}"));
    };
    put("1871/a.csv", "aardsda01,1871,0\nabercda01,1871,1\n");
    put("1871/b.csv", "addybo01,1871,\n");
    put("1872/a.csv", "allisar01,1872,4\n");
    put("1872/notes.txt", "no,row,s\n");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let s3 = "  - scheme: s3
    className: org.apache.pinot.plugin.filesystem.S3PinotFS
    configs:
      region: 'us-east-1'
      endpoint: 'ENDPOINT'
      accessKey: 'key'
      secretKey: 'open-sesame'
";
    let spec = SPEC
        .replace("'rawdata'", "'s3://inputs/raw/'")
        .replace("'segments'", "'s3://segments/built'")
        .replace("recordReaderSpec:", &format!("{s3}recordReaderSpec:"))
        .replace("ENDPOINT", &server.url)
        .replace("TABLE", TABLE)
        .replace("CONTROLLER", &cluster.controller);
    let write = |spec: &str| fs::write(path.join("job-spec.yaml"), spec).unwrap();
    let of_type = |job_type: &str| write(&spec.replace("SegmentCreationAndTarPush", job_type));
    write(&spec);
    let planned = ok(path, &["plan", "job-spec.yaml"]);
    assert!(planned.contains("s3://inputs/raw/1871/b.csv") && planned.contains("s3://segments/built"), "{planned}");
    let first = ok(path, &RUN);
    assert!(first.contains("pushed 3 segments") && first.contains("built s3://inputs/raw/1871/a.csv"), "{first}");
    await_sum(&cluster, TABLE, 4, 5.0);
    let name = |rest: &str| format!("{TABLE}_OFFLINE_{rest}");
    assert_eq!(segments(&cluster, TABLE), ["1871_1871_0", "1871_1871_1", "1872_1872_0"].map(name));
    let places = ["1871/NAME_1871_1871_0", "1871/NAME_1871_1871_1", "1872/NAME_1872_1872_0"];
    let places = places.map(|place| format!("built/{}.tar.gz", place.replace("NAME", &format!("{TABLE}_OFFLINE"))));
    assert_eq!(server.s3_keys("segments"), places);
    assert_eq!(ok(path, &RUN), "unchanged: 3 of 3 inputs\nnothing to do: every input is built\n");
    put("1871/b.csv", "addybo01,1871,10\n");
    let changed = ok(path, &RUN);
    assert!(changed.contains("pushed 1 segments") && changed.contains("unchanged: 2 of 3"), "{changed}");
    await_sum(&cluster, TABLE, 4, 15.0);

    // What lies in the bucket, in each form by a job that only pushes.
    for (runs, job_type, places) in [
        (20, "SegmentUriPush", "http"),
        (30, "SegmentMetadataPush", "s3://segments/built/1871/"),
        (40, "SegmentTarPush", "http"),
    ] {
        put("1871/b.csv", &format!("addybo01,1871,{runs}\n"));
        of_type("SegmentCreation");
        ok(path, &RUN);
        of_type(job_type);
        assert!(ok(path, &["check", "job-spec.yaml"]).contains("3 segments, can be pushed"));
        let pushed = ok(path, &RUN);
        assert!(pushed.contains("pushed 1 segments"), "{job_type}: {pushed}");
        await_sum(&cluster, TABLE, 4, f64::from(5 + runs));
        let metadata = format!("{}/segments/{TABLE}_OFFLINE/{}/metadata", cluster.controller, name("1871_1871_1"));
        let metadata = cluster.get_json(&metadata);
        let place = metadata["segment.download.url"].as_str().unwrap_or_default();
        assert!(place.starts_with(places), "{job_type}: {metadata}");
        assert!(ok(path, &RUN).contains("has all 3 segments"));
    }

    // An archive of somebody else stays.
    server.put_s3_object("inputs/raw/1873/a.csv", "playerID,yearID,homeRuns\nnew01,1873,100\n");
    let foreign = format!("segments/built/1873/{}.tar.gz", name("1873_1873_0"));
    server.put_s3_object(&foreign, "not ours");
    write(&spec.replace("overwriteOutput: true", "overwriteOutput: false"));
    let refused = String::from_utf8(pinotage(path, &RUN).stderr).unwrap();
    assert!(refused.contains("already-exists") && refused.contains(&foreign), "{refused}");
    assert!(!refused.contains("sesame"), "{refused}");

    // Archives go once every controller has them.
    write(&(spec.clone() + "cleanUpOutputDir: true\n"));
    ok(path, &RUN);
    await_sum(&cluster, TABLE, 5, 145.0);
    of_type("SegmentTarPush");
    write(&(spec.replace("SegmentCreationAndTarPush", "SegmentTarPush") + "cleanUpOutputDir: true\n"));
    ok(path, &RUN);
    assert!(server.s3_keys("segments").is_empty());
}
