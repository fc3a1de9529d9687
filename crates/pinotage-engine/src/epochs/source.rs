//! The source of a job, behind the traits of connectors.

use std::path::Path;
use std::sync::Arc;

use pinotage_common::{Error, Result};
use pinotage_connector::Source;
use pinotage_connectors::files::{FileSplit, Files};
use pinotage_connectors::generator::Generator;

use crate::prepare::Prepared;
use crate::quarantine::Replay;

/// Makes the source of a job.
pub(super) fn source_of(job: &Prepared) -> Result<Arc<dyn Source>> {
    if let Some(files) = &job.replay {
        return Ok(Arc::new(Replay::try_new(job, files.clone())?));
    }
    if let Some(options) = &job.plan.file.source.generator {
        return Ok(Arc::new(Generator::try_new(options.clone())?));
    }
    let mut files = Vec::new();
    for input in &job.inputs {
        let Some(path) = input.file.local_path() else {
            return Err(Error::unsupported("a job with epochs reads files of this machine")
                .with("uri", &input.file)
                .action("remove `checkpoint`, and each object makes segments of its own; or copy the objects here"));
        };
        files.push(FileSplit { id: input_id(&job.plan.base, path)?, path: path.to_owned(), format: input.format });
    }
    Ok(Arc::new(Files::new(files, job.read.clone(), job.source_schema.clone())))
}

/// The name of a file in the state: the same wherever the job is started from, and when its folder is moved.
pub(crate) fn input_id(base: &Path, file: &Path) -> Result<String> {
    let whole = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().map_err(|error| Error::io(error, "cannot find the file", path))
    };
    let (base, file) = (whole(base)?, whole(file)?);
    Ok(file.strip_prefix(&base).unwrap_or(&file).display().to_string())
}
