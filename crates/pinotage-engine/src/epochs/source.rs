//! The source of a job, behind the traits of connectors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinotage_common::{Error, Result};
use pinotage_connector::{Context, Source};
use pinotage_connectors::files::{Elsewhere, FileSplit, Files};
use pinotage_connectors::generator::Generator;
use pinotage_job::InputFile;
use pinotage_store::Entry;
use xxhash_rust::xxh3::xxh3_64;

use crate::objects::Objects;
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
        let (path, elsewhere) = match &input.file {
            InputFile::Local(path) => (path.clone(), None),
            InputFile::Object(entry) => {
                let folder = job.plan.staging.join(COPIES);
                let object = Object { objects: Arc::clone(&job.objects), entry: entry.clone(), folder };
                (input.file.path().to_owned(), Some(Arc::new(object) as Arc<dyn Elsewhere>))
            }
        };
        files.push(FileSplit { id: input_id(&job.plan.base, &input.file)?, path, format: input.format, elsewhere });
    }
    Ok(Arc::new(Files::new(files, job.read.clone(), job.source_schema.clone())))
}

/// Copies of objects that are being read, in the staging folder of this machine. What is there at a start is of a killed process.
pub(super) const COPIES: &str = "inputs";

/// An object of a store, as it was when it was listed.
#[derive(Debug)]
struct Object {
    objects: Arc<Objects>,
    entry: Entry,
    folder: PathBuf,
}

impl Elsewhere for Object {
    fn identity(&self) -> Result<String> {
        let Entry { size, etag, modified, .. } = &self.entry;
        let version = etag.clone().or_else(|| modified.map(|time| time.timestamp_millis().to_string()));
        match version {
            Some(version) => Ok(format!("{size}-{:016x}", xxh3_64(version.as_bytes()))),
            None => Err(Error::unsupported("the server does not say when the file changes, and it is read once")
                .with("uri", &self.entry.location)
                .action("copy the file to this machine or into an object store, or remove `checkpoint`")),
        }
    }

    fn fetch(&self, context: &Context) -> Result<Box<dyn AsRef<Path> + Send>> {
        let cancelled = || context.cancel.is_cancelled();
        let input = InputFile::Object(self.entry.clone());
        Ok(Box::new(self.objects.open(&input, &self.folder, &cancelled)?))
    }
}

/// The name of an input in the state: the path of a file, the URI of an object.
pub(crate) fn input_id(base: &Path, input: &InputFile) -> Result<String> {
    match input {
        InputFile::Local(path) => file_id(base, path),
        InputFile::Object(entry) => Ok(entry.location.to_uri()),
    }
}

/// The name of a file in the state: the same wherever the job is started from, and when its folder is moved.
fn file_id(base: &Path, file: &Path) -> Result<String> {
    let whole = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().map_err(|error| Error::io(error, "cannot find the file", path))
    };
    let (base, file) = (whole(base)?, whole(file)?);
    Ok(file.strip_prefix(&base).unwrap_or(&file).display().to_string())
}
