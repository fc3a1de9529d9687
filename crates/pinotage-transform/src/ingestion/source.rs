//! What a table with a `complexTypeConfig` needs of its input.

use arrow::datatypes::{DataType as Arrow, Field, Schema as ArrowSchema};
use pinotage_common::Result;
use pinotage_spec::{ComplexTypes, Rollup, Schema, TableConfig};

use super::Ingestion;
use crate::accept::item;

impl Ingestion {
    /// The columns outside of the table that metrics are computed of.
    pub(super) fn aggregated(schema: &Schema, table: &TableConfig) -> Result<Vec<String>> {
        let rollup = Rollup::resolve(schema, table)?;
        let sources = rollup.iter().flat_map(Rollup::sources).filter(|name| schema.field(name).is_none());
        Ok(sources.map(str::to_owned).collect())
    }

    /// The columns that rows must have after unnesting: those of the table, and those that expressions read.
    pub(super) fn wanted(schema: &Schema, table: &TableConfig) -> Result<Vec<String>> {
        let mut wanted = Self::arguments(schema, table)?;
        wanted.extend(schema.fields().map(|field| field.name.clone()));
        wanted.sort();
        wanted.dedup();
        Ok(wanted)
    }

    /// The keys of JSON rows whose values are taken apart, out of a sample's columns: lists and maps, and what has columns of
    /// the table inside. Their JSON text keeps values of all kinds, with `pinotage.json` in the metadata of the field. Beside them the names of the
    /// table's columns that are inside of them.
    ///
    /// # Errors
    ///
    /// Those of reading the config and the expressions.
    pub fn json_columns(
        schema: &Schema,
        table: &TableConfig,
        sample: &ArrowSchema,
    ) -> Result<(Vec<String>, Vec<String>)> {
        let Some(config) = table.complex_types()? else { return Ok((Vec::new(), Vec::new())) };
        let wanted = Self::wanted(schema, table)?;
        let names: Vec<String> =
            wanted.iter().flat_map(|name| config.sources(name)).chain(config.unnest.iter().cloned()).collect();
        let is_nested = |field: &Field| {
            matches!(field.data_type(), Arrow::Struct(_))
                || item(field.data_type()).is_some()
                || names.iter().any(|name| config.is_inside(name, field.name()))
                || config.unnest.contains(field.name())
        };
        let mut found: Vec<String> =
            sample.fields().iter().filter(|field| is_nested(field)).map(|field| field.name().clone()).collect();
        for name in &names {
            // The sample may end before the first row that has it.
            if sample.column_with_name(name).is_none() && !is_below(&config, name, &found) {
                match name.split_once(config.delimiter.as_str()) {
                    Some((outer, _)) if !outer.is_empty() => found.push(outer.to_owned()),
                    None if config.unnest.contains(name) => found.push(name.clone()),
                    _ => {}
                }
            }
        }
        let inside = wanted.into_iter().filter(|name| {
            sample.column_with_name(name).is_none()
                && config.sources(name).iter().any(|name| is_below(&config, name, &found))
        });
        let inside = inside.collect();
        Ok((found, inside))
    }
}

fn is_below(config: &ComplexTypes, name: &str, found: &[String]) -> bool {
    found.iter().any(|outer| name == outer || config.is_inside(name, outer))
}
