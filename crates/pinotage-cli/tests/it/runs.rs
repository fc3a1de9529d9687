//! What `pinotage runs` says, before, during and after runs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::epochs::events;
use crate::kills::start;
use crate::{job, ok, shown};

fn status(folder: &Path) -> Value {
    serde_json::from_str(&ok(folder, &["runs", "job.yaml", "--output", "json"])).unwrap()
}

/// Ids and times are other ones each time; everything else is as published.
fn steady(text: &str, run: &str) -> String {
    let text = text.replace(run, "[run]");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = match line.find(" since 2").or_else(|| line.find(", ended 2")) {
            Some(at) if line.ends_with("UTC") => format!("{} [time]", line[..at].trim_end()),
            _ => line.to_owned(),
        };
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_job_that_remembers_inputs_says_what_it_has_built() {
    let folder = job("");
    let path = folder.path();
    let mut text = shown(path, &["runs", "job.yaml"]);
    assert!(!path.join(".pinotage").exists(), "a question has made a state");
    fs::write(path.join("in/b.csv"), "city,n\nRome,3\nBonn,x\n").unwrap();
    ok(path, &["run", "job.yaml"]);
    let status = status(path);
    let run = status["inputs"]["run"].as_str().unwrap();
    text += &steady(&shown(path, &["runs", "job.yaml"]), run);
    insta::assert_snapshot!("inputs", text);
    assert_eq!(status["inputs"]["counts"]["quarantined"], 1);
    assert!(status["process"].is_null() && status.get("epochs").is_none(), "{status}");
}

/// A job with epochs can be asked at any moment, and is not disturbed by it.
#[test]
fn a_job_with_epochs_says_how_far_it_has_come() {
    let folder = events(60_000, "");
    let path = folder.path();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let slow = text.replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 20000");
    fs::write(path.join("slow.yaml"), slow).unwrap();
    let mut child = start(path, &["run", "slow.yaml"]);
    let id = child.id();
    let mut last = 0;
    while last < 5 {
        assert!(child.try_wait().unwrap().is_none(), "the job has ended");
        let status = status(path);
        let epochs = &status["epochs"];
        if epochs.is_null() || epochs["epoch"] == 0 {
            continue;
        }
        assert!(status["process"].as_str().unwrap().starts_with(&format!("process {id} since 20")), "{status}");
        let epoch = epochs["epoch"].as_u64().unwrap();
        assert!(epoch >= last, "{status}");
        last = epoch;
        // One moment: what has been read is somewhere, and the positions say the same.
        let positions = epochs["splits"].as_array().unwrap().iter();
        let read: u64 = positions.filter_map(|split| split["position"].as_str()?.parse::<u64>().ok()).sum();
        assert_eq!(epochs["counts"]["read"], read, "{status}");
        let aside = epochs["openRows"].as_u64().unwrap() + epochs["waitingRows"].as_u64().unwrap();
        assert!(aside <= read, "{status}");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = status(path);
    assert!(killed["process"].is_null() && killed["epochs"]["finished"] == false, "{killed}");
    ok(path, &["run", "job.yaml"]);
    let status = status(path);
    let run = status["epochs"]["run"].as_str().unwrap();
    assert_eq!(run, killed["epochs"]["run"].as_str().unwrap());
    let epoch = status["epochs"]["epoch"].to_string();
    let text = steady(&shown(path, &["runs", "job.yaml"]), run);
    insta::assert_snapshot!("epochs", text.replace(&format!("{epoch} [time]"), "[epoch] [time]"));
}

/// Starts that fall together with many questions are not refused.
#[test]
fn questions_never_keep_a_run_out() {
    let folder = events(300, "");
    let path = folder.path();
    ok(path, &["run", "job.yaml"]);
    let mut asking = Command::new("sh");
    let ask = format!("while :; do {} runs job.yaml > /dev/null 2>&1 || exit 1; done", env!("CARGO_BIN_EXE_pinotage"));
    let mut asking = asking.args(["-c", &ask]).current_dir(path).spawn().unwrap();
    for _ in 0..20 {
        assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
    }
    assert!(asking.try_wait().unwrap().is_none(), "a question has failed");
    asking.kill().unwrap();
    asking.wait().unwrap();
}
