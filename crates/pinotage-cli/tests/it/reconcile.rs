//! `pinotage reconcile`: every kind of difference is found.

use std::fs;

use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use crate::cluster::pushing_job;
use crate::{ok, pinotage};

#[test]
fn a_source_is_compared_with_a_table_of_a_cluster() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = pushing_job(cluster, "reconciled", &json!({}));
    let path = folder.path();
    let lines: Vec<String> = (0..5000).map(|n| format!("city {},{n}", n % 7)).collect();
    fs::write(path.join("in/a.csv"), format!("city,n\n{}\n", lines[..3000].join("\n"))).unwrap();
    fs::write(path.join("in/b.csv"), format!("city,n\n{}\n", lines[3000..].join("\n"))).unwrap();
    ok(path, &["run", "job.yaml"]);
    cluster.await_count("reconciled", 5000);
    // In another order than the table has them.
    let source = |lines: &[String]| {
        let reversed: Vec<&str> = lines.iter().rev().map(String::as_str).collect();
        fs::write(
            path.join("source.csv"),
            format!(
                "n,city\n{}\n",
                reversed
                    .iter()
                    .map(|line| {
                        let (city, n) = line.split_once(',').unwrap();
                        format!("{n},{city}")
                    })
                    .collect::<Vec<_>>()
                    .join("\n")
            ),
        )
        .unwrap();
    };
    let compare = |reader: &str, more: &[&str]| {
        let table = format!("pinot://{}/reconciled?reader={reader}", &cluster.controller[7..]);
        let output = pinotage(path, &[&["reconcile", "source.csv", &table], more].concat());
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    };
    let steps = ["--time-column", "n", "--bucket", "1000"];

    source(&lines);
    for reader in ["server", "direct"] {
        assert_eq!(compare(reader, &[]), (0, "the same: 5000 rows, 2 columns\n".into()));
        assert_eq!(compare(reader, &steps), (0, "the same: 5000 rows in 5 buckets, 2 columns\n".into()));
        assert_eq!(compare(reader, &["--by", "city"]).0, 0);
    }

    let mut changed = lines.clone();
    changed[1234] = "Oslo,1234".into();
    source(&changed);
    let (code, text) = compare("direct", &[&steps[..], &["--keys", "n"]].concat());
    assert_eq!(code, 1, "{text}");
    assert_eq!(
        text,
        "different: 5000 rows in the source, 5000 in the table in 5 buckets\n  1000: 1000 rows, 1000 in the table\n\
         rows that differ:\n  changed, n=1234: city Oslo, city 2 in the table\n"
    );
    let (code, text) = compare("server", &["--columns", "n,city"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("missing in the table: n=1234, city=Oslo\n"), "{text}");
    assert!(text.contains("only in the table: n=1234, city=city 2\n"), "{text}");
    // The same numbers all the same.
    assert_eq!(compare("direct", &["--columns", "n"]).0, 0);
    assert_eq!(compare("direct", &["--filter", "n <> 1234"]).0, 0);

    let mut more = lines.clone();
    more.push("Riga,4999".into());
    source(&more);
    let (code, text) = compare("direct", &[&steps[..], &["--keys", "n,city"]].concat());
    assert!(
        code == 1 && text.contains("  4000: 1001 rows, 1000 in the table; sum of n 4504499, 4499500 in the table\n"),
        "{text}"
    );
    assert!(text.ends_with("rows that differ:\n  missing in the table: n=4999, city=Riga\n"), "{text}");

    // Twice, in place of another one.
    let mut twice = lines.clone();
    twice[17] = twice[16].clone();
    source(&twice);
    let (code, text) = compare("server", &steps);
    assert!(code == 1 && text.contains("2 times, 1 times in the table: n=16, city=city 2\n"), "{text}");
    assert!(text.contains("only in the table: n=17, city=city 3\n"), "{text}");
    let (code, text) = compare("server", &["--limit", "1"]);
    assert!(code == 1 && text.contains("and more"), "{text}");

    fs::write(path.join("source.csv"), "n,town\n1,Oslo\n").unwrap();
    let (code, text) = compare("direct", &[]);
    assert!(
        code == 2 && text.contains("only in the source: town") && text.contains("only in the table: city"),
        "{text}"
    );
}
