//! Uploads, in Pinot's four forms.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use pinotage_common::{Error, ErrorKind, Result};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};
use serde_json::json;

use super::{Controller, metadata_archive};
use crate::http::{Answer, Call, Content, Wait};
use crate::names::TableType;

const UPLOAD_TYPE: HeaderName = HeaderName::from_static("upload_type");
const DOWNLOAD_URI: HeaderName = HeaderName::from_static("download_uri");
const COPY_SEGMENT_TO_DEEP_STORE: HeaderName = HeaderName::from_static("copy_segment_to_deep_store");
const REFRESH_ONLY: HeaderName = HeaderName::from_static("refresh_only");
const CRYPTER: HeaderName = HeaderName::from_static("crypter");
const CUSTOM_MAP: HeaderName = HeaderName::from_static("pinot-segmentzkmetadatacustommapmodifier");

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// How a segment is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The table, without its type.
    pub table: String,
    /// Its half.
    pub table_type: TableType,
    /// A segment of that name may be replaced. Default: yes, as in Pinot.
    pub allow_refresh: bool,
    /// There must be a segment of that name to be replaced.
    pub refresh_only: bool,
    /// The CRC that the segment to be replaced must have.
    pub if_match: Option<u64>,
    /// Only one upload of a segment at a time; others wait and try again.
    pub parallel_push_protection: bool,
    /// What to remember with the segment.
    pub custom_map: Option<CustomMap>,
    /// The simple name of the class that encrypted the archive.
    pub crypter: Option<String>,
}

/// What becomes of the custom map of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomMap {
    /// It becomes this one.
    Replace(BTreeMap<String, String>),
    /// These keys are set; all others stay.
    Update(BTreeMap<String, String>),
}

/// A segment of which only the metadata is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataOnly {
    /// Its name.
    pub name: String,
    /// Its file `metadata.properties`.
    pub metadata_properties: Bytes,
    /// Its file `creation.meta`.
    pub creation_meta: Bytes,
    /// Where its archive is.
    pub download_uri: String,
}

/// What becomes of an archive of which only the metadata is uploaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyToDeepStore {
    /// It stays where it is, and servers fetch it from there.
    #[default]
    No,
    /// The controller copies it to its own layout; the scheme must be that of the deep store.
    Yes,
}

impl CopyToDeepStore {
    fn value(self) -> HeaderValue {
        HeaderValue::from_static(if self == Self::Yes { "true" } else { "false" })
    }
}

impl Upload {
    /// Everything else as it is by default.
    pub fn new(table: impl Into<String>, table_type: TableType) -> Self {
        Self {
            table: table.into(),
            table_type,
            allow_refresh: true,
            refresh_only: false,
            if_match: None,
            parallel_push_protection: false,
            custom_map: None,
            crypter: None,
        }
    }
}

impl Controller {
    /// Uploads a segment's archive: `POST /v2/segments` of type `SEGMENT`. The file is read in pieces, again for each
    /// attempt.
    ///
    /// The name of the segment is the one in its metadata; `name` is only for logs of the controller.
    ///
    /// # Errors
    ///
    /// `already-exists` without `allow_refresh`: when the error has `attempts`, perhaps by an earlier one of them, which
    /// the CRC tells; `commit-conflict` when the CRC is not that of `if_match`, or somebody else's upload of it does not
    /// end; `not-found` with `refresh_only`; `resource-exhausted` when the table's quota is used up; `invalid-data` when
    /// the controller does not accept the segment's times; `invalid-config` when it does not accept something else.
    pub async fn upload_segment(&self, upload: &Upload, name: &str, archive: &Path) -> Result<()> {
        let call = self.upload("upload the segment", &["v2", "segments"], upload, "SEGMENT")?;
        uploaded(self.http.exchange(&call.part(name, Content::File(archive.to_owned()))).await?)
    }

    /// Lets the controller fetch a segment's archive: `POST /v2/segments` of type `URI`. It copies the archive to the deep
    /// store.
    ///
    /// # Errors
    ///
    /// Those of [`Controller::upload_segment`]; `file:` URIs are `invalid-config`.
    pub async fn upload_uri(&self, upload: &Upload, uri: &str) -> Result<()> {
        let call = self
            .upload("upload the segment from a URI", &["v2", "segments"], upload, "URI")?
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(DOWNLOAD_URI, value("URI", uri)?);
        uploaded(self.http.exchange(&call).await?)
    }

