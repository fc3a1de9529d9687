//! What travels from a writer to a committer, and from an epoch to the next, as text.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_common::{Error, Result};
use pinotage_connector::{Committable, OpenBuffer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::delta::DeltaFile;

/// The only version so far. What has been written once is read for ever: `testdata` has each version.
const VERSION: u32 = 1;

/// A built segment that waits in staging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StagedSegment {
    /// Its name.
    pub name: String,
    /// Its folder or archive, relative to the folder of the run.
    pub file: String,
    /// Its checksum.
    pub crc: u64,
    /// Its rows.
    pub rows: u64,
    /// The epoch in which it was sealed.
    pub epoch: u64,
    /// The creation time that it says of itself.
    pub creation_millis: i64,
    /// The partitions that occur in it, by column.
    pub partitions: BTreeMap<String, BTreeSet<u32>>,
}

impl StagedSegment {
    pub(super) fn to_committable(&self) -> Result<Committable> {
        Ok(Committable { version: VERSION, rows: self.rows, detail: to_text(self)? })
    }

    /// Reads a committable.
    ///
    /// # Errors
    ///
    /// `unsupported` for one of a later version.
    pub fn of(committable: &Committable) -> Result<Self> {
        match committable.version {
            VERSION => from_text(&committable.detail),
            other => Err(Error::unsupported(format!("a segment was staged by a newer version (form {other})"))
                .action("go on with that version")),
        }
    }
}

/// The files and folders in the folder of a run that open rows and staged segments name: a state that has these needs them.
///
/// # Errors
///
/// `unsupported` when a newer version wrote one of them, which may name more than this version sees.
pub fn staged_files<'a>(
    open: impl IntoIterator<Item = &'a OpenBuffer>,
    committables: impl IntoIterator<Item = &'a Committable>,
) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for open in open {
        files.extend(Kept::of(open)?.files.into_iter().map(|file| file.name));
    }
    for committable in committables {
        files.insert(StagedSegment::of(committable)?.file);
    }
    Ok(files)
}

/// The rows of an open segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    /// The form of this text.
    pub(super) version: u32,
    /// In the order of the rows.
    pub(super) files: Vec<DeltaFile>,
    /// When the first row came, in milliseconds since 1970.
    pub(super) since_millis: i64,
    /// The begin of the window of their time, if they are of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<i64>,
    /// What a segment that is full and not built yet will be.
    pub(super) sealed: Option<SealedAs>,
}

/// What is decided about a segment when it is sealed; built again, it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SealedAs {
    pub(super) name: String,
    /// The epoch under way.
    pub(super) epoch: u64,
    /// The creation time that the segment says of itself.
    pub(super) creation_millis: i64,
}

/// The latest creation time of segments that are not in the target yet. Those of segments that come later have to be behind it.
///
/// # Errors
///
/// `unsupported` for texts of a later version.
pub fn latest_creation<'a>(
    open: impl IntoIterator<Item = &'a OpenBuffer>,
    waiting: impl IntoIterator<Item = &'a Committable>,
) -> Result<Option<i64>> {
    let mut latest = None;
    for open in open {
        latest = latest.max(Kept::of(open)?.sealed.map(|sealed| sealed.creation_millis));
    }
    for committable in waiting {
        latest = latest.max(Some(StagedSegment::of(committable)?.creation_millis));
    }
    Ok(latest)
}

impl Kept {
    pub(super) fn to_open(&self, partition: u32) -> Result<OpenBuffer> {
        let kept = Self { version: VERSION, ..self.clone() };
        let rows = self.files.iter().map(|file| file.rows).sum();
        Ok(OpenBuffer { partition, rows, detail: to_text(&kept)? })
    }

    pub(super) fn of(open: &OpenBuffer) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        match from_text::<Version>(&open.detail)?.version {
            VERSION => from_text(&open.detail),
            other => Err(Error::unsupported(format!("open rows were kept by a newer version (form {other})"))
                .action("go on with that version")),
        }
    }
}

fn to_text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::unexpected("cannot write down what is staged").caused_by(error))
}

fn from_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::invalid_data("what the state says of staged rows makes no sense")
            .caused_by(error)
            .action("bring back the state from a copy")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that states have, of every version there was.
    #[test]
    fn old_texts_are_read() {
        let segment = StagedSegment {
            name: "t_j_0a_3_1_0".into(),
            file: "0a0b0c0d/t_j_0a_3_1_0.tar.gz".into(),
            crc: 4_000_000_000,
            rows: 7,
            epoch: 3,
            creation_millis: 1_700_000_000_000,
            partitions: [("key".to_owned(), BTreeSet::from([1]))].into(),
        };
        let detail = r#"{"name":"t_j_0a_3_1_0","file":"0a0b0c0d/t_j_0a_3_1_0.tar.gz","crc":4000000000,"rows":7,"epoch":3,"creationMillis":1700000000000,"partitions":{"key":[1]}}"#;
        let committable = Committable { version: 1, rows: 7, detail: detail.into() };
        assert_eq!(StagedSegment::of(&committable).unwrap(), segment);
        assert_eq!(segment.to_committable().unwrap(), committable);

        let kept = Kept {
            version: 1,
            files: vec![DeltaFile { name: "1-4-0a0b0c0d-0.arrow".into(), rows: 9, bytes: 512, hash: 77 }],
            since_millis: 1_700_000_000_000,
            window: None,
            sealed: Some(SealedAs { name: "t_j_0a_4_1_0".into(), epoch: 4, creation_millis: 5 }),
        };
        let detail = r#"{"version":1,"files":[{"name":"1-4-0a0b0c0d-0.arrow","rows":9,"bytes":512,"hash":77}],"sinceMillis":1700000000000,"sealed":{"name":"t_j_0a_4_1_0","epoch":4,"creationMillis":5}}"#;
        let open = OpenBuffer { partition: 1, rows: 9, detail: detail.into() };
        assert_eq!(Kept::of(&open).unwrap(), kept);
        let of_day =
            OpenBuffer { detail: detail.replace(r#","sealed""#, r#","window":86400000,"sealed""#), ..open.clone() };
        assert_eq!(Kept::of(&of_day).unwrap().window, Some(86_400_000));
        assert_eq!(Kept::of(&of_day).unwrap().to_open(1).unwrap(), of_day);
        let files = staged_files([&open], [&committable]).unwrap();
        assert_eq!(files.into_iter().collect::<Vec<_>>(), ["0a0b0c0d/t_j_0a_3_1_0.tar.gz", "1-4-0a0b0c0d-0.arrow"]);
        assert_eq!(kept.to_open(1).unwrap(), open);
    }

    #[test]
    fn later_texts_are_refused() {
        let open = OpenBuffer { partition: 0, rows: 0, detail: r#"{"version":2}"#.into() };
        assert_eq!(Kept::of(&open).unwrap_err().kind(), pinotage_common::ErrorKind::Unsupported);
    }
}
