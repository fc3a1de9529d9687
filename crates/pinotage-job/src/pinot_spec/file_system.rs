//! `pinotFSSpecs`: how stores are reached.

use pinotage_common::{Error, Result, Secret};
use pinotage_store::{AzureOptions, GcsOptions, Location, S3Options, Scheme, StoreOptions};

use super::notes::Notes;
use super::spec::PinotFsSpec;
use crate::nearest::nearest;

/// Pinot's own file systems.
const CLASSES: [&str; 6] = [
    "org.apache.pinot.spi.filesystem.LocalPinotFS",
    "org.apache.pinot.plugin.filesystem.S3PinotFS",
    "org.apache.pinot.plugin.filesystem.GcsPinotFS",
    "org.apache.pinot.plugin.filesystem.ADLSGen2PinotFS",
    "org.apache.pinot.plugin.filesystem.AzurePinotFS",
    "org.apache.pinot.plugin.filesystem.HadoopPinotFS",
];

/// Keys that say nothing about which objects are there: how Pinot's own client goes about it.
const NO_EFFECT: [&str; 9] = [
    "disableAcl",
    "minObjectSizeForMultiPartUpload",
    "multiPartUploadPartSize",
    "asyncSessionUpdateEnabled",
    "sessionDurationSeconds",
    "roleSessionName",
    "enableChecksum",
    "projectId",
    "hadoop.conf.path",
];

/// Keys that would change what is read or written, and what to do instead.
const REFUSED: [(&[&str], &str); 4] = [
    (
        &["serverSideEncryption", "ssekmsKeyId", "ssekmsEncryptionContext", "kmsCmkId", "aesHexSecret"],
        "remove it, and give the bucket that encryption as its default",
    ),
    (
        &["iamRoleBasedAccessEnabled", "roleArn", "externalId"],
        "remove it, and put the role's temporary keys into the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
         AWS_SESSION_TOKEN",
    ),
    (
        &["clientId", "clientSecret", "tenantId", "managedIdentityClientId", "authorityHost"],
        "remove it, and set AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID in the environment",
    ),
    (
        &["proxyHost", "proxyPort", "proxyUsername", "proxyPassword"],
        "remove it, and set HTTPS_PROXY in the environment",
    ),
];

/// One configured key, and what is left of the others.
struct Configs<'a> {
    scheme: &'a str,
    entries: Vec<(&'a str, &'a Secret)>,
}

impl<'a> Configs<'a> {
    fn new(spec: &'a PinotFsSpec) -> Self {
        let entries = spec.configs.iter().flatten();
        let entries = entries.filter_map(|(key, value)| Some((key.as_str(), value.as_ref()?)));
        Self {
            scheme: spec.scheme.as_deref().unwrap_or_default(),
            entries: entries.filter(|(_, value)| !value.expose().trim().is_empty()).collect(),
        }
    }

    fn option(&self, key: &str) -> String {
        format!("pinotFSSpecs[{}].configs.{key}", self.scheme)
    }

    /// The value of a key, which is then done with.
    fn secret(&mut self, key: &str) -> Option<Secret> {
        let at = self.entries.iter().position(|(known, _)| *known == key)?;
        Some(self.entries.swap_remove(at).1.clone())
    }

    fn text(&mut self, key: &str) -> Option<String> {
        Some(self.secret(key)?.expose().trim().to_owned())
    }

    /// The keys that are left have no effect or are refused; `known` are those of the class.
    fn finish(self, known: &[&str], notes: &mut Notes) -> Result<()> {
        for (key, value) in &self.entries {
            let off = value.expose().trim().eq_ignore_ascii_case("false");
            if NO_EFFECT.contains(key) || key.starts_with("httpclient.") || off {
                notes.no_effect(&self.option(key), "it is about Pinot's own client");
                continue;
            }
            let refused = REFUSED.iter().find(|(keys, _)| keys.contains(key)).map(|(_, advice)| (*advice).to_owned());
            let advice = refused.unwrap_or_else(|| match nearest(key, known.iter().copied()) {
                Some(nearest) => format!("write `{nearest}` if that is meant, or remove the key"),
                None => "remove the key".into(),
            });
            return Err(Error::unsupported(format!("`{key}` is not honoured here"))
                .with("option", self.option(key))
                .action(advice));
        }
        Ok(())
    }
}

