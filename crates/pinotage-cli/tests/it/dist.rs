//! The archive of `cargo xtask dist`, unpacked where nothing else of ours is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pinotage_testkit::{dist, done};

/// The only entry of a folder.
fn only(folder: &Path) -> PathBuf {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.into_iter().next().unwrap()
}

#[test]
fn the_command_runs_from_its_archive() {
    let Some(dist) = dist() else { return };
    done(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&dist));
    let archives = fs::read_dir(&dist).unwrap().map(|entry| entry.unwrap().path());
    let archive = archives.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "gz")).unwrap();
    let place = tempfile::tempdir().unwrap();
    done(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(place.path()));
    let folder = only(place.path());
    let pinotage =
        |args: &[&str]| done(Command::new(folder.join("bin/pinotage")).args(args).env_clear().current_dir(&folder));
    assert!(
        folder.ends_with(format!(
            "pinotage-{}-x86_64-linux",
            pinotage(&["--version"]).split_whitespace().nth(1).unwrap()
        ))
    );
    pinotage(&["run", "examples/flights/job.yaml"]);
    let table = "flights=examples/flights/out/segments";
    assert!(pinotage(&["sql", "--table", table, "SELECT count(*) FROM flights"]).contains("336776"));
    let jars = fs::read_dir(folder.join("jars")).unwrap().count();
    assert_eq!(jars, 3, "one for each line of Flink, for `--engine flink`, and one for Spark");
    let licences = fs::read_to_string(folder.join("THIRD-PARTY.txt")).unwrap();
    for words in ["\narrow 58", "Copyright (c) Meta Platforms, Inc. and affiliates", "Daan Leijen"] {
        assert!(licences.contains(words), "{words}");
    }
}
