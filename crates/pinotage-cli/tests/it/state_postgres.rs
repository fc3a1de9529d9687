//! Jobs whose state is in a PostgreSQL database.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pinotage_testkit::is_full;
use pinotage_testkit::servers::Postgres;
use serde_json::Value;

use crate::epochs::{count, events, expected, killed};
use crate::kills::{kill, start};
use crate::{ok, pinotage};

fn status(folder: &Path) -> Value {
    serde_json::from_str(&ok(folder, &["runs", "job.yaml", "--output", "json"])).unwrap()
}

/// Killed, the job goes on when its lease has run out; until then, and while it runs, nobody else gets in.
#[test]
fn a_job_goes_on_with_the_state_of_a_database() {
    let Some(server) = Postgres::start() else { return };
    let folder = events(60_000, &format!("state: '{}'\n", server.url("pinot:${file:password}")));
    let path = folder.path();
    fs::write(path.join("password"), "hunter2\n").unwrap();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    let slow = text.replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 4000");
    fs::write(path.join("slow.yaml"), slow).unwrap();
    fs::write(path.join("hasty.yaml"), text.replace("interval: 50ms", "interval: 50ms, restarts: 0")).unwrap();
    assert!(ok(path, &["runs", "job.yaml"]).contains("the job has no state yet"));
    let mut child = start(path, &["run", "slow.yaml"]);
    loop {
        assert!(child.try_wait().unwrap().is_none(), "the job has ended");
        let status = status(path);
        if status["epochs"]["epoch"].as_u64().is_some_and(|epoch| epoch > 2) {
            let process = status["process"].as_str().unwrap();
            assert!(process.starts_with(&format!("process {} at 127.0.0.1 since 20", child.id())), "{process}");
            assert!(status["state"].as_str().unwrap().starts_with("postgres://127.0.0.1:"), "{status}");
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for command in [vec!["run", "hasty.yaml"], vec!["staging", "gc", "job.yaml", "--delete"]] {
        let output = pinotage(path, &command);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(75) && error.contains("another run of this job is going on"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    kill(child);
    let error = pinotage(path, &["run", "hasty.yaml"]);
    assert!(String::from_utf8_lossy(&error.stderr).contains("or has just been killed"));
    // It tries again by itself until the lease has run out.
    assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
    assert_eq!(count(path), expected(60_000));
    let status = status(path);
    assert!(status["process"].is_null() && status["epochs"]["finished"] == true, "{status}");
    // Everything else of the job lies beside it, and no state does.
    assert!(path.join(".pinotage/j/staging").is_dir() && !path.join(".pinotage/j/epochs.sqlite").exists());
    assert!(ok(path, &["staging", "gc", "job.yaml", "--delete"]).contains(".pinotage/j/staging"));
    assert!(ok(path, &["run", "job.yaml"]).contains("published 0 segments"));
}

/// Killed at any moment, as often as one likes: the lease has run out each time, as it does behind half a minute.
#[test]
fn killed_runs_lose_nothing_of_what_a_database_has() {
    let Some(server) = Postgres::start() else { return };
    let (rows, kills) = if is_full() { (5_000_000, 50) } else { (200_000, 3) };
    let folder = events(rows, &format!("state: '{}'\n", server.url("pinot")));
    killed(folder.path(), rows, kills, &|| {
        // There may be no table yet.
        server.execute("DO $$ BEGIN UPDATE pinotage_lease SET expires = '-infinity'; EXCEPTION WHEN undefined_table THEN NULL; END $$");
    });
    assert!(!folder.path().join(".pinotage/j/epochs.sqlite").exists());
}

/// A process that was stopped for so long that another one has taken over writes nothing more.
#[test]
fn a_process_that_was_stopped_for_long_has_lost_its_job() {
    let Some(server) = Postgres::start() else { return };
    let folder = events(60_000, &format!("state: '{}'\n", server.url("pinot")));
    let path = folder.path();
    let text = fs::read_to_string(path.join("job.yaml")).unwrap();
    fs::write(path.join("slow.yaml"), text.replace("    splits: 3", "    splits: 3\n    rowsPerSecond: 2000")).unwrap();
    let log = path.join("slow.log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
    command.args(["run", "slow.yaml"]).current_dir(path).stdout(Stdio::null());
    let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    while status(path)["epochs"]["epoch"].as_u64().is_none_or(|epoch| epoch < 3) {
        assert!(child.try_wait().unwrap().is_none(), "the job has ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP");
    assert!(ok(path, &["run", "job.yaml"]).contains("complete"));
    let before = status(path)["epochs"].clone();
    signal("-CONT");
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(75), "{}", fs::read_to_string(log).unwrap());
    assert_eq!(status(path)["epochs"], before);
    assert_eq!(count(path), expected(60_000));
}

#[test]
fn jobs_without_epochs_refuse_a_database() {
    let folder = crate::job("state: 'postgres://u:hunter2@127.0.0.1/d'\n");
    let output = pinotage(folder.path(), &["check", "job.yaml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && error.contains("remembers its inputs") && error.contains("option: state"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}
