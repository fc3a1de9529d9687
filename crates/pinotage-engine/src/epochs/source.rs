//! The source of a job, behind the traits of connectors.

use pinotage_common::{Error, Result};
use pinotage_connector::Source;
use pinotage_connectors::files::{FileSplit, Files};
use pinotage_connectors::generator::Generator;

use crate::prepare::Prepared;
use crate::quarantine::Replay;

/// Makes the source of a job.
pub(super) fn source_of(job: &Prepared) -> Result<Box<dyn Source>> {
    if let Some(files) = &job.replay {
        return Ok(Box::new(Replay::try_new(job, files.clone())?));
    }
    if let Some(options) = &job.plan.file.source.generator {
        return Ok(Box::new(Generator::try_new(options.clone())?));
    }
    let mut files = Vec::new();
    for input in &job.inputs {
        let Some(path) = input.file.local_path() else {
            return Err(Error::unsupported("a job with epochs reads files of this machine")
                .with("uri", &input.file)
                .action("remove `checkpoint`, and each object makes segments of its own; or copy the objects here"));
        };
        files.push(FileSplit { id: input.file.to_string(), path: path.to_owned(), format: input.format });
    }
    Ok(Box::new(Files::new(files, job.read.clone(), job.source_schema.clone())))
}
