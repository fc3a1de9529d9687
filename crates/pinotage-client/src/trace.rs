//! What stack traces of Java say.

use pinotage_common::{Error, ErrorKind};

/// What the exceptions of our Java side begin with, in a stack trace.
pub(crate) const OURS: &str = "io.pinotage.PinotageException: ";

/// Between a message of theirs and what to do.
const ADVICE: &str = "; to do: ";

/// The error of a stack trace: an exception of our own as it was thrown, or the innermost of Java's as `unexpected`.
pub fn thrown(what: &str, trace: &str) -> Error {
    let ours = trace.lines().filter_map(|line| line.split_once(OURS)).map(|(_, text)| text).next_back();
    let Some(text) = ours else {
        return Error::unexpected(format!("{what}: {}", last_cause(trace)));
    };
    let (kind, message) = text.split_once(": ").unwrap_or(("", text));
    let (message, advice) = message.split_once(ADVICE).unwrap_or((message, ""));
    let kind = ErrorKind::ALL.into_iter().find(|known| known.name() == kind).unwrap_or(ErrorKind::Unexpected);
    let error = Error::new(kind, format!("{what}: {message}"));
    if advice.is_empty() { error } else { error.action(advice) }
}

/// The innermost exception.
pub(crate) fn last_cause(trace: &str) -> &str {
    let mut causes = trace.lines().filter_map(|line| line.trim_start().strip_prefix("Caused by: "));
    causes.next_back().unwrap_or_else(|| first_line(trace))
}

/// The first line that says something.
pub(crate) fn first_line(trace: &str) -> &str {
    trace.lines().find(|line| !line.trim().is_empty()).unwrap_or("nobody says why").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_traces_become_errors() {
        let trace = "org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.\n\
            \tat a.b.C(D.java:1)\nCaused by: java.util.concurrent.CompletionException: x\n\
            Caused by: io.pinotage.PinotageException: not-found: the cluster has no table of this name; to do: create it first\n\
            \tat io.pinotage.X.y(Z.java:2)\n\t... 5 more\n";
        let error = thrown("the job was not submitted", trace);
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "not-found: the job was not submitted: the cluster has no table of this name");
        assert_eq!(error.advice(), "create it first");
        let other = thrown("the job failed", "java.lang.A: b\nCaused by: java.io.IOException: disk full\n\tat x");
        assert_eq!(other.kind(), ErrorKind::Unexpected);
        assert!(other.to_string().contains("java.io.IOException: disk full"), "{other}");
        assert!(thrown("the job failed", "").to_string().contains("nobody says why"));
    }
}
