//! Plans that are out of date: why something cannot be read that could be when the plan was made.

use pinotage_common::{Error, ErrorKind};

use crate::plan::HalfPlan;
use crate::scanner::Inner;
use crate::view::HalfView;

/// How many segments an error names.
const SHOWN: usize = 5;

/// The error of reading segments of a plan: `commit-conflict` when some of them do not count any more, or have other rows.
pub(crate) async fn explained(
    inner: &Inner,
    plan: &HalfPlan,
    segments: impl Iterator<Item = &str>,
    error: Error,
) -> Error {
    let may_be = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unavailable | ErrorKind::CorruptSegment);
    if !may_be {
        return error;
    }
    // Who cannot be asked does not know better.
    let Ok(now) = HalfView::take(inner.controller(), inner.table.name(), plan.table_type).await else { return error };
    let holds = |name: &str| {
        let found = now.segments.iter().find(|segment| segment.name() == name);
        let expected = plan.lasting.get(name);
        found.is_some_and(|found| expected.is_none_or(|crc| found.metadata.crc.as_ref().is_none_or(|now| now == crc)))
    };
    let gone: Vec<&str> = segments.filter(|name| !holds(name)).collect();
    if gone.is_empty() {
        return error;
    }
    let more = if gone.len() > SHOWN { ", …" } else { "" };
    Error::new(
        ErrorKind::CommitConflict,
        format!("{} segments were deleted or replaced after the plan was made", gone.len()),
    )
    .with("table", plan.table_type.of(inner.table.name()))
    .with("segments", format_args!("{}{more}", gone[..gone.len().min(SHOWN)].join(", ")))
    .action("read the table again")
    .caused_by(error)
}
