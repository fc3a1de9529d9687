//! `pinotage staging gc`: what killed runs left, and nothing else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::epochs::{count, events, expected};
use crate::kills::start;
use crate::{ok, pinotage};

fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path.display().to_string()),
        }
    }
    files.sort();
    files
}

/// Killed while rows are open and segments are being built; then everything goes that is not needed, and the job still loses
/// nothing.
#[test]
fn what_killed_runs_left_goes_and_what_is_needed_stays() {
    let folder = events(60_000, "");
    let path = folder.path();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let slow = text.replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 20000");
    fs::write(path.join("slow.yaml"), slow).unwrap();
    let staging = path.join(".pinotage/j/staging");
    let mut child = start(path, &["run", "slow.yaml"]);
    while files(&path.join("out")).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    // While it runs nothing is removed, and everything is shown.
    let output = pinotage(path, &["staging", "gc", "job.yaml", "--delete"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("a run of this job is going on"), "{error}");
    ok(path, &["staging", "gc", "job.yaml"]);
    assert!(child.try_wait().unwrap().is_none(), "the job has stopped");
    child.kill().unwrap();
    child.wait().unwrap();

    let run = fs::read_dir(&staging).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    fs::create_dir_all(staging.join(&run).join("0badcafe/half")).unwrap();
    fs::write(staging.join(&run).join("0badcafe/half/columns"), vec![0; 2048]).unwrap();
    fs::write(staging.join(&run).join("0-1-0badcafe-1.arrow"), "rows").unwrap();
    fs::create_dir_all(staging.join("0123456789abcdef")).unwrap();
    fs::write(staging.join("0123456789abcdef/0-1-0badcafe-1.arrow"), "rows").unwrap();
    fs::create_dir_all(staging.join("mine")).unwrap();
    fs::write(staging.join("mine/file"), "mine").unwrap();

    let shown = ok(path, &["staging", "gc", "job.yaml"]);
    for expected in [
        &format!("run {run}: "),
        "of the job's run, removed with `--delete`\n",
        "  0badcafe  ",
        "  2KiB  ",
        "run 0123456789abcdef: 1 entries with 4B, of another run, removed with `--delete --all-runs`\n",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("mine"), "{shown}");
    let before = files(&staging);
    ok(path, &["staging", "gc", "job.yaml", "--output", "json"]);
    assert_eq!(files(&staging), before, "looking has removed something");

    let removed = ok(path, &["staging", "gc", "job.yaml", "--delete"]);
    assert!(removed.contains(", removed\n") && removed.contains("stays without `--all-runs`"), "{removed}");
    let left = files(&staging);
    assert!(left.iter().any(|file| file.contains(&run)), "rows that are needed are gone: {left:?}");
    assert!(left.iter().any(|file| file.contains("0123456789abcdef")), "{left:?}");
    assert!(!left.iter().any(|file| file.contains(&format!("{run}/0badcafe"))), "{left:?}");
    assert!(ok(path, &["staging", "gc", "job.yaml", "--delete", "--all-runs"]).contains("removed"));
    assert!(!staging.join("0123456789abcdef").exists() && staging.join("mine/file").exists());
    let nothing = ok(path, &["staging", "gc", "job.yaml"]);
    assert!(nothing.ends_with("nothing that the job's state does not refer to\n"), "{nothing}");

    ok(path, &["run", "job.yaml"]);
    assert_eq!(count(path), expected(60_000));
}

#[test]
fn jobs_without_epochs_have_no_staging() {
    let folder = crate::job("");
    let output = pinotage(folder.path(), &["staging", "gc", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("only jobs with epochs"), "{error}");
}
