//! Segments into a REALTIME table, beside those of its stream.

use pinotage_common::{Error, ErrorKind, Result};
use serde_json::Value as Json;

use super::upload::{Existing, upload_all};
use super::{Publication, PushObserver, PushOptions, check_names, lineage, wait};
use crate::kinds::check_uploaded;
use crate::{Before, Target};

/// Uploads segments that are new, one by one; one that is there with our CRC is done. Queries see each as soon as it is loaded.
pub(super) async fn upload(
    target: &Target,
    table: &Json,
    publication: &Publication,
    options: &PushOptions,
    observer: &dyn PushObserver,
) -> Result<()> {
    let Publication { to, from, overwrite, .. } = publication;
    if !from.is_empty() || *overwrite {
        return Err(Error::new(ErrorKind::Unsupported, "segments of a REALTIME table are added, and replace none")
            .with("table", target.key())
            .action("push the rows under new names: with a primary key the greater comparison value counts"));
    }
    to.iter().try_for_each(|segment| check_uploaded(table, segment))?;
    check_names(to)?;
    let mut snapshot = target.snapshot().await?;
    let is_ours = |name: &str, crc| snapshot.segment(name).is_some_and(|found| found.crc == Some(crc));
    let failed = to.iter().filter(|it| snapshot.failed.contains(&it.name) && is_ours(&it.name, it.crc));
    let failed: Vec<String> = failed.map(|segment| segment.name.clone()).collect();
    // What a server could not load is pushed once more.
    if !failed.is_empty() {
        lineage::remove(target, &failed).await?;
        snapshot = target.snapshot().await?;
    }
    upload_all(target, &snapshot, to, &Existing::Never, options, observer).await?;
    wait(target, to, Before::Nothing, options, observer).await
}
