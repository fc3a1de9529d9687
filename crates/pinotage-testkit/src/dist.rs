//! What `cargo xtask dist` has made.

use std::path::PathBuf;
use std::process::Command;

/// The folder; none where nobody made it, which is said.
///
/// # Panics
///
/// Where everything is to be there (`PINOTAGE_REQUIRE_CLUSTERS`) and this is not.
pub fn dist() -> Option<PathBuf> {
    let folder = std::env::var_os("PINOTAGE_DIST").map(PathBuf::from);
    if folder.is_none() {
        let missing = "nothing to install, because PINOTAGE_DIST is not set; `cargo xtask test` makes it and sets it";
        assert!(std::env::var_os("PINOTAGE_REQUIRE_CLUSTERS").is_none(), "{missing}");
        eprintln!("SKIPPED: {missing}");
    }
    folder
}

/// Runs a command to its end; what it prints.
///
/// # Panics
///
/// When it fails, with all that it says.
pub fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
