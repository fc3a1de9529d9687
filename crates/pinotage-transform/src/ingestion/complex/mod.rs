//! `complexTypeConfig`: structs and maps become columns, items of lists rows.
//!
//! Structs are taken apart as Arrow columns, with the types that they have. Lists and maps, and JSON whose values may be
//! anything, are taken apart row by row, as Pinot does.

mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType as Arrow, Field, Schema as ArrowSchema, SchemaRef};
use pinotage_common::{Error, Result};
use pinotage_spec::{ComplexTypes, ListsToJson};

use self::record::{Record, Transformer};
use crate::accept::{item, unpacked};
use crate::expression::{Column, Failures};
use crate::nested;

/// Carries out a `complexTypeConfig` on batches of one schema.
#[derive(Debug)]
pub(super) struct Flattening {
    config: ComplexTypes,
    /// Columns that keep their type: where they are, one step for each struct.
    flat: Vec<Vec<usize>>,
    schema: SchemaRef,
    /// Columns whose rows are taken apart, by their name.
    nested: Vec<(String, Vec<usize>)>,
    /// The columns that come out of those.
    made: Vec<String>,
    kept: Vec<String>,
}

/// A batch whose nested values are taken apart.
pub(super) struct Flattened {
    pub(super) batch: RecordBatch,
    pub(super) made: Vec<Column>,
    /// The row that each row comes from; `None` is all of them in order.
    pub(super) origins: Option<Vec<u32>>,
    /// By the row that came in, which is still there once.
    pub(super) bad: Failures,
}

/// The column holds JSON text of values of any kind.
pub(super) fn is_json(field: &Field) -> bool {
    field.metadata().contains_key("pinotage.json")
}

impl Flattening {
    /// Plans which columns of an input become which of those that are `wanted`.
    ///
    /// # Errors
    ///
    /// `unsupported` for types inside of lists and maps that are not read as Pinot does, and for a map that is wanted whole
    /// though a list in it is unnested; `schema-mismatch` for two columns of a name.
    pub(super) fn try_new(config: ComplexTypes, input: &ArrowSchema, wanted: &[String]) -> Result<Self> {
        let sources: Vec<String> = wanted.iter().flat_map(|name| config.sources(name)).collect();
        let mut plan = Self {
            flat: Vec::new(),
            schema: SchemaRef::from(ArrowSchema::empty()),
            nested: Vec::new(),
            made: Vec::new(),
            kept: Vec::new(),
            config,
        };
        let mut fields = Vec::new();
        for (at, field) in input.fields().iter().enumerate() {
            plan.add(field.name().clone(), field, vec![at], &sources, &mut fields)?;
        }
        let config = &plan.config;
        let whole = |name: &&String| config.unnest.iter().any(|list| config.is_inside(list, name));
        if let Some(name) = sources.iter().filter(|_| !plan.nested.is_empty()).find(whole) {
            return Err(Error::unsupported("a column whole, of which a list inside is unnested")
                .with("column", name)
                .action("leave out the column, or the list in `fieldsToUnnest`"));
        }
        for name in wanted {
            let derives = config.sources(name).into_iter().any(|source| {
                plan.nested.iter().any(|(nested, _)| source == *nested || config.is_inside(&source, nested))
            });
            let is_flat = fields.iter().any(|field: &Field| field.name() == name);
            if derives && is_flat {
                return Err(twice(name));
            }
            if derives {
                plan.made.push(name.clone());
            }
        }
        let is_wanted = |field: &&String| wanted.contains(&config.renamed(field).unwrap_or_else(|| field.to_string()));
        // A list inside of a struct is no column of the input.
        let is_column = |list: &&String| plan.nested.iter().any(|(name, path)| name == *list && path.len() == 1);
        plan.kept = config.unnest.iter().filter(is_wanted).filter(is_column).cloned().collect();
        plan.schema = Arc::new(ArrowSchema::new(fields));
        Ok(plan)
    }

    /// A column, and what is inside of it.
    fn add(
        &mut self,
        name: String,
        field: &Field,
        path: Vec<usize>,
        sources: &[String],
        fields: &mut Vec<Field>,
    ) -> Result<()> {
        let config = &self.config;
        let arrow = unpacked(field.data_type());
        let needed = |name: &str| {
            let all = sources.iter().chain(&config.unnest);
            all.into_iter().any(|source| source == name || config.is_inside(source, name))
        };
        let taken_apart = match &arrow {
            _ if is_json(field) => true,
            Arrow::Map(..) => true,
            list => item(list).is_some_and(|item| {
                config.unnest.contains(&name)
                    || match config.lists {
                        ListsToJson::None => false,
                        ListsToJson::All => true,
                        ListsToJson::NonPrimitive => {
                            crate::accept::item(item).is_some() || matches!(item, Arrow::Struct(_) | Arrow::Map(..))
                        }
                    }
            }),
        };
        if taken_apart {
            if needed(&name) {
                let unwritten = || (!nested::can_write(&arrow)).then(|| arrow.clone());
                if let Some(other) = inexact(&arrow).or_else(unwritten) {
                    return Err(Error::unsupported(format!("`complexTypeConfig` over lists and maps of {other}"))
                        .with("column", name)
                        .action("turn it into text, 64-bit numbers or doubles in `transform.sql`"));
                }
                self.nested.push((name, path));
            }
            return Ok(());
        }
        let inside = match &arrow {
            Arrow::Struct(inside) => Some(inside.clone()),
            _ => None,
        };
        // Columns that the table does not have are nobody's, but a table must not miss all of its columns in silence.
        if path.len() == 1 && inside.is_none() || sources.contains(&name) {
            let renamed = config.renamed(&name).unwrap_or_else(|| name.clone());
            if renamed.is_empty() {
                return Err(Error::invalid_config(format!("`{name}` would be renamed to nothing"))
                    .with("option", "ingestionConfig.complexTypeConfig.prefixesToRename")
                    .action("give the prefix another replacement"));
            }
            if fields.iter().any(|field| *field.name() == renamed) {
                return Err(twice(&renamed));
            }
            fields.push(field.clone().with_name(renamed).with_nullable(true));
            self.flat.push(path.clone());
        }
        for (at, field) in inside.iter().flatten().enumerate() {
            let name = format!("{name}{}{}", self.config.delimiter, field.name());
            let mut path = path.clone();
            path.push(at);
            self.add(name, field, path, sources, fields)?;
        }
        Ok(())
    }

