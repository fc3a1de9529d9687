//! How long the allocator keeps freed memory.

use std::env;

/// What mimalloc reads when a process starts, and at no other time but by unsafe code.
const DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Milliseconds. The allocator's own second is so long that a job holds half as much again as `limits.memory` says; below ten there is
/// nothing to gain.
const MILLIS: &str = "10";

/// Begins the process anew, once, with the delay in its environment; its id stays. Where that cannot be, and where somebody has
/// chosen a delay, it goes on as it is.
pub(crate) fn give_back_soon() {
    if env::var_os(DELAY).is_none() {
        begin_anew();
    }
}

#[cfg(unix)]
fn begin_anew() {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    let Ok(program) = env::current_exe() else { return };
    let mut words = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    // Comes back with an error alone.
    let _ = command.args(words).env(DELAY, MILLIS).exec();
}

#[cfg(not(unix))]
fn begin_anew() {}