    /// Uploads a segment's metadata; servers fetch its archive from where it is: `POST /v2/segments` of type `METADATA`.
    /// Nobody checks that the archive is there, except for a copy.
    ///
    /// # Errors
    ///
    /// Those of [`Controller::upload_segment`].
    pub async fn upload_metadata(&self, upload: &Upload, segment: &MetadataOnly, copy: CopyToDeepStore) -> Result<()> {
        let call = self
            .upload("upload the segment's metadata", &["v2", "segments"], upload, "METADATA")?
            .header(DOWNLOAD_URI, value("URI", &segment.download_uri)?)
            .header(COPY_SEGMENT_TO_DEEP_STORE, copy.value())
            .part(&segment.name, Content::Bytes(metadata_archive::one(segment)?));
        uploaded(self.http.exchange(&call).await?)
    }

    /// Uploads the metadata of many segments in one request, of which new ones appear all or none:
    /// `POST /segments/batchUpload`. Pinot 1.3 and later; older ones answer `not-found` or `unsupported`.
    ///
    /// # Errors
    ///
    /// Those of [`Controller::upload_segment`]. Segments that were to be replaced may have been, one by one.
    pub async fn upload_metadata_batch(
        &self,
        upload: &Upload,
        segments: &[MetadataOnly],
        copy: CopyToDeepStore,
    ) -> Result<()> {
        let call = self
            .upload("upload the metadata of many segments", &["segments", "batchUpload"], upload, "METADATA")?
            .header(COPY_SEGMENT_TO_DEEP_STORE, copy.value())
            .part("segments", Content::Bytes(metadata_archive::many(segments)?));
        uploaded(self.http.exchange(&call).await?)
    }

    fn upload(&self, what: &'static str, path: &[&str], upload: &Upload, kind: &'static str) -> Result<Call> {
        let flag = |value: bool| if value { "true" } else { "false" };
        // Uploads are the one call in which Pinot does not apply the header to this name.
        let table = self.http.qualified(&upload.table);
        let query = [
            ("tableName", table.as_str()),
            ("tableType", upload.table_type.name()),
            ("enableParallelPushProtection", flag(upload.parallel_push_protection)),
            ("allowRefresh", flag(upload.allow_refresh)),
        ];
        let mut call = self
            .call(what, Method::POST, path, &query)?
            // The same bytes under the same name change nothing the second time.
            .safe_to_repeat()
            .wait(Wait::Transfer)
            .header(UPLOAD_TYPE, HeaderValue::from_static(kind));
        if upload.refresh_only {
            call = call.header(REFRESH_ONLY, TRUE);
        }
        if let Some(crc) = upload.if_match {
            call = call.header(IF_MATCH, crc.into());
        }
        if let Some(crypter) = &upload.crypter {
            call = call.header(CRYPTER, value("crypter", crypter)?);
        }
        if let Some(map) = &upload.custom_map {
            let (mode, map) = match map {
                CustomMap::Replace(map) => ("REPLACE", map),
                CustomMap::Update(map) => ("UPDATE", map),
            };
            let modifier = ascii(&json!({"mapModifyMode": mode, "map": map}).to_string());
            call = call.header(CUSTOM_MAP, value("custom map", &modifier)?);
        }
        Ok(call)
    }
}

/// What an upload's answer means.
fn uploaded(answer: Answer) -> Result<()> {
    let words = answer.words();
    let (kind, reason, advice) = match answer.status().as_u16() {
        // Not 404, as everywhere else.
        400 if words.contains("Failed to find table") => {
            (ErrorKind::NotFound, "there is no such table", "correct its name and type, or create it")
        }
        409 if answer.is_busy() => (
            ErrorKind::CommitConflict,
            "another upload of this segment is under way",
            "wait for the other upload; when it has died, the controller forgets it after its upload time-out",
        ),
        409 if words.contains("Refresh not permitted") => (
            ErrorKind::AlreadyExists,
            "there is a segment of this name",
            "give the segment another name, or allow to replace it",
        ),
        410 => (ErrorKind::NotFound, "there is no segment of this name to be replaced", "upload it as a new one"),
        412 => (
            ErrorKind::CommitConflict,
            "the segment of this name is not the one that was to be replaced",
            "find out who else replaces segments of this table, then run the job again",
        ),
        403 if words.to_ascii_lowercase().contains("quota") => (
            ErrorKind::ResourceExhausted,
            "the table's quota is used up",
            "raise `quota.storage` of the table config, or delete segments",
        ),
        403 if words.contains("start/end time") || words.contains("time interval") => (
            ErrorKind::InvalidData,
            "the controller does not accept the segment's times",
            "correct the values of the time column, or set `ingestionConfig.segmentTimeValueCheck` to false",
        ),
        _ => return answer.done(),
    };
    Err(answer.error(kind, reason, advice))
}

fn value(what: &str, text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|_| Error::invalid_config(format!("the {what} has characters that no header can hold")))
}

/// JSON of ASCII alone: headers hold nothing else.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}
