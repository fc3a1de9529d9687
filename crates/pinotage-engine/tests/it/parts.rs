//! Large inputs that several threads read.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use crate::Job;

/// Whatever the number of threads, the segments are the same to the byte, and bad rows stand where they stand.
#[test]
fn threads_change_neither_segments_nor_bad_rows() {
    let (mut csv, mut json) = (String::from("city,n\n"), String::new());
    for row in 0..900_000 {
        let _ = match row % 90_001 {
            17 => writeln!(csv, "\"two\nlines, {row}\",{row}"),
            18 => writeln!(csv, "city {row},many"),
            _ => writeln!(csv, "city number {},{row}", row % 1000),
        };
        let _ = match row % 90_001 {
            18 => writeln!(json, r#"{{"city": "x", "n": "many {row}"}}"#),
            _ => writeln!(json, r#"{{"city": "city {}", "n": {row}}}"#, row % 1000),
        };
    }
    for (name, text) in [("a.csv", &csv), ("a.json", &json)] {
        assert!(text.len() > 17 << 20, "{} bytes are too few for parts", text.len());
        let run = |threads| {
            let job = Job::new(&[(name, text)]).extra("limits: {errors: 100}\n");
            job.run_with(threads, &AtomicBool::new(false)).unwrap();
            let bad = job.ask_bad("SELECT row_number, line, \"offset\", rule, message FROM bad ORDER BY 1");
            (job.bytes(), bad)
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.1.len(), 10);
        assert_eq!(one.1, three.1);
        assert!(one.0 == three.0, "{name}");
    }
}
