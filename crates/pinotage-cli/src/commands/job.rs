//! The job of a command: a job file of ours, or one of Pinot's job specs.

use std::path::PathBuf;

use pinotage_client::Address;
use pinotage_common::{Error, Result};
use pinotage_job::Plan;
use pinotage_job::pinot_spec::{self, Access, Loaded, TemplateValues};

/// Which job.
#[derive(clap::Args)]
pub(crate) struct JobArgs {
    /// The job file, or a Pinot job spec as it is
    pub(crate) job: PathBuf,
    /// The controller to push to, whatever the job file says
    #[arg(long, value_name = "ADDRESS")]
    controller: Option<String>,
    /// Values for the variables of a Pinot job spec
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    values: Vec<String>,
    /// Java property file with values for the variables of a Pinot job spec
    #[arg(long, value_name = "FILE")]
    property_file: Option<PathBuf>,
}

impl JobArgs {
    /// Reads the job and says on stderr what a person should know about it.
    pub(crate) fn load(&self) -> Result<Plan> {
        let text = std::fs::read_to_string(&self.job)
            .map_err(|error| Error::io(error, "cannot read the job file", &self.job))?;
        if !pinot_spec::is_job_spec(&text) {
            if !self.values.is_empty() || self.property_file.is_some() {
                return Err(Error::invalid_config("only Pinot's job specs take `--values` and `--property-file`")
                    .with("file", self.job.display())
                    .action("use `${env:NAME}` and `${file:PATH}` in the job file"));
            }
            let plan = Plan::from_file(&self.job)?;
            return match &self.controller {
                Some(controller) => plan.with_controller(Address::parse(controller)?),
                None => Ok(plan),
            };
        }
        let environment = |name: &str| std::env::var(name).ok();
        let file = self.property_file.as_deref();
        let values = TemplateValues::collect(&self.values, file, &environment, chrono::Utc::now())?;
        let working =
            std::env::current_dir().map_err(|error| Error::io(error, "cannot find the working directory", "."))?;
        let Loaded { plan, push, notes } = pinot_spec::load(&self.job, &working, &values, &fetch)?;
        notes.iter().for_each(|note| eprintln!("note: {note}"));
        match plan.filter(|_| push.is_none()) {
            Some(plan) => Ok(plan),
            None => Err(Error::unsupported("pushing segments is not there yet: they stay in `outputDirURI`")
                .with("option", "jobType")
                .with("job", self.job.display())
                .action("set `jobType: SegmentCreation` and upload the segments with Pinot's own tools")),
        }
    }
}

/// Documents of a controller.
fn fetch(url: &str, _: &Access) -> Result<String> {
    Err(Error::unsupported(format!("controllers cannot be asked yet, not for {url}"))
        .action(format!("save it, for example with `curl -o document.json {url}`, and name the file instead")))
}
