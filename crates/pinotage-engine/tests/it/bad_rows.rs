//! Bad rows: counted, kept with their place, and forgiven as far as the job says.

use pinotage_common::ErrorKind;

use crate::Job;

/// 200 rows, of which as many as asked for are bad.
fn rows(bad: usize) -> String {
    let mut text = String::from("city,n\n");
    (0..200).for_each(|n| {
        text.push_str(&if n >= 100 && n < 100 + bad { "Oslo,x\n".into() } else { format!("Rome,{n}\n") })
    });
    text
}

#[test]
fn a_share_of_the_rows_may_be_bad() {
    let job = Job::new(&[("a.csv", &rows(2))]).extra("limits: {errors: 1%}\n");
    assert_eq!(job.run().unwrap().inputs[0].counts.quarantined, 2);
    job.write("a.csv", &rows(3));
    let error = job.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("more than 1% bad rows, the first: line 102, column `n`"), "{error}");
    assert_eq!(job.ask("SELECT count(*) FROM t"), ["198"], "the segments of the version before stay");
}

#[test]
fn a_bad_row_names_its_job_run_and_epoch() {
    let job = Job::new(&[("a.csv", &rows(1))]);
    let told = "SELECT row_number, line, \"offset\", rule, cast(raw AS varchar), job, length(run), epoch FROM bad";
    job.run().unwrap();
    assert_eq!(job.ask_bad(told), ["100 102 797 wrong-type Oslo,x j 16 1"]);
    let run = job.ask_bad("SELECT run FROM bad");
    job.write("a.csv", &rows(2));
    job.run().unwrap();
    assert_eq!(job.ask_bad("SELECT run, epoch FROM bad"), [format!("{} 2", run[0]), format!("{} 2", run[0])]);
}

/// More bad rows than are kept in memory at a time.
#[test]
fn many_bad_rows_are_all_kept() {
    let mut text = String::from("city,n\n");
    (0..5000).for_each(|n| text.push_str(&if n % 2 == 0 { format!("Rome,{n}\n") } else { format!("Oslo,x{n}\n") }));
    let job = Job::new(&[("a.csv", &text)])
        .sql("SELECT city, cast(n AS int) AS n FROM source")
        .extra("limits: {errors: 2500}\n");
    let counts = job.run().unwrap().inputs[0].counts;
    assert_eq!((counts.written, counts.quarantined), (2500, 2500));
    assert_eq!(
        job.ask_bad("SELECT count(*), count(DISTINCT raw), min(row_number), max(row_number) FROM bad"),
        ["2500 2500 1 4999"]
    );
}
