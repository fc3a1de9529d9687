//! What is told on stderr of what happens behind a command.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use pinotage_testkit::fake::{Action, Fake};

const SECRET: &str = "hunter2-and-more";

/// Exports from a controller that has no table, after an answer that it is not ready.
fn export(args: &[&str], variable: Option<&str>) -> Output {
    let first = AtomicBool::new(true);
    let fake = Fake::new()
        .otherwise(Action::decide(move |_| match first.swap(false, Ordering::SeqCst) {
            true => Action::error(503, "not ready"),
            false => Action::error(404, "there is no such thing"),
        }))
        .start();
    let folder = tempfile::tempdir().unwrap();
    let connection = format!("controller: {}\nauth: {{kind: bearer, token: {SECRET}}}\n", fake.url());
    std::fs::write(folder.path().join("c.yaml"), connection).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
    command.args(args).args(["scan", "pinot:///t?connection=c.yaml", "--output", "t.csv"]).current_dir(folder.path());
    match variable {
        Some(level) => command.env("PINOTAGE_LOG", level),
        None => command.env_remove("PINOTAGE_LOG"),
    };
    let output = command.output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(fake.requests().len() > 1, "it was not asked again: {output:?}");
    output
}

fn told(args: &[&str], variable: Option<&str>) -> String {
    let text = String::from_utf8(export(args, variable).stderr).unwrap();
    assert!(text.contains("error: ") && text.contains("what to do: "), "{text}");
    assert!(!text.contains(&SECRET[..7]), "{text}");
    text
}

#[test]
fn tries_are_told_to_who_asks_for_it_and_secrets_to_nobody() {
    let silent = [told(&[], None), told(&[], Some("off")), told(&[], Some("error"))];
    for text in silent {
        assert!(!text.contains("warning: "), "{text}");
    }
    for text in [told(&["-v"], None), told(&["-v"], Some("off")), told(&[], Some("warn"))] {
        assert!(text.contains("warning: trying again (attempt=1, pause ms=") && text.contains("not ready"), "{text}");
        assert!(!text.contains("debug: "), "{text}");
    }
    let text = told(&["-vv"], None);
    assert!(text.contains("debug: request (request=GET "), "{text}");
}

#[test]
fn a_level_that_is_none_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_pinotage"))
        .args(["sql", "--table", "t=nowhere", "SELECT 1"])
        .env("PINOTAGE_LOG", "loud")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: invalid-config: expected a level in `PINOTAGE_LOG`, found `loud`"), "{text}");
    assert!(text.contains("what to do: set it to `off`"), "{text}");
}
