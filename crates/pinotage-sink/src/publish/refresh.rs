//! Segments that take the place of older ones of the same name.

use std::collections::{BTreeMap, BTreeSet};

use pinotage_common::{Error, ErrorKind, Result};

use super::upload::{Existing, upload_all};
use super::{Publication, PushObserver, PushOptions, wait};
use crate::{Before, Snapshot, Target};

/// Pushes the segments one by one, each in place of the one of its name, and deletes what has no successor.
pub(super) async fn refresh(
    target: &Target,
    snapshot: &Snapshot,
    publication: &Publication,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let Publication { to, from, overwrite, .. } = publication;
    let mut replaced = BTreeMap::new();
    for segment in to {
        let Some(found) = snapshot.segments.get(&segment.name).and_then(|found| found.crc) else { continue };
        let known = *overwrite || found == segment.crc || from.get(&segment.name) == Some(&found);
        if !known {
            return Err(Error::new(
                ErrorKind::CommitConflict,
                format!("expected the segment that this job pushed before, found one with CRC {found}"),
            )
            .with("segment", &segment.name)
            .action("find out who else pushes this name; delete that segment, or give this job's another name"));
        }
        replaced.insert(segment.name.clone(), found);
    }
    upload_all(target, snapshot, to, &Existing::Replace(replaced), options, observer).await?;
    wait(target, to, Before::OlderBytes, options, observer).await?;
    let kept: BTreeSet<&str> = to.iter().map(|segment| segment.name.as_str()).collect();
    let leaving: Vec<String> =
        from.keys().filter(|name| !kept.contains(name.as_str()) && snapshot.holds(name)).cloned().collect();
    target.controller.delete_segments(&target.table, target.table_type, &leaving).await
}
