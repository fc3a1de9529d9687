//! Jobs whose every input becomes one segment with a name of its own, as Pinot's batch jobs do it.

use std::path::PathBuf;

use crate::input::InputFile;
use crate::pinot_spec::{ArchiveUris, PathPattern};

/// The inputs of such a job, and its rules.
#[derive(Debug, Clone)]
pub struct OneToOne {
    /// The inputs, in order.
    pub inputs: Vec<NamedInput>,
    /// An input without rows stops the job; otherwise it makes no segment.
    pub fail_on_empty: bool,
    /// Segment files in the output that this job has not made are replaced; otherwise they stop the job.
    pub overwrite: bool,
    /// All segments are pushed in one step in place of everything that the table has. Otherwise they are pushed one by one,
    /// each in place of the one of its name, whoever pushed that.
    pub replaces_table: bool,
    /// The segment files that are pushed, by their whole path; all without one.
    pub push_pattern: Option<PathPattern>,
    /// Where the cluster finds segment files, when it is not sent them.
    pub archive_uris: Option<ArchiveUris>,
}

/// An input and where its segment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedInput {
    /// The file.
    pub file: InputFile,
    /// What its segment is called.
    pub name: InputName,
    /// The folder of the segment below the output; empty for the output itself.
    pub folder: PathBuf,
}

/// What the segment of an input is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputName {
    /// The whole name.
    Whole(String),
    /// The end of the name that the job's generator makes, or nothing.
    Sequence(Option<String>),
    /// As the job's generator makes it, with the number that the input has in the job's state.
    Numbered,
}
