//! How a schema may change.

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{FieldSpec, Schema};

/// How the user's schema differs from the cluster's.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SchemaChange {
    /// Columns that the cluster does not have yet.
    pub(super) added: Vec<FieldSpec>,
    /// Columns with another default, length or the like.
    pub(super) changed: Vec<String>,
}

/// Compares them.
///
/// # Errors
///
/// `schema-mismatch` for what would change the meaning of segments that are there: a column that goes, another type,
/// another primary key.
pub(super) fn compare(wanted: &Schema, found: &Schema) -> Result<SchemaChange> {
    let mut change = SchemaChange::default();
    let mut broken = Vec::new();
    for field in wanted.fields() {
        let Some(now) = found.field(&field.name) else {
            change.added.push(field.clone());
            continue;
        };
        let type_of = |field: &FieldSpec| {
            let list = if field.single_value { "" } else { " multi-value" };
            format!("{} {}{list}", field.field_type.name(), field.data_type)
        };
        let format_of = |field: &FieldSpec| field.date_time.as_ref().map(|spec| spec.format_text.clone());
        if type_of(field) != type_of(now) {
            broken.push(format!("`{}` is {} there, {} here", field.name, type_of(now), type_of(field)));
        } else if format_of(field) != format_of(now) {
            let shown = |field| format_of(field).unwrap_or_default();
            broken.push(format!("`{}` has the format {} there, {} here", field.name, shown(now), shown(field)));
        } else if field != now {
            change.changed.push(field.name.clone());
        }
    }
    broken.extend(
        found
            .fields()
            .filter(|field| wanted.field(&field.name).is_none())
            .map(|field| format!("`{}` is not here", field.name)),
    );
    if wanted.primary_key_columns() != found.primary_key_columns() {
        broken.push(format!(
            "the primary key is {:?} there, {:?} here",
            found.primary_key_columns(),
            wanted.primary_key_columns()
        ));
    }
    if broken.is_empty() {
        return Ok(change);
    }
    Err(Error::new(
        ErrorKind::SchemaMismatch,
        format!("the cluster's schema cannot become the one given: {}", broken.join(", ")),
    )
    .with("schema", found.name())
    .action("give the schema the cluster's columns as they are and only add new ones, or choose another table"))
}
