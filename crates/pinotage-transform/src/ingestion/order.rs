//! Which columns are computed, each after those that it needs.

use pinotage_common::{Error, Result};
use pinotage_spec::{Schema, TableConfig};

use crate::expression::Tree;

/// A column, its expression, and the expression read.
pub(super) type Computed = (String, String, Tree);

/// `ExpressionTransformerUtils.getTopologicallySortedExpressions`: a table's `transformConfigs`, and the schema's
/// `transformFunction` of columns that have none there.
///
/// # Errors
///
/// `invalid-config` for two expressions of a column, and for columns that need each other.
pub(super) fn functions(schema: &Schema, table: &TableConfig) -> Result<Vec<Computed>> {
    let mut all: Vec<Computed> = Vec::new();
    for (column, text) in table.transforms() {
        if all.iter().any(|(known, ..)| known == column) {
            return Err(Error::invalid_config("a column has two expressions")
                .with("option", "ingestionConfig.transformConfigs")
                .with("column", column)
                .action("leave one of them"));
        }
        all.push((
            column.to_owned(),
            text.to_owned(),
            Tree::parse(text).map_err(|error| error.with("column", column))?,
        ));
    }
    for (column, text) in schema.derived() {
        if !all.iter().any(|(known, ..)| known == column) {
            let tree = Tree::parse(text).map_err(|error| error.with("column", column))?;
            all.push((column.to_owned(), text.to_owned(), tree));
        }
    }
    let mut sorted = Vec::with_capacity(all.len());
    while !all.is_empty() {
        let waits = |(_, _, tree): &Computed| {
            let needs = tree.columns();
            all.iter().any(|(other, ..)| needs.contains(&other.as_str()))
        };
        match all.iter().position(|computed| !waits(computed)) {
            Some(ready) => sorted.push(all.remove(ready)),
            None => {
                let column = all.first().map(|(column, ..)| column.clone()).unwrap_or_default();
                return Err(Error::invalid_config("columns that are computed need each other, or themselves")
                    .with("column", column)
                    .action("compute one of them from other columns"));
            }
        }
    }
    Ok(sorted)
}

/// The columns that `enrichmentConfigs` compute, as they stand there.
///
/// # Errors
///
/// Those of [`TableConfig::enrichments`] and of reading an expression.
pub(super) fn enrichments(table: &TableConfig) -> Result<Vec<Computed>> {
    let read = |(column, text): (&str, &str)| {
        let tree = Tree::parse(text).map_err(|error| error.with("column", column))?;
        Ok((column.to_owned(), text.to_owned(), tree))
    };
    table.enrichments()?.into_iter().map(read).collect()
}
