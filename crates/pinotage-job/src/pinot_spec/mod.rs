//! Pinot's batch jobs: a `SegmentGenerationJobSpec` as a [`Plan`], what it wants of controllers, and notes.
//!
//! The whole spec is read. Each field is honoured, or a note says why it has no effect, or it is refused with what to do;
//! [`job_spec_reference`] is the table. One file becomes one segment under Pinot's own name, and defaults are Pinot's.

mod access;
mod elsewhere;
mod file_system;
mod inputs;
mod job_type;
mod names;
mod notes;
mod pattern;
mod properties;
mod push;
mod reader;
mod reference;
mod scalar;
mod spec;
mod template;
mod translate;
mod uri;

#[cfg(test)]
mod tests;

pub use access::{Given, Runs};
pub use elsewhere::ForEngine;
pub use inputs::OWN_NAMES;
pub use pattern::PathPattern;
pub use push::{ArchiveUris, PushWishes};
pub use reference::job_spec_reference;
pub use spec::*;
pub use template::TemplateValues;
pub use translate::{Loaded, Outside, StoreListing, is_consistent, load};

use serde::de::DeserializeOwned;

/// Keys of a job spec that no job file of ours has.
const KEYS: [&str; 6] =
    ["jobType", "executionFrameworkSpec", "inputDirURI", "outputDirURI", "recordReaderSpec", "pinotClusterSpecs"];

/// Whether a text is a Pinot job spec, by its keys. The text may be a template that is no YAML yet.
pub fn is_job_spec(text: &str) -> bool {
    if text.trim_start().starts_with('{') {
        return KEYS.iter().any(|key| text.contains(&format!("\"{key}\"")));
    }
    text.lines().any(|line| {
        let rest = KEYS.iter().find_map(|key| line.trim_start_matches(['"', '\'']).strip_prefix(key));
        rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    })
}

/// Keys and texts as the options that they stand for.
fn typed<T: DeserializeOwned>(configs: &Configs) -> Result<T, serde_json::Error> {
    let present = configs.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?.into())));
    serde_json::from_value(serde_json::Value::Object(present.collect()))
}
