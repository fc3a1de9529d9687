//! The job of a command: a job file of ours, or one of Pinot's job specs.

use std::path::PathBuf;

use pinotage_client::{Address, Auth};
use pinotage_common::{Error, Result, Secret};
use pinotage_job::Plan;
use pinotage_job::pinot_spec::{self, Given, Loaded, Outside, PushWishes, Runs, TemplateValues};

/// Which job.
#[derive(clap::Args)]
pub(crate) struct JobArgs {
    /// The job file, or a Pinot job spec as it is
    pub(crate) job: PathBuf,
    /// The controller to push to, whatever the job says
    #[arg(long, value_name = "ADDRESS")]
    controller: Option<String>,
    /// Values for the variables of a Pinot job spec
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    values: Vec<String>,
    /// Java property file with values for the variables of a Pinot job spec
    #[arg(long, value_name = "FILE")]
    property_file: Option<PathBuf>,
    /// Who asks the controllers of a Pinot job spec without `authToken`
    #[arg(long, value_name = "NAME", requires = "password", conflicts_with = "auth_token")]
    user: Option<String>,
    /// The user's password: `env:NAME` or `file:PATH`, for other users of this machine see arguments
    #[arg(long, value_name = "PLACE", requires = "user")]
    password: Option<String>,
    /// The header `Authorization` for a Pinot job spec without `authToken`: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "PLACE")]
    auth_token: Option<String>,
}

/// What is to be done.
pub(crate) enum Job {
    /// Segments are built, and perhaps pushed.
    Build(Box<Plan>),
    /// Segment files that are there are pushed.
    Push(Box<PushWishes>),
}

impl JobArgs {
    /// The job's text.
    pub(crate) fn text(&self) -> Result<String> {
        std::fs::read_to_string(&self.job).map_err(|error| Error::io(error, "cannot read the job file", &self.job))
    }

    /// Reads the job and says on stderr what a person should know about it.
    pub(crate) fn load(&self) -> Result<Job> {
        let controller = self.controller.as_deref().map(Address::parse).transpose()?;
        if !pinot_spec::is_job_spec(&self.text()?) {
            self.no_spec()?;
            let plan = Plan::from_file(&self.job)?;
            let plan = match controller {
                Some(controller) => plan.with_controller(controller)?,
                None => plan,
            };
            return Ok(Job::Build(Box::new(plan)));
        }
        let Loaded { plan, push, notes, .. } = self.load_spec(Runs::Here)?;
        notes.iter().for_each(|note| eprintln!("note: {note}"));
        match (plan, push) {
            (Some(plan), _) => Ok(Job::Build(Box::new(plan))),
            (None, Some(push)) => Ok(Job::Push(Box::new(push))),
            (None, None) => Err(Error::unexpected("a job that neither builds nor pushes")),
        }
    }

    /// Refuses what has a meaning for Pinot's job specs alone.
    pub(crate) fn no_spec(&self) -> Result<()> {
        if !self.values.is_empty() || self.property_file.is_some() {
            return Err(Error::invalid_config("only Pinot's job specs take `--values` and `--property-file`")
                .with("file", self.job.display())
                .action("use `${env:NAME}` and `${file:PATH}` in the job file"));
        }
        if self.user.is_some() || self.auth_token.is_some() {
            return Err(Error::invalid_config("only Pinot's job specs take `--user` and `--auth-token`")
                .with("file", self.job.display())
                .action("write `sink.connection.auth` in the job file, with `${env:NAME}` or `${file:PATH}`"));
        }
        Ok(())
    }

    /// Reads one of Pinot's job specs.
    pub(crate) fn load_spec(&self, runs: Runs) -> Result<Loaded> {
        let controller = self.controller.as_deref().map(Address::parse).transpose()?;
        let environment = |name: &str| std::env::var(name).ok();
        let file = self.property_file.as_deref();
        let values = TemplateValues::collect(&self.values, file, &environment, chrono::Utc::now())?;
        let working =
            std::env::current_dir().map_err(|error| Error::io(error, "cannot find the working directory", "."))?;
        let given = Given { controller, auth: self.auth()?, runs };
        let outside = Outside {
            document: &|url: &str, connection: &_| pinotage_engine::document(connection, url),
            list: &pinotage_engine::list_objects,
        };
        pinot_spec::load(&self.job, &working, &values, given, outside)
    }

    /// The controller that was given in place of the job's own.
    pub(crate) fn controller(&self) -> Option<&str> {
        self.controller.as_deref()
    }

    fn auth(&self) -> Result<Auth> {
        Ok(match (&self.auth_token, &self.user, &self.password) {
            (Some(place), ..) => Auth::Header { name: "Authorization".into(), value: secret("--auth-token", place)? },
            (None, Some(user), Some(place)) => {
                Auth::Basic { user: user.clone(), password: secret("--password", place)? }
            }
            _ => Auth::None,
        })
    }
}

/// The secret in an environment variable or a file.
fn secret(option: &'static str, place: &str) -> Result<Secret> {
    let text = match place.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| {
            Error::not_found(format!("the environment variable `{name}` is not set")).with("option", option)
        })?,
        Some(("file", path)) => std::fs::read_to_string(path)
            .map_err(|error| Error::io(error, "cannot read the secret", path).with("option", option))?,
        // What stands there may be the secret itself.
        _ => {
            return Err(Error::invalid_config("expected the place of a secret")
                .with("option", option)
                .action("write `env:NAME` or `file:PATH`: everybody on this machine sees the arguments of a command"));
        }
    };
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}