    /// The columns that keep their type.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The lists of which each item becomes a row.
    pub(super) fn unnested(&self) -> &[String] {
        &self.config.unnest
    }

    /// The columns of values of any kind that come out, in this order.
    pub(super) fn made(&self) -> &[String] {
        &self.made
    }

    /// Takes a batch apart.
    ///
    /// # Errors
    ///
    /// `resource-exhausted` for more than four billion rows; never for a value.
    pub(super) fn apply(&self, batch: &RecordBatch) -> Result<Flattened> {
        let flat = self.flat.iter().map(|path| at(batch, path)).collect::<Result<Vec<_>>>()?;
        let mut nested = Vec::with_capacity(self.nested.len());
        for (name, path) in &self.nested {
            let is_json = path.len() == 1 && path.first().is_some_and(|at| is_json(batch.schema_ref().field(*at)));
            nested.push((name, Column::values(&at(batch, path)?, is_json)?));
        }
        let transformer = Transformer { config: &self.config, kept: &self.kept };
        let mut made: Vec<Vec<serde_json::Value>> = vec![Vec::with_capacity(batch.num_rows()); self.made.len()];
        let mut origins = Vec::with_capacity(batch.num_rows());
        let mut bad = BTreeMap::new();
        for row in 0..batch.num_rows() {
            let values = nested.iter_mut().map(|(name, values)| {
                let value = values.get_mut(row).map(serde_json::Value::take);
                (name.to_string(), value.unwrap_or_default())
            });
            let rows = transformer.transform(values.collect()).unwrap_or_else(|message| {
                bad.insert(row as u32, message);
                vec![Record::new()]
            });
            for mut record in rows {
                for (name, values) in self.made.iter().zip(&mut made) {
                    values.push(record.get_mut(name).map(serde_json::Value::take).unwrap_or_default());
                }
                origins.push(row as u32);
            }
        }
        if u32::try_from(origins.len()).is_err() {
            return Err(crate::text::too_large());
        }
        let rows = origins.len();
        let origins = (rows != batch.num_rows()).then_some(origins);
        let failed = |error| Error::unexpected("cannot repeat the rows of a batch").caused_by(error);
        let flat = match &origins {
            None => flat,
            Some(origins) => {
                let indices = UInt32Array::from(origins.clone());
                flat.iter().map(|array| take(array, &indices, None)).collect::<Result<_, _>>().map_err(failed)?
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), flat, &options).map_err(failed)?;
        Ok(Flattened { batch, made: made.into_iter().map(Column::any).collect(), origins, bad })
    }
}

fn twice(name: &str) -> Error {
    Error::schema_mismatch("two columns of the input become one of this name")
        .with("column", name)
        .action("leave out one of them in the SQL transform, or set another `delimiter`")
}

/// The array at a path; a struct that is null has nothing inside.
fn at(batch: &RecordBatch, path: &[usize]) -> Result<ArrayRef> {
    let missing = || Error::unexpected("a nested column is not where it was");
    let (first, inside) = path.split_first().ok_or_else(missing)?;
    let mut array = Arc::clone(batch.columns().get(*first).ok_or_else(missing)?);
    for at in inside {
        let outer = array.as_struct_opt().ok_or_else(missing)?;
        let inner = outer.columns().get(*at).ok_or_else(missing)?;
        let nulls = NullBuffer::union(outer.nulls(), inner.nulls());
        array = match nulls.is_none() || *inner.data_type() == Arrow::Null {
            true => Arc::clone(inner),
            false => {
                let data = inner.to_data().into_builder().nulls(nulls).build();
                make_array(data.map_err(|error| Error::unexpected("cannot read a struct").caused_by(error))?)
            }
        };
    }
    Ok(array)
}

/// A type inside of nested values that JSON does not hold as Pinot's readers do.
fn inexact(arrow: &Arrow) -> Option<Arrow> {
    let plain = unpacked(arrow);
    if let Some(item) = item(&plain) {
        return inexact(item);
    }
    match &plain {
        Arrow::Struct(fields) => fields.iter().find_map(|field| inexact(field.data_type())),
        Arrow::Map(entries, _) => inexact(entries.data_type()),
        Arrow::Null
        | Arrow::Boolean
        | Arrow::Int8
        | Arrow::Int16
        | Arrow::Int32
        | Arrow::Int64
        | Arrow::UInt8
        | Arrow::UInt16
        | Arrow::UInt32
        | Arrow::Float64
        | Arrow::Utf8 => None,
        other => Some(other.clone()),
    }
}