/// The options of all stores; file systems that are known by name are accepted, and files are read by the scheme of their URI.
pub(super) fn options(specs: &[PinotFsSpec], uris: &[Option<&str>], notes: &mut Notes) -> Result<StoreOptions> {
    let mut options = StoreOptions::default();
    for spec in specs {
        let mut configs = Configs::new(spec);
        let class = spec.class_name.as_deref().unwrap_or_default();
        match class.rsplit('.').next() {
            _ if !CLASSES.contains(&class) => {
                let nearest = nearest(class, CLASSES).unwrap_or_default();
                return Err(Error::unsupported(format!("`{class}` is no file system that is known here"))
                    .with("option", format!("pinotFSSpecs[{}].className", configs.scheme))
                    .action(format!("write `{nearest}`, or copy the files to a disk of this machine")));
            }
            Some("S3PinotFS") => once(&mut options.s3, s3(&mut configs), &configs)?,
            Some("GcsPinotFS") => once(&mut options.gcs, gcs(&mut configs), &configs)?,
            Some("ADLSGen2PinotFS" | "AzurePinotFS") => {
                let azure = azure(&mut configs, uris)?;
                once(&mut options.azure, azure, &configs)?;
            }
            _ => {
                if !configs.entries.is_empty() && configs.scheme == "file" {
                    notes.no_effect("pinotFSSpecs[file].configs", "files of this machine need none");
                }
                continue;
            }
        }
        let known: &[&str] = match class.rsplit('.').next() {
            Some("S3PinotFS") => &["region", "endpoint", "accessKey", "secretKey"],
            Some("GcsPinotFS") => &["gcpKey"],
            _ => &["accountName", "accessKey", "sasToken", "authenticationType"],
        };
        configs.finish(known, notes)?;
    }
    // Before a network is touched, what is half given is said.
    pinotage_store::Store::new(options.clone()).map_err(|error| error.with("within", "pinotFSSpecs"))?;
    Ok(options)
}

/// Schemes of one store, such as `s3` and `s3a`, are reached in one way.
fn once<T: Default + PartialEq>(known: &mut T, found: T, configs: &Configs<'_>) -> Result<()> {
    if *known != T::default() && *known != found {
        return Err(Error::unsupported("two file systems of one kind with different configs")
            .with("option", format!("pinotFSSpecs[{}].configs", configs.scheme))
            .action("give both the same configs, or split the job"));
    }
    *known = found;
    Ok(())
}

fn s3(configs: &mut Configs<'_>) -> S3Options {
    S3Options {
        region: configs.text("region"),
        endpoint: configs.text("endpoint"),
        access_key: configs.secret("accessKey"),
        secret_key: configs.secret("secretKey"),
        ..S3Options::default()
    }
}

fn gcs(configs: &mut Configs<'_>) -> GcsOptions {
    GcsOptions { service_account_file: configs.text("gcpKey"), ..GcsOptions::default() }
}

fn azure(configs: &mut Configs<'_>, uris: &[Option<&str>]) -> Result<AzureOptions> {
    let by = configs.text("authenticationType").map(|by| by.to_ascii_uppercase());
    // Pinot takes the container from here, whatever the URI says.
    if let Some(container) = configs.text("fileSystemName") {
        let places = uris.iter().flatten().filter_map(|uri| Location::parse(uri).ok());
        let is_azure = |at: &Location| {
            use Scheme::{Abfs, Abfss, Az, Wasb, Wasbs};
            matches!(at.scheme(), Abfs | Abfss | Az | Wasb | Wasbs)
        };
        if let Some(at) = places.filter(is_azure).find(|at| at.bucket() != container) {
            return Err(Error::invalid_config(format!(
                "the container is `{container}` here and another one in the URI"
            ))
            .with("option", configs.option("fileSystemName"))
            .with("uri", at)
            .action("name the same container in both: Pinot would take the one of `fileSystemName`"));
        }
    }
    let anonymous = match by.as_deref() {
        None | Some("ACCESS_KEY" | "SAS_TOKEN" | "DEFAULT") => false,
        Some("ANONYMOUS_ACCESS") => true,
        Some(other) => {
            return Err(Error::unsupported(format!("`{other}` is not honoured here"))
                .with("option", configs.option("authenticationType"))
                .action(
                    "remove it with its keys and set AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID in the environment",
                ));
        }
    };
    Ok(AzureOptions {
        account: configs.text("accountName"),
        access_key: configs.secret("accessKey"),
        sas: configs.secret("sasToken"),
        anonymous,
        ..AzureOptions::default()
    })
}
