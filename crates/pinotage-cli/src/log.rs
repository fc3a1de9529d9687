//! What happens behind a command, on stderr: that a server is asked again, or that a certificate is not checked.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};

use pinotage_common::{Error, Result};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The variable that says how much is told.
const VARIABLE: &str = "PINOTAGE_LOG";

/// Begins to tell.
///
/// # Errors
///
/// `invalid-config` for a level that is none.
pub(crate) fn start(verbose: u8) -> Result<()> {
    let on_terminal = io::stderr().is_terminal();
    let level = level(verbose, std::env::var(VARIABLE).ok().as_deref(), on_terminal)?;
    // There is no other one in this process.
    let _ = tracing::subscriber::set_global_default(Log { level, on_terminal });
    Ok(())
}

fn level(verbose: u8, variable: Option<&str>, on_terminal: bool) -> Result<LevelFilter> {
    match (verbose, variable) {
        (0, Some(name)) if !name.is_empty() => name.parse().map_err(|_| {
            Error::invalid_config(format!("expected a level in `{VARIABLE}`, found `{name}`"))
                .action("set it to `off`, `error`, `warn`, `info`, `debug` or `trace`, or unset it")
        }),
        // A person sees when things take longer than they have to; a file gets what was asked for.
        (0, _) => Ok(if on_terminal { LevelFilter::WARN } else { LevelFilter::OFF }),
        (1, _) => Ok(LevelFilter::INFO),
        _ => Ok(LevelFilter::DEBUG),
    }
}

/// Writes events of our own crates as lines. Others could tell what they send, secrets included.
struct Log {
    level: LevelFilter,
    on_terminal: bool,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level && metadata.target().starts_with("pinotage_")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        // A progress bar stands in the line; it is drawn again below.
        let clear = if self.on_terminal { "\r\x1b[2K" } else { "" };
        let text = format!("{clear}{}\n", line.shown(event.metadata().level()));
        // In one piece: others write, too. Who cannot be told does not stop the work.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The parts of an event.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
    error: String,
}

impl Line {
    /// As warnings and errors are shown.
    fn shown(&self, level: &Level) -> String {
        let kind = match *level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "note",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let mut text = format!("{kind}: {}", self.message);
        if !self.fields.is_empty() {
            let _ = write!(text, " ({})", self.fields);
        }
        if !self.error.is_empty() {
            let _ = write!(text, ": {}", self.error);
        }
        text
    }

    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            "error" => write!(self.error, "{value}"),
            name => {
                let comma = if self.fields.is_empty() { "" } else { ", " };
                write!(self.fields, "{comma}{}={value}", name.replace('_', " "))
            }
        };
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_warnings_and_a_file_what_was_asked_for() {
        let shown = |verbose, variable, terminal| level(verbose, variable, terminal).unwrap();
        assert_eq!(shown(0, None, true), LevelFilter::WARN);
        assert_eq!(shown(0, None, false), LevelFilter::OFF);
        assert_eq!(shown(0, Some(""), true), LevelFilter::WARN);
        assert_eq!(shown(0, Some("warn"), false), LevelFilter::WARN);
        assert_eq!(shown(0, Some("off"), true), LevelFilter::OFF);
        assert_eq!(shown(1, Some("off"), false), LevelFilter::INFO);
        assert_eq!(shown(2, None, false), LevelFilter::DEBUG);
        let error = level(0, Some("loud"), true).unwrap_err();
        assert!(error.to_string().contains("`loud`") && error.advice().contains("`warn`"), "{error}");
    }
}
