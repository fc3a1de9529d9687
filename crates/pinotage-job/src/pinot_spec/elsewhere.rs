//! A job spec for another engine than ours.

use std::path::Path;

use pinotage_client::{Auth, Connection};
use pinotage_common::{Error, Result, Secret};
use pinotage_sink::publish::Form;
use pinotage_store::{Location, StoreOptions};
use serde_json::{Value as Json, json};

use super::spec::SegmentGenerationJobSpec;
use super::translate::Loaded;
use super::uri::Place;
use crate::file::SegmentLimits;
use crate::{ErrorBudget, Plan};

/// Pinot's key for where its jobs on Spark and Hadoop keep what is under way.
const STAGING_DIR: &str = "stagingDir";

/// The same of ours, in `outputDirURI`.
const STAGING: &str = ".pinotage-staging";

/// A job spec as other engines run it: rows of all inputs together, in segments of the sink's own names.
#[derive(Debug, Clone)]
pub struct ForEngine {
    /// The job.
    pub plan: Plan,
    /// What a job file of ours would say of its sink, with secrets.
    pub document: Json,
    /// What a person should know before the job runs.
    pub notes: Vec<String>,
}

impl Loaded {
    /// The same job for another engine; it has to be loaded for one ([`Runs::Elsewhere`](super::Runs)). What it has brought before goes when it runs again, as segments of the same names would.
    ///
    /// # Errors
    ///
    /// `unsupported` for job types that push nothing or build nothing, and for several controllers.
    pub fn for_engine(self) -> Result<ForEngine> {
        let refused = |option: &'static str, why: &str, action: &str| {
            Err(Error::unsupported(why).with("option", option).action(action))
        };
        let (Some(mut plan), Some(push)) = (self.plan, &self.push) else {
            return refused(
                "jobType",
                "another engine builds segments and brings them into a cluster, both",
                "set it to `SegmentCreationAndTarPush`, or leave `--engine` out",
            );
        };
        let [connection] = push.connections.as_slice() else {
            return refused(
                "pinotClusterSpecs",
                "another engine pushes to one cluster",
                "name one controller, or leave `--engine` out",
            );
        };
        let mut notes = self.notes;
        notes.push("segments have names and sizes of their own: `segmentNameGeneratorSpec` has no effect".to_owned());
        notes.push("run again, the job replaces what it has brought before".to_owned());
        if push.form != Form::Tar {
            notes.push("the controller gets archives: the form of push of `jobType` has no effect".to_owned());
        }
        let file = &mut plan.file;
        file.sink.output = None;
        file.sink.archive = None;
        file.sink.segment_name = None;
        file.sink.segment = SegmentLimits::default();
        file.staging = self.staging.map(|staging| staging.to_uri());
        let mut limits = json!({});
        if file.limits.errors != ErrorBudget::Rows(0) {
            file.quarantine = Some(plan.quarantine.display().to_string());
            limits["errors"] = file.limits.errors.to_string().into();
        }
        let document = json!({
            "sink": {
                "connection": connection_words(connection),
                "push": {"foreign": "replace", "parallelism": push.parallelism},
            },
            "limits": limits,
            "store": store_words(&push.store)?,
        });
        Ok(ForEngine { plan, document, notes })
    }
}

/// Where Pinot's own jobs on clusters would stage, or a folder beside the segments.
pub(super) fn staging(spec: &SegmentGenerationJobSpec, output: &Location, working: &Path) -> Result<Location> {
    let framework = spec.execution_framework_spec.as_ref();
    let given = framework.and_then(|framework| framework.extra_configs.as_ref()?.get(STAGING_DIR)?.as_deref());
    match given.filter(|given| !given.is_empty()) {
        Some(given) => Place::files("executionFrameworkSpec.extraConfigs.stagingDir", given, working),
        None => output.join(STAGING),
    }
}

/// How a cluster is reached, as far as a job spec says it.
fn connection_words(connection: &Connection) -> Json {
    let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let auth = match &connection.auth {
        Auth::Basic { user, password } => json!({"kind": "basic", "user": user, "password": password.expose()}),
        Auth::Header { name, value } => json!({"kind": "header", "name": name, "value": value.expose()}),
        Auth::Bearer { token } => json!({"kind": "bearer", "token": token.expose()}),
        // No job spec says it.
        Auth::None | Auth::TokenFile { .. } => Json::Null,
    };
    let tls = &connection.tls;
    let (timeouts, retries) = (&connection.timeouts, &connection.retries);
    json!({
        "controller": connection.controller.to_string(),
        "auth": auth,
        "tls": {
            "trustStore": tls.trust_store.as_ref().map(|it| json!({"path": it.path, "password": secret(&it.password)})),
            "keyStore": tls.key_store.as_ref().map(|it| json!({"path": it.path, "password": secret(&it.password)})),
        },
        "timeouts": {
            "connect": timeouts.connect.to_string(),
            "request": timeouts.request.to_string(),
            "transfer": timeouts.transfer.to_string(),
        },
        "retries": {
            "attempts": retries.attempts,
            "pause": retries.pause.to_string(),
            "maxPause": retries.max_pause.to_string(),
            "giveUpAfter": retries.give_up_after.to_string(),
        },
    })
}

/// How stores are reached; nothing where that is as always.
fn store_words(store: &StoreOptions) -> Result<Json> {
    if *store == StoreOptions::default() {
        return Ok(Json::Null);
    }
    let mut words = serde_json::to_value(store)
        .map_err(|error| Error::unexpected("cannot write the options of a store").caused_by(error))?;
    // Secrets do not show themselves.
    for (place, secret) in [
        ("/s3/accessKey", &store.s3.access_key),
        ("/s3/secretKey", &store.s3.secret_key),
        ("/s3/sessionToken", &store.s3.session_token),
        ("/azure/accessKey", &store.azure.access_key),
        ("/azure/sas", &store.azure.sas),
        ("/http/token", &store.http.token),
    ] {
        if let (Some(word), Some(secret)) = (words.pointer_mut(place), secret) {
            *word = secret.expose().into();
        }
    }
    Ok(words)
}
