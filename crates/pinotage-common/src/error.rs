//! The one error type: kind, origin, retry, operation, context, source.

use std::error::Error as StdError;
use std::fmt;

/// The result of everything that can fail in Pinotage.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. The display names never change: users and scripts match on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A job file, option, schema or table config says something impossible or unknown.
    InvalidConfig,
    /// Input rows break a rule and the job's error budget does not allow it.
    InvalidData,
    /// The columns that were found are not the columns that were expected.
    SchemaMismatch,
    /// Bytes of a segment or of an input file are not what their format demands.
    CorruptSegment,
    /// The request is clear and Pinotage cannot do it; the message says what to do instead.
    Unsupported,
    /// A file, segment, table or column does not exist.
    NotFound,
    /// Something with that name exists and may not be replaced.
    AlreadyExists,
    /// Somebody else committed in between.
    CommitConflict,
    /// The operating system or a server refuses this user.
    PermissionDenied,
    /// A system that is needed does not answer now.
    Unavailable,
    /// A limit of memory, disk or configuration would be passed.
    ResourceExhausted,
    /// The user or the engine asked to stop.
    Cancelled,
    /// A defect of Pinotage.
    Unexpected,
}

/// Whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The user changes the job, the input or the environment.
    User,
    /// A remote system or the operating system has to recover.
    Remote,
    /// Pinotage has a defect.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Never without a change.
    Permanent,
    /// Perhaps, after a pause.
    Temporary,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [ErrorKind; 13] = [
        ErrorKind::InvalidConfig,
        ErrorKind::InvalidData,
        ErrorKind::SchemaMismatch,
        ErrorKind::CorruptSegment,
        ErrorKind::Unsupported,
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::CommitConflict,
        ErrorKind::PermissionDenied,
        ErrorKind::Unavailable,
        ErrorKind::ResourceExhausted,
        ErrorKind::Cancelled,
        ErrorKind::Unexpected,
    ];

    /// The stable kebab-case name.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Whose move it is, unless the call site knows better.
    pub const fn origin(self) -> Origin {
        self.row().1
    }

    /// Whether to try again, unless the call site knows better.
    pub const fn retry(self) -> Retry {
        self.row().2
    }

    /// The exit code of the command line: 1 ran and found a problem, 2 could not run, 75 try again later.
    pub const fn exit_code(self) -> u8 {
        self.row().3
    }

    /// What a person does next when the call site gave no better advice.
    pub const fn action(self) -> &'static str {
        self.row().4
    }

    /// The one table of defaults.
    const fn row(self) -> (&'static str, Origin, Retry, u8, &'static str) {
        use Origin::{Internal, Remote, User};
        use Retry::{Permanent, Temporary};
        match self {
            Self::InvalidConfig => (
                "invalid-config",
                User,
                Permanent,
                2,
                "correct the option named above and run `pinotage check` on the job",
            ),
            Self::InvalidData => (
                "invalid-data",
                User,
                Permanent,
                1,
                "look at the rows named above, then correct the input or raise `limits.errors`",
            ),
            Self::SchemaMismatch => (
                "schema-mismatch",
                User,
                Permanent,
                1,
                "make the schema and the input agree on the columns named above",
            ),
            Self::CorruptSegment => (
                "corrupt-segment",
                User,
                Permanent,
                1,
                "get an intact copy of the file named above, or build it again from its source",
            ),
            Self::Unsupported => ("unsupported", User, Permanent, 2, "use one of the alternatives named above"),
            Self::NotFound => {
                ("not-found", User, Permanent, 2, "check the spelling and that the path exists and can be read")
            }
            Self::AlreadyExists => {
                ("already-exists", User, Permanent, 2, "choose another name or remove what is there")
            }
            Self::CommitConflict => (
                "commit-conflict",
                Remote,
                Temporary,
                75,
                "find out what else writes to the same place, then run the job again",
            ),
            Self::PermissionDenied => {
                ("permission-denied", User, Permanent, 2, "give this user the permission, or choose another path")
            }
            Self::Unavailable => {
                ("unavailable", Remote, Temporary, 75, "try again later; nothing half-written was left behind")
            }
            Self::ResourceExhausted => {
                ("resource-exhausted", User, Permanent, 2, "raise the limit named above or free what it measures")
            }
            Self::Cancelled => {
                ("cancelled", User, Permanent, 2, "run the same command again: it goes on with what is missing")
            }
            Self::Unexpected => (
                "unexpected",
                Internal,
                Permanent,
                2,
                "this is a defect of Pinotage: please report it with the whole message",
            ),
        }
    }
}

