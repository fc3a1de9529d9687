//! The archives in which the metadata of segments travels.

use std::io;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use pinotage_common::{Error, Result};

use super::MetadataOnly;

const METADATA: &str = "metadata.properties";
const CREATION: &str = "creation.meta";
const INDEX: &str = "all_segments_metadata";

/// The two files of one segment, in a folder as 0.11 wants it; later releases take them without one too.
pub(super) fn one(segment: &MetadataOnly) -> Result<Bytes> {
    pack(|archive| {
        let mut folder = tar::Header::new_gnu();
        folder.set_entry_type(tar::EntryType::Directory);
        folder.set_mode(0o755);
        folder.set_size(0);
        archive.append_data(&mut folder, "segment/", io::empty())?;
        add(archive, &format!("segment/{METADATA}"), &segment.metadata_properties)?;
        add(archive, &format!("segment/{CREATION}"), &segment.creation_meta)
    })
}

/// The files of many segments, and a list of their names and URIs.
pub(super) fn many(segments: &[MetadataOnly]) -> Result<Bytes> {
    let mut index = String::new();
    for MetadataOnly { name, download_uri, .. } in segments {
        if name.contains(['\n', '\r', '/']) || download_uri.contains(['\n', '\r']) {
            return Err(Error::invalid_config("expected a segment's name and URI of one line").with("segment", name));
        }
        index.extend([name, "\n", download_uri, "\n"]);
    }
    pack(|archive| {
        add(archive, INDEX, index.as_bytes())?;
        segments.iter().try_for_each(|segment| {
            add(archive, &format!("{}.{METADATA}", segment.name), &segment.metadata_properties)?;
            add(archive, &format!("{}.{CREATION}", segment.name), &segment.creation_meta)
        })
    })
}

type Archive = tar::Builder<GzEncoder<Vec<u8>>>;

fn pack(fill: impl FnOnce(&mut Archive) -> io::Result<()>) -> Result<Bytes> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    fill(&mut archive)
        .and_then(|()| archive.into_inner()?.finish())
        .map(Bytes::from)
        .map_err(|error| Error::unexpected("cannot pack metadata in memory").caused_by(error))
}

fn add(archive: &mut Archive, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, bytes)
}
