//! `jobType`

use pinotage_common::{Error, Result};
use pinotage_sink::publish::Form;

use crate::nearest::nearest;

/// Pinot's job types: whether segments are built, and how they are pushed.
const JOB_TYPES: [(&str, bool, Option<Form>); 7] = [
    ("SegmentCreation", true, None),
    ("SegmentTarPush", false, Some(Form::Tar)),
    ("SegmentUriPush", false, Some(Form::Uri)),
    ("SegmentMetadataPush", false, Some(Form::Metadata)),
    ("SegmentCreationAndTarPush", true, Some(Form::Tar)),
    ("SegmentCreationAndUriPush", true, Some(Form::Uri)),
    ("SegmentCreationAndMetadataPush", true, Some(Form::Metadata)),
];

/// Whether segments are built, and how they are pushed.
pub(super) fn parse(text: Option<&str>) -> Result<(bool, Option<Form>)> {
    let text = text.unwrap_or_default();
    let found = JOB_TYPES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(text));
    found.map(|(_, builds, push)| (*builds, *push)).ok_or_else(|| {
        let nearest = nearest(text, JOB_TYPES.iter().map(|(name, ..)| *name)).unwrap_or("SegmentCreation");
        Error::invalid_config(format!("`{text}` is no job type"))
            .with("option", "jobType")
            .action(format!("write `{nearest}`; the job types are {}", JOB_TYPES.map(|(name, ..)| name).join(", ")))
    })
}