/// Every kind of error, as a Markdown page.
pub fn error_reference() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "# Errors\n\nAn error is one line with kind, message and place, then its causes, then what to do. Kinds never change their names; scripts may\n\
         match on them or on the exit code: 1 ran and found a problem, 2 could not run, 75 try again later.\n\n\
         | kind | whose move | again? | exit code | what to do, unless the error says better |\n| --- | --- | --- | --- | --- |\n",
    );
    for kind in ErrorKind::ALL {
        let (name, origin, retry, code, action) = kind.row();
        let origin = match origin {
            Origin::User => "yours",
            Origin::Remote => "another system's",
            Origin::Internal => "ours",
        };
        let again = match retry {
            Retry::Permanent => "not without a change",
            Retry::Temporary => "after a pause",
        };
        let _ = writeln!(text, "| `{name}` | {origin} | {again} | {code} | {action} |");
    }
    text
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error that an engine can decide on and a person can act on.
///
/// The message is lower case without a full stop: first what was expected, then what was found.
/// Places (file, column, offset, segment) are context pairs, causes are sources, advice is the action.
///
/// # Examples
///
/// ```
/// use pinotage_common::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::CorruptSegment, "expected 8 magic bytes")
///     .with("file", "columns.psf")
///     .with("offset", 23);
/// assert_eq!(error.to_string(), "corrupt-segment: expected 8 magic bytes (file: columns.psf, offset: 23)");
/// assert_eq!(error.kind().exit_code(), 1);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    origin: Origin,
    retry: Retry,
    message: String,
    context: Vec<(&'static str, String)>,
    action: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error of a kind, with that kind's usual origin and retry.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            origin: kind.origin(),
            retry: kind.retry(),
            message: message.into(),
            context: Vec::new(),
            action: None,
            source: None,
        }))
    }

    /// [`ErrorKind::InvalidConfig`].
    pub fn invalid_config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }

    /// [`ErrorKind::InvalidData`].
    pub fn invalid_data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidData, message)
    }

    /// [`ErrorKind::SchemaMismatch`].
    pub fn schema_mismatch(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::SchemaMismatch, message)
    }

    /// [`ErrorKind::CorruptSegment`].
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::CorruptSegment, message)
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// [`ErrorKind::Unexpected`]: a defect of ours.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// A failed file operation: the kind follows from the operating system's answer.
    pub fn io(error: std::io::Error, message: impl Into<String>, path: impl AsRef<std::path::Path>) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge | Io::OutOfMemory => ErrorKind::ResourceExhausted,
            Io::NotADirectory | Io::IsADirectory | Io::InvalidFilename => ErrorKind::InvalidConfig,
            Io::InvalidData | Io::UnexpectedEof => ErrorKind::CorruptSegment,
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, message).with("file", path.as_ref().display()).caused_by(error)
    }

    /// Adds a place or a name: `file`, `column`, `offset`, `segment`, `line`, `option`.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Adds what the person does next; it becomes the last line on the terminal.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.0.action = Some(action.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Overrides whether to try again; the call site says why in a comment.
    #[must_use]
    pub fn retry_as(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whose move it is.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The message without kind and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places and names, in the order they were added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// What the person does next: the nearest advice in the chain of causes, else the kind's own.
    pub fn advice(&self) -> &str {
        let mut next = Some(self);
        while let Some(error) = next {
            if let Some(action) = &error.0.action {
                return action;
            }
            next = error.0.source.as_deref().and_then(|source| source.downcast_ref());
        }
        self.0.kind.action()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)?;
        for (i, (key, value)) in self.0.context.iter().enumerate() {
            f.write_str(if i == 0 { " (" } else { ", " })?;
            write!(f, "{key}: {value}")?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(source) = cause {
            write!(f, "; caused by: {source}")?;
            cause = source.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_names_are_unique_and_every_kind_has_an_action() {
        let names: std::collections::HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
        assert!(ErrorKind::ALL.iter().all(|kind| !kind.action().is_empty()));
    }

    #[test]
    fn advice_of_the_cause_is_found() {
        let inner = Error::not_found("no such column").action("name one of: a, b");
        let outer = Error::invalid_config("cannot use the sort column").caused_by(inner);
        assert_eq!(outer.advice(), "name one of: a, b");
    }

    #[test]
    fn a_full_disk_is_not_a_passing_fault() {
        let error = Error::io(std::io::Error::from(std::io::ErrorKind::StorageFull), "cannot write", "/x");
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
        assert_eq!(error.retry(), Retry::Permanent);
    }

    #[test]
    fn the_published_page_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/errors.md");
        if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
            std::fs::write(&path, error_reference()).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(published == error_reference(), "errors.md is old: run the test with PINOTAGE_UPDATE_DOCS=1");
    }
}
