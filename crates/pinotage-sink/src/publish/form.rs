//! What the controller gets of a segment, and which options belong together.

use std::fmt;

use pinotage_common::{Error, Result};
use pinotage_store::{Location, Scheme, Store, StoreOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PushOptions;

/// What the controller gets of a segment.
///
/// # Pinot equivalent
///
/// The job types `SegmentTarPush`, `SegmentUriPush`, `SegmentMetadataPush`, and the last with `batchSegmentUpload`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// The archive itself.
    #[default]
    Tar,
    /// The URI of the archive, which it copies into its own deep store.
    Uri,
    /// The URI of the archive and the segment's metadata: the controller moves no data, servers fetch the archive.
    Metadata,
    /// As `metadata`, new segments in one request: all of them come or none. Pinot 1.3 and later; older ones get `metadata`.
    /// The cluster does not remember the inputs of the segments.
    MetadataBatch,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tar => "tar",
            Self::Uri => "uri",
            Self::Metadata => "metadata",
            Self::MetadataBatch => "metadataBatch",
        })
    }
}

impl PushOptions {
    /// Whether the options belong together. Nothing is sent.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a form without the options that it needs, with options that it has no use for, or with URIs that
    /// it cannot have; `unsupported` for a scheme that cannot be written.
    pub fn check(&self) -> Result<()> {
        let form = self.form;
        let unused = [
            ("sink.push.deepStore", form == Form::Tar && self.deep_store.is_some()),
            ("sink.push.downloadUri", form == Form::Tar && self.download_uri.is_some()),
            ("sink.push.store", form == Form::Tar && self.store != StoreOptions::default()),
            ("sink.push.copyToDeepStore", matches!(form, Form::Tar | Form::Uri) && self.copy_to_deep_store),
        ];
        if let Some((option, _)) = unused.iter().find(|(_, is_unused)| *is_unused) {
            let reason = "the controller always puts archives into its own deep store";
            return Err(Error::invalid_config(format!("with form `{form}` {reason}"))
                .with("option", option)
                .action("remove the option, or set `sink.push.form` (`--form`) to `metadata`"));
        }
        if form == Form::Tar {
            return Ok(());
        }
        let folder = self.folder()?.ok_or_else(|| self.without_folder())?;
        check_uri(form, &self.download_folder(&folder)?)?;
        Store::new(self.store.clone()).map(drop).map_err(|error| error.with("within", "sink.push.store"))
    }

    pub(super) fn without_folder(&self) -> Error {
        Error::invalid_config(format!("form `{}` needs a place for archives that the cluster can read", self.form))
            .with("option", "sink.push.deepStore")
            .action("set it (`--deep-store`) to a folder such as `s3://bucket/segments`, or push with form `tar`")
    }

    /// The folder for the archives, checked.
    pub(super) fn folder(&self) -> Result<Option<Location>> {
        let Some(text) = &self.deep_store else { return Ok(None) };
        let option = |error: Error| error.with("option", "sink.push.deepStore");
        let is_relative = !text.starts_with('/') && !text.contains(":/");
        if is_relative {
            return Err(option(
                Error::invalid_config(format!("`{text}` is relative, and the cluster would look elsewhere"))
                    .action("write a URI such as `s3://bucket/segments` or `file:///shared/segments`"),
            ));
        }
        let folder = Location::parse(text).map_err(option)?;
        if matches!(folder.scheme(), Scheme::Http | Scheme::Https) {
            return Err(option(
                Error::unsupported("web servers are only read")
                    .with("uri", &folder)
                    .action("name the folder or bucket behind the server, and the server in `sink.push.downloadUri`"),
            ));
        }
        Ok(Some(folder))
    }

    /// The URI of the folder in the eyes of the cluster, without a slash at its end.
    pub(super) fn download_folder(&self, folder: &Location) -> Result<String> {
        let Some(uri) = &self.download_uri else { return Ok(pinot_uri(folder).trim_end_matches('/').to_owned()) };
        let is_scheme = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
        };
        let plain = uri.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>\\^`{|}".contains(c));
        if !plain || !uri.split_once(":/").is_some_and(|(scheme, _)| is_scheme(scheme)) {
            return Err(Error::invalid_config("expected the URI of a folder, percent-encoded, without `?` and `#`")
                .with("option", "sink.push.downloadUri")
                .action("write it as servers have to read it, such as `hdfs://namenode/segments`"));
        }
        Ok(uri.trim_end_matches('/').to_owned())
    }
}

/// A location as Pinot reads it: its local file system takes a plus for a blank.
pub(super) fn pinot_uri(location: &Location) -> String {
    location.to_uri().replace('+', "%2B")
}

/// Refuses what controllers refuse.
pub(super) fn check_uri(form: Form, uri: &str) -> Result<()> {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    if form == Form::Uri && scheme.eq_ignore_ascii_case("file") {
        return Err(Error::invalid_config("controllers fetch no `file:` URIs")
            .with("uri", uri)
            .action("push with form `metadata` or `tar`, or name a server of the folder in `sink.push.downloadUri`"));
    }
    Ok(())
}
