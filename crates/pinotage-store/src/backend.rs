//! A client for each bucket, made from a location and the options.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig};
use pinotage_common::{Error, Result, Secret};

use crate::failure::Failures;
use crate::{Location, Scheme, StoreOptions};

/// First and longest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// No request is tried again later than this: its signature would be too old.
const RETRY_TIMEOUT: Duration = Duration::from_secs(180);

/// The client of a location's bucket or server; nothing is sent yet.
pub(crate) fn open(location: &Location, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    let made = match location.scheme {
        Scheme::S3 => s3(location, options),
        Scheme::Gs => gcs(location, options),
        Scheme::Http | Scheme::Https => http(location, options)?,
        _ => azure(location, options),
    };
    made.map_err(|error| Failures::new(options).explain("cannot make a client", location, error))
}

fn s3(location: &Location, options: &StoreOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let s3 = &options.s3;
    let bucket = location.bucket();
    let mut builder = match (&s3.access_key, &s3.secret_key) {
        // A session token of the environment must not be mixed with keys of the job.
        (Some(key), Some(secret)) => {
            let mut builder =
                AmazonS3Builder::new().with_access_key_id(key.expose()).with_secret_access_key(secret.expose());
            if let Some(token) = &s3.session_token {
                builder = builder.with_token(token.expose());
            }
            if let Some(region) = env(&["AWS_REGION", "AWS_DEFAULT_REGION"]) {
                builder = builder.with_region(region);
            }
            if let Some(endpoint) = env(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
                builder = builder.with_endpoint(endpoint);
            }
            builder
        }
        _ => AmazonS3Builder::from_env(),
    };
    builder = builder.with_bucket_name(bucket).with_skip_signature(s3.anonymous).with_retry(retry(options));
    if let Some(region) = &s3.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &s3.endpoint {
        // The library wants the bucket in the endpoint of the other style.
        builder = builder.with_endpoint(match endpoint.split_once("://") {
            Some((scheme, host)) if s3.path_style == Some(false) => format!("{scheme}://{bucket}.{host}"),
            _ => endpoint.clone(),
        });
    }
    if let Some(path_style) = s3.path_style {
        builder = builder.with_virtual_hosted_style_request(!path_style);
    }
    let client = client_options(options, is_http(builder.get_config_value(&AmazonS3ConfigKey::Endpoint)));
    Ok(Arc::new(builder.with_client_options(client).build()?))
}

fn gcs(location: &Location, options: &StoreOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let gcs = &options.gcs;
    let mut builder = match &gcs.service_account_file {
        Some(file) => GoogleCloudStorageBuilder::new().with_service_account_path(file),
        None if gcs.anonymous => GoogleCloudStorageBuilder::new(),
        None => GoogleCloudStorageBuilder::from_env(),
    };
    if let Some(endpoint) = &gcs.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let store = builder
        .with_bucket_name(location.bucket())
        .with_skip_signature(gcs.anonymous)
        .with_client_options(client_options(options, is_http(gcs.endpoint.clone())))
        .with_retry(retry(options))
        .build()?;
    Ok(Arc::new(store))
}

fn azure(location: &Location, options: &StoreOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let azure = &options.azure;
    let mut builder = match (&azure.access_key, &azure.sas) {
        (Some(key), _) => MicrosoftAzureBuilder::new().with_access_key(key.expose()),
        (_, Some(sas)) => {
            MicrosoftAzureBuilder::new().with_config(AzureConfigKey::SasKey, sas.expose().trim_start_matches('?'))
        }
        _ => MicrosoftAzureBuilder::from_env(),
    };
    if let Some(account) = &azure.account {
        builder = builder.with_account(account);
    }
    if let Some((account, rest)) = location.account_host().and_then(|host| host.split_once('.')) {
        // Every account answers the blob protocol under `blob`, whatever the URI says.
        let suffix = rest.split_once('.').map_or(rest, |(_, suffix)| suffix);
        builder = builder.with_account(account).with_endpoint(format!("https://{account}.blob.{suffix}"));
    }
    if let Some(endpoint) = &azure.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    let client = client_options(options, is_http(builder.get_config_value(&AzureConfigKey::Endpoint)));
    let store = builder
        .with_container_name(location.bucket())
        .with_skip_signature(azure.anonymous)
        .with_client_options(client)
        .with_retry(retry(options))
        .build()?;
    Ok(Arc::new(store))
}

fn http(location: &Location, options: &StoreOptions) -> Result<object_store::Result<Arc<dyn ObjectStore>>> {
    // Whoever writes `http://` asks for HTTP, but not for a token in the clear.
    if location.scheme == Scheme::Http && options.http.token.is_some() && !options.http.allow_http {
        return Err(Error::invalid_config("expected https for a request with a token, found http")
            .with("uri", location)
            .action("use https, or set `http.allowHttp: true` when the network is your own"));
    }
    let mut client = client_options(options, true);
    if let Some(token) = &options.http.token {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", bearer(token)?);
        client = client.with_default_headers(headers);
    }
    let builder = HttpBuilder::new().with_url(location.server()).with_client_options(client);
    Ok(builder.with_retry(retry(options)).build().map(|store| Arc::new(store) as _))
}

fn client_options(options: &StoreOptions, allow_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(options.connect_timeout.duration())
        .with_timeout(options.timeout.duration())
}

fn retry(options: &StoreOptions) -> RetryConfig {
    RetryConfig {
        max_retries: options.retries,
        retry_timeout: RETRY_TIMEOUT,
        backoff: BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: MAX_PAUSE, base: 2.0 },
    }
}

/// The pause after so many failures in a row.
pub(crate) fn pause(failures: usize) -> Duration {
    let doubled = u32::try_from(failures).ok().and_then(|failures| 2_u32.checked_pow(failures.saturating_sub(1)));
    FIRST_PAUSE.saturating_mul(doubled.unwrap_or(u32::MAX)).min(MAX_PAUSE)
}

/// Whoever writes `http://` asks for it.
fn is_http(endpoint: Option<String>) -> bool {
    endpoint.is_some_and(|endpoint| endpoint.to_ascii_lowercase().starts_with("http://"))
}

/// The first of the environment variables that is set.
fn env(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok())
}

fn bearer(token: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| Error::invalid_config("expected a token in ASCII").with("option", "http.token"))?;
    value.set_sensitive(true);
    Ok(value)
}
