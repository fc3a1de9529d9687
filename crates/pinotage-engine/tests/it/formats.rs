//! Segments of the formats that other tests do not have.

use std::path::{Path, PathBuf};

use pinotage_engine::InputStatus;

use crate::Job;

/// A file that another implementation wrote.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pinotage-formats/tests/data").join(name)
}

fn job(name: &str, source: &str) -> Job {
    let job = Job::new(&[]).source(source);
    std::fs::copy(data(name), job.path().join("in").join(name)).unwrap();
    job
}

#[test]
fn orc_becomes_the_segments_that_parquet_becomes() {
    let columns = "b, i8, i16, i32, i64, f32, f64, s, bin, d, t, tz, dec, l, o, m";
    let rows = |name: &str| {
        let job = job(name, "").sql(&format!("SELECT {columns} FROM source"));
        let summary = job.run().unwrap();
        assert_eq!(summary.inputs[0].counts.written, 60);
        job.ask(&format!("SELECT {columns} FROM t"))
    };
    let expected = rows("types.parquet");
    assert_eq!(expected.len(), 60);
    for name in ["types-uncompressed.orc", "types-zlib.orc"] {
        assert_eq!(rows(name), expected, "{name}");
    }
}

#[test]
fn protobuf_becomes_segments_and_new_descriptors_make_new_ones() {
    let source = ", protobuf: {descriptorFile: events.desc, messageType: acme.Event}";
    let job = job("events.pb", source).sql("SELECT id, name, small, kind, place, stops FROM source");
    std::fs::copy(data("events.desc"), job.path().join("events.desc")).unwrap();
    assert_eq!(job.run().unwrap().inputs[0].counts.written, 40);
    assert_eq!(
        job.ask("SELECT count(*), sum(id), max(name), sum(small), count(DISTINCT kind) FROM t"),
        ["40 640000000000000 ü9 640 3"]
    );
    let mut places = job.ask("SELECT place, stops FROM t WHERE id = 2000000000000");
    assert_eq!(places.pop().unwrap(), r#"{"city":null,"at":{"seconds":2,"nanos":null}} [{"city":"Ulm","at":null}]"#);
    assert_eq!(job.run().unwrap().inputs[0].status, InputStatus::Unchanged);
    // The same descriptors, written in another way.
    let mut bytes = std::fs::read(data("events.desc")).unwrap();
    bytes.extend_from_slice(&std::fs::read(data("old.desc")).unwrap());
    std::fs::write(job.path().join("events.desc"), bytes).unwrap();
    assert_eq!(job.run().unwrap().inputs[0].status, InputStatus::Built);
}
