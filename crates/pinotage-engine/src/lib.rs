//! The embedded engine: runs a job in this process, and answers SQL on segments and files.
//!
//! A unit of work is one input file, or all of them when the job's SQL needs many rows at a time. Its segments, its
//! quarantine and its line in the manifest appear together or not at all; the manifest makes a second run do only what is
//! missing.
#![forbid(unsafe_code)]

mod built;
mod cluster;
mod document;
mod epochs;
mod export;
mod foreign;
mod identity;
mod lock;
mod manifest;
mod objects;
mod output;
mod prepare;
mod push;
mod quarantine;
mod query;
mod reconcile;
mod retention;
mod rewrite;
mod run;
mod sample;
mod sealing;
mod sql;
mod status;
mod unit;
mod units;
mod whole_source;

pub use cluster::{Cluster, PushSummary};
pub use document::document;
pub use epochs::{
    EpochReport, EpochStatus, EpochSummary, GcOptions, SplitStatus, StagedEntry, StagedRun, StagingReport, run_epochs,
    staging_gc,
};
pub use export::{Export, ExportOptions, ExportSummary, RowFormat, RowWriter, write_file};
pub use foreign::{Foreign, prepare_foreign};
pub use manifest::{Counts, InputsStatus, PendingStatus, SegmentRecord};
pub use objects::list_objects;
pub use pinotage_connector::Cancel;
pub use pinotage_sink::publish::PushObserver;
pub use prepare::{Input, Prepared, Release, prepare};
pub use push::{Pusher, Replace, remove_segment_files, segment_files_below, segments_at};
pub use quarantine::{
    QuarantineFile, QuarantineFilter, QuarantineRows, job_quarantine_files, prepare_replay, quarantine_files,
};
pub use query::{Answer, TableSource, Warnings, query, scan_reference};
pub use reconcile::{
    BucketBy, BucketDifference, Difference, ReconcileOptions, Reconciliation, RowDifference, reconcile,
};
pub use retention::warning_of_old_inputs;
pub use rewrite::{
    OldSegment, RewriteOptions, RewritePlan, RewriteSummary, Rewriter, default_rewrite_state, rewrite_segment,
};
pub use run::{InputStatus, InputSummary, Observer, RunOptions, Silent, Summary, run};
pub use sql::SqlWay;
pub use status::{JobStatus, job_status};
