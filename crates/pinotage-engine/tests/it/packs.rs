//! Small inputs that make segments together.

use std::fs;
use std::sync::atomic::AtomicBool;

use pinotage_common::ErrorKind;
use pinotage_engine::{InputStatus, RunOptions, Summary};

use crate::Job;

/// Inputs of eleven bytes each, two of which are put together, and `x`, which is larger than that.
fn job() -> Job {
    let job = Job::new(&[]).source(", packBytes: 27B");
    for (name, n) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        one(&job, name, n);
    }
    job.write("x.csv", "city,n\nA,10\nB,20\nC,30\nD,40\n");
    job
}

/// An input with one row.
fn one(job: &Job, name: &str, n: u32) {
    job.write(&format!("{name}.csv"), &format!("city,n\nA,{n}\n"));
}

/// The names of the inputs that were built.
fn built(summary: &Summary) -> Vec<String> {
    let built = summary.inputs.iter().filter(|input| input.status == InputStatus::Built);
    built.map(|input| input.name.rsplit('/').next().unwrap().to_owned()).collect()
}

fn sum(job: &Job) -> Vec<String> {
    job.ask("SELECT count(*), sum(n) FROM t")
}

#[test]
fn small_inputs_make_segments_together_and_stay_together() {
    let job = job();
    let first = job.run().unwrap();
    assert_eq!(built(&first), ["a.csv and 1 more", "c.csv and 1 more", "x.csv"]);
    assert_eq!((job.segments().len(), sum(&job)), (3, vec!["8 110".to_owned()]));
    assert!(built(&job.run().unwrap()).is_empty());

    // What is new is put together with what is new; nothing else is built again.
    one(&job, "aa", 5);
    one(&job, "e", 6);
    assert_eq!(built(&job.run().unwrap()), ["aa.csv and 1 more"]);
    assert_eq!((job.segments().len(), sum(&job)), (4, vec!["10 121".to_owned()]));

    // Only the segments that hold a changed input are built again.
    one(&job, "c", 100);
    assert_eq!(built(&job.run().unwrap()), ["c.csv and 1 more"]);
    assert_eq!((job.segments().len(), sum(&job)), (4, vec!["10 218".to_owned()]));
}

#[test]
fn rows_of_inputs_that_are_gone_stay_until_they_would_have_to_be_built() {
    let job = job();
    job.run().unwrap();
    fs::remove_file(job.path().join("in/b.csv")).unwrap();
    let summary = job.run().unwrap();
    assert!(built(&summary).is_empty() && summary.vanished == ["in/b.csv"], "{summary:?}");
    assert_eq!(sum(&job), ["8 110"]);
    one(&job, "a", 7);
    let error = job.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    assert_eq!(sum(&job), ["8 110"]);
    let cancel = AtomicBool::new(false);
    let force = RunOptions { force: true, dry_run: false, threads: None, cancel: &cancel, creation_time_millis: 1 };
    job.run_as(&force).unwrap();
    assert_eq!(sum(&job), ["7 114"]);
    assert!(job.run().unwrap().vanished.is_empty());
}

#[test]
fn inputs_are_put_together_and_apart_without_a_row_twice() {
    let mut job = job().source("");
    job.run().unwrap();
    assert_eq!(job.segments().len(), 5);
    for (source, segments) in [(", packBytes: 27B", 3), (", packBytes: 1MiB", 1), ("", 5), (", packBytes: 1MiB", 1)] {
        job = job.source(source);
        job.run().unwrap();
        assert_eq!((job.segments().len(), sum(&job)), (segments, vec!["8 110".to_owned()]), "{source}");
        assert!(built(&job.run().unwrap()).is_empty());
    }
    let mut job = job.sql("SELECT max(n) AS n FROM source");
    job.run().unwrap();
    assert_eq!((job.segments().len(), sum(&job)), (1, vec!["1 40".to_owned()]));
    job.sql = None;
    job.run().unwrap();
    assert_eq!((job.segments().len(), sum(&job)), (1, vec!["8 110".to_owned()]));
    // Apart again: what is gone cannot be built alone.
    fs::remove_file(job.path().join("in/b.csv")).unwrap();
    let job = job.source("");
    assert_eq!(job.run().unwrap_err().kind(), ErrorKind::CommitConflict);
    assert_eq!(sum(&job), ["8 110"]);
}
