//! Why somebody cannot read a table, or should not.

use pinotage_common::ErrorKind;
use pinotage_spec::{ColumnPlan, DataType, FieldSpec, TableConfig};
use pinotage_store::{Location, Store};

use crate::fetch::is_only_peers;
use crate::keyed::are_partitioned;
use crate::options::ScanOptions;
use crate::table::Table;
use crate::view::SegmentView;

/// Why servers cannot send a column as it is.
pub(crate) fn against_servers<'f>(
    table: &Table,
    options: &ScanOptions,
    mut fields: impl Iterator<Item = &'f FieldSpec>,
) -> Option<String> {
    fields.find_map(|field| {
        let (version, name) = (table.version, &field.name);
        if !version.sends_nulls() && table.is_nullable(name, options.nulls) {
            return Some(format!("servers of Pinot {version} send no nulls, and `{name}` may have some"));
        }
        let list = !field.single_value && matches!(field.data_type, DataType::Bytes | DataType::BigDecimal);
        (list && !version.sends_lists_of_bytes())
            .then(|| format!("servers of Pinot {version} send no lists of {}, as `{name}` is", field.data_type))
    })
}

/// Why the segments of a half cannot be read directly.
pub(crate) async fn against_direct(
    table: &Table,
    config: &TableConfig,
    segments: &[SegmentView],
    store: &Store,
) -> Option<String> {
    if config.is_upsert() && !table.version.tells_valid_docs() {
        return Some(format!("servers of Pinot {} do not tell which rows of an upsert table count", table.version));
    }
    if config.is_upsert() && !are_partitioned(segments) {
        return Some("the cluster does not tell the partitions of some segments, whose keys may be anywhere".into());
    }
    let whole: Vec<&SegmentView> = segments.iter().filter(|segment| !segment.only_on_servers).collect();
    if let Some(segment) = whole.iter().find(|segment| segment.metadata.crypter.is_some()) {
        return Some(format!("segment `{}` is encrypted", segment.name()));
    }
    let mut asked = false;
    for segment in whole {
        let url = segment.metadata.download_url.as_deref().unwrap_or_default();
        if is_only_peers(url) {
            if segment.replicas.is_empty() {
                return Some(format!("segment `{}` has no archive in the deep store, and no server", segment.name()));
            }
            continue;
        }
        if url.starts_with("http://") || url.starts_with("https://") {
            continue;
        }
        let location = match Location::parse(url) {
            Ok(location) => location,
            Err(error) => return Some(format!("the archive of segment `{}`: {}", segment.name(), error.message())),
        };
        // One that we may read stands for all.
        if !asked
            && let Err(error) = store.head(&location).await
            // A server may still have it.
            && (error.kind() != ErrorKind::NotFound || segment.replicas.is_empty())
        {
            return Some(format!("the deep store does not give us segment `{}`: {}", segment.name(), error.message()));
        }
        asked = true;
    }
    None
}

/// Servers have an index for one of the columns at least.
pub(crate) fn indexed(table: &Table, config: &TableConfig, columns: &[&str]) -> bool {
    let Ok(plans) = ColumnPlan::resolve(table.schema(), config) else { return false };
    plans
        .iter()
        .filter(|plan| columns.contains(&plan.field.name.as_str()))
        .any(|plan| plan.sort || plan.inverted || plan.range.is_some())
}
