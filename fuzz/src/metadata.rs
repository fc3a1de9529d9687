//! `metadata.properties` alone.

use pinotage_segment::metadata::SegmentMetadata;

use crate::segment::golden;

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    golden().into_iter().map(|files| files.parts.into_iter().next().unwrap_or_default()).collect()
}

pub(crate) fn run(input: &[u8]) {
    let _ = SegmentMetadata::parse(input);
}
