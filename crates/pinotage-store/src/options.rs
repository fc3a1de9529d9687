//! What a job file says about stores.

use pinotage_common::{Error, Result, Secret, TimeSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How object stores are reached. Everything has a default; credentials come from the usual environment variables and
/// from the instance's or pod's own identity unless they stand here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoreOptions {
    /// `s3://`
    pub s3: S3Options,
    /// `gs://`
    pub gcs: GcsOptions,
    /// `abfss://`, `wasbs://`, `az://`
    pub azure: AzureOptions,
    /// `http://`, `https://`
    pub http: HttpOptions,
    /// Until then a connection has to be there.
    pub connect_timeout: TimeSpan,
    /// For one request with its body; a download that takes longer goes on where it was cut.
    pub timeout: TimeSpan,
    /// How often a request is sent again after a failure that may pass, with growing pauses; also how often in a row a
    /// download may be cut without having moved.
    pub retries: usize,
    /// Transfers at a time; an upload holds up to 8 MiB of memory for each (more above 78 GiB a file).
    pub concurrency: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            s3: S3Options::default(),
            gcs: GcsOptions::default(),
            azure: AzureOptions::default(),
            http: HttpOptions::default(),
            connect_timeout: TimeSpan::secs(5),
            timeout: TimeSpan::secs(60),
            retries: 5,
            concurrency: 8,
        }
    }
}

/// Amazon S3 and stores that speak its protocol.
///
/// Credentials that are not given: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, else web identity,
/// ECS, EKS or EC2. Profiles in `~/.aws` are not read.
///
/// Pinot equivalent: the configs of `S3PinotFS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct S3Options {
    /// The bucket's region. Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, else `us-east-1`.
    pub region: Option<String>,
    /// The server's URL, when it is not Amazon's. Default: `AWS_ENDPOINT_URL`. With `http://` data and signatures cross
    /// the network in the clear.
    pub endpoint: Option<String>,
    /// The access key; needs `secretKey`.
    pub access_key: Option<Secret>,
    /// The secret key; needs `accessKey`.
    pub secret_key: Option<Secret>,
    /// The session token of temporary keys.
    pub session_token: Option<Secret>,
    /// Requests are not signed: for public buckets.
    pub anonymous: bool,
    /// The bucket stands in the path of requests (true) or before the host name (false). Default:
    /// `AWS_VIRTUAL_HOSTED_STYLE_REQUEST`, else in the path.
    pub path_style: Option<bool>,
}

/// Google Cloud Storage.
///
/// Credentials that are not given: `GOOGLE_SERVICE_ACCOUNT`, `GOOGLE_APPLICATION_CREDENTIALS`, the file that
/// `gcloud auth application-default login` writes, else the instance's identity.
///
/// Pinot equivalent: the configs of `GcsPinotFS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GcsOptions {
    /// The path of a service account's key file.
    pub service_account_file: Option<String>,
    /// The server's URL, when it is not Google's. With `http://` data and tokens cross the network in the clear.
    pub endpoint: Option<String>,
    /// Requests carry no credentials: to read public buckets.
    pub anonymous: bool,
}

/// Azure Blob Storage and Data Lake Storage.
///
/// Credentials that are not given: `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_STORAGE_SAS_KEY`, `AZURE_CLIENT_ID` with
/// `AZURE_CLIENT_SECRET` and `AZURE_TENANT_ID`, workload identity, else the instance's managed identity.
///
/// Pinot equivalent: the configs of `ADLSGen2PinotFS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AzureOptions {
    /// The storage account, for URIs that name none. Default: `AZURE_STORAGE_ACCOUNT_NAME`.
    pub account: Option<String>,
    /// The account's key; not together with `sas`.
    pub access_key: Option<Secret>,
    /// A shared access signature, as `sv=…&sig=…`.
    pub sas: Option<Secret>,
    /// The server's URL, when it is not the account's own. With `http://` data and signatures cross the network in the
    /// clear.
    pub endpoint: Option<String>,
    /// Requests carry no credentials: for public containers.
    pub anonymous: bool,
}

/// Web servers. Signed URLs need nothing of this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpOptions {
    /// A token for `Authorization: Bearer`; it is sent to every web server of the job.
    pub token: Option<Secret>,
    /// The token may be sent to `http://` URLs, in the clear.
    pub allow_http: bool,
}

impl StoreOptions {
    /// Refuses what cannot work, before a network is touched.
    pub(crate) fn validate(&self) -> Result<()> {
        let wrong = |option: &'static str, message: &str| Err(Error::invalid_config(message).with("option", option));
        for (option, value) in [("connectTimeout", self.connect_timeout), ("timeout", self.timeout)] {
            if !(TimeSpan::millis(1)..=TimeSpan::secs(86_400)).contains(&value) {
                return wrong(option, "expected 1ms to 1d");
            }
        }
        if !(1..=1000).contains(&self.concurrency) {
            return wrong("concurrency", "expected 1 to 1000");
        }
        if self.s3.access_key.is_some() != self.s3.secret_key.is_some() {
            return wrong("s3.accessKey", "expected both or none of `accessKey` and `secretKey`");
        }
        if self.s3.session_token.is_some() && self.s3.access_key.is_none() {
            return wrong("s3.sessionToken", "expected `accessKey` and `secretKey` with the session token");
        }
        if self.azure.access_key.is_some() && self.azure.sas.is_some() {
            return wrong("azure.sas", "expected one of `accessKey` and `sas`");
        }
        for (option, endpoint) in [
            ("s3.endpoint", &self.s3.endpoint),
            ("gcs.endpoint", &self.gcs.endpoint),
            ("azure.endpoint", &self.azure.endpoint),
        ] {
            let Some(endpoint) = endpoint else { continue };
            let url = url::Url::parse(endpoint)
                .map_err(|error| Error::invalid_config("expected a URL").with("option", option).caused_by(error))?;
            if !matches!(url.scheme(), "https" | "http") {
                return wrong(option, "expected an https or http URL");
            }
            if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
                return wrong(option, "expected an endpoint without user, password and query");
            }
        }
        Ok(())
    }

    /// Every secret that stands in the options, to keep it out of messages.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        [
            &self.s3.access_key,
            &self.s3.secret_key,
            &self.s3.session_token,
            &self.azure.access_key,
            &self.azure.sas,
            &self.http.token,
        ]
        .into_iter()
        .flatten()
        .map(Secret::expose)
        .filter(|secret| !secret.is_empty())
    }
}
