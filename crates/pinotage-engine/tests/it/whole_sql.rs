//! SQL that needs many rows at a time: all inputs are one unit.

use std::fs;
use std::sync::atomic::AtomicBool;

use pinotage_common::ErrorKind;
use pinotage_engine::InputStatus;

use crate::Job;

const FILES: [(&str, &str); 3] = [
    ("a.csv", "city,n\nOslo,1\nParis,2\nOslo,3\n"),
    ("b.csv", "city,n\nRome,4\nParis,5\n"),
    ("c.csv", "city,n\nOslo,6\n"),
];

#[test]
fn rows_of_all_inputs_meet() {
    let job = Job::new(&FILES).sql("SELECT city, sum(n) AS total, count(*) AS rows FROM source GROUP BY city");
    let summary = job.run().unwrap();
    assert_eq!(summary.inputs.len(), 1);
    let counts = summary.inputs[0].counts;
    assert_eq!((counts.read, counts.made, counts.written, counts.filtered, counts.quarantined), (6, 3, 3, 6, 0));
    assert_eq!(job.ask("SELECT city, total, rows FROM t ORDER BY city"), ["Oslo 10 3", "Paris 7 2", "Rome 4 1"]);
}

/// Each of these has operators of which DataFusion by itself may hand out rows in any order.
#[test]
fn equal_input_gives_equal_bytes_at_any_number_of_threads() {
    let rows: String = (0..20_000).map(|n| format!("city {},{}\n", (n * 7919) % 613, n % 1000)).collect();
    for sql in [
        "SELECT city, sum(n * 0.1) AS total FROM source GROUP BY city",
        "SELECT city, n FROM source WHERE n > 990 UNION ALL SELECT city, n FROM source WHERE n < 10",
        "SELECT city, n FROM source WHERE n < 5 UNION SELECT city, n FROM source WHERE n > 995",
        "SELECT a.city, b.n FROM source a JOIN source b ON a.city = b.city AND a.n = b.n - 387 WHERE a.n < 50",
        "SELECT city, n, row_number() OVER (PARTITION BY city ORDER BY n) AS place FROM source",
        "SELECT DISTINCT city FROM source",
        "SELECT city, n FROM source ORDER BY n DESC, city LIMIT 100",
        "SELECT city, n FROM source WHERE n > (SELECT avg(n) FROM source)",
    ] {
        let mut all = Vec::new();
        for threads in [1, 4, 4] {
            let job = Job::new(&FILES).sql(sql);
            for file in ["d.csv", "e.csv", "f.csv"] {
                job.write(file, &format!("city,n\n{rows}"));
            }
            job.run_with(threads, &AtomicBool::new(false)).unwrap();
            all.push(job.bytes());
        }
        assert!(!all[0].is_empty() && all[0] == all[1] && all[1] == all[2], "{sql}");
    }
}

#[test]
fn any_change_builds_all_and_no_change_nothing() {
    let job = Job::new(&FILES).sql("SELECT city, sum(n) AS total FROM source GROUP BY city");
    let status = |job: &Job| job.run().unwrap().inputs[0].status;
    assert_eq!(status(&job), InputStatus::Built);
    assert_eq!(status(&job), InputStatus::Unchanged);
    job.write("b.csv", "city,n\nRome,40\n");
    assert_eq!(status(&job), InputStatus::Built);
    assert_eq!(job.ask("SELECT city, total FROM t ORDER BY city"), ["Oslo 10", "Paris 2", "Rome 40"]);
    job.write("d.csv", "city,n\nBonn,7\n");
    assert_eq!(status(&job), InputStatus::Built);
    fs::remove_file(job.path().join("in/a.csv")).unwrap();
    assert_eq!(status(&job), InputStatus::Built);
    assert_eq!(job.ask("SELECT city, total FROM t ORDER BY city"), ["Bonn 7", "Oslo 6", "Rome 40"]);
    assert_eq!(status(&job), InputStatus::Unchanged);
}

/// The other kind of SQL makes other units; the segments of the old ones must not stay beside the new ones.
#[test]
fn another_kind_of_sql_replaces_the_segments() {
    let mut job = Job::new(&FILES).sql("SELECT city, n FROM source");
    job.run().unwrap();
    assert_eq!(job.segments().len(), 3);
    job = job.sql("SELECT city, n FROM source ORDER BY n DESC LIMIT 2");
    job.run().unwrap();
    assert_eq!(job.ask("SELECT city, n FROM t"), ["Oslo 6", "Paris 5"]);
    job = job.sql("SELECT city, n FROM source WHERE n < 6");
    job.run().unwrap();
    assert_eq!(job.ask("SELECT count(*), sum(n) FROM t"), ["5 15"]);
    assert!(job.run().unwrap().inputs.iter().all(|input| input.status == InputStatus::Unchanged));
}

#[test]
fn bad_rows_are_told_once_although_the_table_is_read_twice() {
    let job = Job::new(&FILES)
        .sql("SELECT a.city, sum(b.n) AS total FROM source a JOIN source b ON a.city = b.city GROUP BY a.city");
    job.write("b.csv", "city,n\nRome,4\nParis,x\nParis,5\n");
    let summary = job.run().unwrap();
    let counts = summary.inputs[0].counts;
    assert_eq!((counts.read, counts.filtered, counts.quarantined), (7, 6, 1));
    assert_eq!(job.ask_bad("SELECT line, \"column\", rule, epoch FROM bad"), ["3 n wrong-type 1"]);
}

/// A sort that does not fit goes to disk.
#[test]
fn memory_is_a_limit() {
    let rows: String = (0..700_000u64).map(|n| format!("{:0>80},{n}\n", (n * 7_368_787) % 700_001)).collect();
    let job = Job::new(&[("a.csv", &format!("city,n\n{rows}"))])
        .sql("SELECT city, n FROM source ORDER BY city")
        .extra("limits: {memory: 576MiB}\n");
    let summary = job.run().unwrap();
    assert_eq!(summary.inputs[0].counts.written, 700_000);
    assert_eq!(job.ask("SELECT count(*), count(DISTINCT city), sum(n) FROM t"), ["700000 700000 244999650000"]);
    assert_eq!(job.segments().len(), 1, "the spilled files stay");

    let error = Job::new(&FILES).sql("SELECT max(n) AS n FROM source").extra("limits: {memory: 520MiB}\n").run();
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
    assert!(error.advice().contains("576MiB"), "{}", error.advice());
}

#[test]
fn what_fails_names_its_place_and_leaves_nothing() {
    let job = Job::new(&FILES).sql("SELECT city, sum(10 / (n - 5)) AS total FROM source GROUP BY city");
    let error = job.run().unwrap_err();
    assert!(error.to_string().contains("Divide by zero"), "{error}");
    assert_eq!(job.segments().len(), 0);

    let job = Job::new(&FILES).sql("SELECT count(*) AS rows FROM source");
    job.write("b.csv.gz", "not gzip");
    let error = job.run().unwrap_err();
    assert!(error.to_string().contains("b.csv.gz"), "{error}");
    assert_eq!(job.segments().len(), 0);

    let job = Job::new(&FILES).sql("SELECT count(*) AS rows FROM source");
    let error = job.run_with(2, &AtomicBool::new(true)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(job.segments().len(), 0);

    let error = Job::new(&FILES).sql("CREATE TABLE x AS SELECT * FROM source").run().unwrap_err();
    assert!(error.to_string().contains("only a SELECT"), "{error}");
}
