//! Rows of a segment under a table's schema, which may have columns that the segment does not have yet.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, make_array, new_null_array};
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use pinotage_segment::read::{DOC_ID, ScanOptions, Segment};
use pinotage_spec::{CompareOp, FieldSpec, Predicate, Schema, Value};
use roaring::RoaringBitmap;

use crate::constant::constant;
use crate::query::SEGMENT_NAME;

/// What is read of each segment.
pub(crate) struct DirectRead<'a> {
    /// The columns of the batches.
    pub(crate) batch_schema: &'a SchemaRef,
    pub(crate) table_schema: &'a Schema,
    pub(crate) predicate: Option<&'a Predicate>,
    pub(crate) batch_rows: usize,
    /// About how many bytes a batch is to have at most.
    pub(crate) batch_bytes: usize,
    /// Nulls are given, and compared, as nulls.
    pub(crate) nulls: bool,
    /// The table keeps nulls of a column.
    pub(crate) nullable: &'a dyn Fn(&str) -> bool,
}

impl DirectRead<'_> {
    /// Gives the batches of a segment, or of some of its docs, until `give` wants no more.
    pub(crate) fn read(
        &self,
        segment: &Segment,
        docs: Option<RoaringBitmap>,
        give: &mut dyn FnMut(RecordBatch) -> bool,
    ) -> Result<()> {
        let has = |column: &str| segment.metadata().columns.contains_key(column);
        let predicate = match self.predicate.map(|predicate| self.known(predicate, false, &has)) {
            None | Some(Folded::Same(true)) => None,
            Some(Folded::Same(false)) => return Ok(()),
            Some(Folded::Open(predicate)) => Some(predicate),
        };
        let columns = self.batch_schema.fields().iter().map(|field| field.name());
        let columns = Some(columns.filter(|name| has(name) || *name == DOC_ID).cloned().collect());
        let (batch_rows, batch_bytes) = (self.batch_rows, Some(self.batch_bytes));
        let options = ScanOptions { columns, predicate, batch_rows, batch_bytes, nulls: self.nulls, docs };
        for batch in segment.scan(options)? {
            if !give(self.complete(&batch?, segment)?) {
                break;
            }
        }
        Ok(())
    }

    /// The batch with all columns that were asked for: a server that loads the segment adds the missing ones, too.
    ///
    /// # Pinot equivalent
    ///
    /// `BaseDefaultColumnHandler`
    fn complete(&self, batch: &RecordBatch, segment: &Segment) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.batch_schema.fields().len());
        for field in self.batch_schema.fields() {
            let column = match batch.column_by_name(field.name()) {
                Some(column) if column.data_type() != field.data_type() => {
                    return Err(Error::schema_mismatch(format!(
                        "expected {}, found {} in the segment",
                        field.data_type(),
                        column.data_type()
                    ))
                    .with("column", field.name())
                    .action("the column's type was changed: push the table's segments again"));
                }
                // The table keeps no nulls of this column any more: its values are what is stored for them.
                Some(column) if !field.is_nullable() && column.null_count() > 0 => {
                    let data = column.to_data().into_builder().nulls(None);
                    make_array(
                        data.build().map_err(|error| Error::unexpected("cannot make a column").caused_by(error))?,
                    )
                }
                Some(column) => Arc::clone(column),
                None if field.name() == SEGMENT_NAME => {
                    let name = &segment.metadata().name;
                    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, rows)))
                }
                None if field.is_nullable() => new_null_array(field.data_type(), rows),
                None => {
                    let spec = self.field(field.name())?;
                    constant(spec, field.data_type(), rows)?
                }
            };
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(self.batch_schema), columns, &options)
            .map_err(|error| Error::unexpected("cannot make a batch").caused_by(error))
    }

    fn field(&self, column: &str) -> Result<&FieldSpec> {
        self.table_schema
            .field(column)
            .ok_or_else(|| Error::schema_mismatch("the table has no such column").with("column", column))
    }

    /// The predicate, or its opposite, without columns that the segment does not have: all their rows have the same value.
    ///
    /// Opposites are taken of comparisons alone, never of AND and OR: so what is unknown can count as false, because it does
    /// not pass either.
    fn known(&self, predicate: &Predicate, opposite: bool, has: &dyn Fn(&str) -> bool) -> Folded {
        let (column, test): (&String, &dyn Fn(&Value) -> bool) = match predicate {
            Predicate::And(parts) => return self.join(parts, opposite, has, opposite),
            Predicate::Or(parts) => return self.join(parts, opposite, has, !opposite),
            Predicate::Not(part) => return self.known(part, !opposite, has),
            Predicate::Compare { column, op, value } => (column, &|found| compare(found, *op, value)),
            Predicate::In { column, values } => {
                (column, &|found| values.iter().any(|literal| compare(found, CompareOp::Eq, literal)))
            }
            Predicate::Like { column, pattern } => {
                (column, &|found| matches!(found, Value::String(text) if pattern.matches(text)))
            }
            Predicate::IsNull(column) => (column, &|_| false),
            Predicate::IsNotNull(column) => (column, &|_| true),
        };
        let missing = if has(column) { None } else { self.table_schema.field(column) };
        let Some(field) = missing else {
            let open = predicate.clone();
            return Folded::Open(if opposite { Predicate::Not(Box::new(open)) } else { open });
        };
        let about_null = matches!(predicate, Predicate::IsNull(_) | Predicate::IsNotNull(_));
        let passes = match (self.nullable)(column) {
            // A comparison with a null is unknown, and so is its opposite.
            true => about_null && test(&field.default_null_value) == opposite,
            false => test(&field.default_null_value) != opposite,
        };
        Folded::Same(passes)
    }

    /// All parts together, of which one that is `decisive` decides.
    fn join(&self, parts: &[Predicate], opposite: bool, has: &dyn Fn(&str) -> bool, decisive: bool) -> Folded {
        let mut open = Vec::with_capacity(parts.len());
        for part in parts {
            match self.known(part, opposite, has) {
                Folded::Same(value) if value == decisive => return Folded::Same(decisive),
                Folded::Same(_) => {}
                Folded::Open(part) => open.push(part),
            }
        }
        match (open.is_empty(), decisive) {
            (true, _) => Folded::Same(!decisive),
            (false, true) => Folded::Open(Predicate::Or(open)),
            (false, false) => Folded::Open(Predicate::And(open)),
        }
    }
}

/// What is left of a predicate.
enum Folded {
    /// The same for every row.
    Same(bool),
    /// It depends on the row.
    Open(Predicate),
}

fn compare(value: &Value, op: CompareOp, literal: &Value) -> bool {
    value.compare(literal).is_some_and(|ordering| op.accepts(ordering))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema as ArrowSchema};

    use super::*;

    #[test]
    fn a_missing_column_has_its_default_value_or_is_null() {
        let table_schema = Schema::from_json(
            r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "a", "dataType": "INT"},
            {"name": "new", "dataType": "INT", "defaultNullValue": 7}]}"#,
        )
        .unwrap();
        let batch_schema = Arc::new(ArrowSchema::new(vec![Field::new("a", DataType::Int32, true)]));
        let compare =
            |column: &str, op, value| Predicate::Compare { column: column.into(), op, value: Value::Int(value) };
        let (a, seven) = (compare("a", CompareOp::Eq, 1), compare("new", CompareOp::Eq, 7));
        let not = |part: &Predicate| Predicate::Not(Box::new(part.clone()));
        let both = Predicate::And(vec![a.clone(), seven.clone()]);
        let either = Predicate::Or(vec![a.clone(), seven.clone()]);
        let null = Predicate::IsNull("new".into());
        // The predicate, and what is left of it with a default value, then with a null.
        let cases = [
            (seven.clone(), "true", "false"),
            (not(&seven), "false", "false"),
            (null.clone(), "false", "true"),
            (not(&null), "true", "false"),
            (both.clone(), "(a = 1)", "false"),
            (not(&both), "(NOT a = 1)", "(NOT a = 1)"),
            (either.clone(), "true", "(a = 1)"),
            (not(&either), "false", "false"),
            (Predicate::In { column: "new".into(), values: vec![Value::Int(7)] }, "true", "false"),
            (compare("new", CompareOp::Gt, 7), "false", "false"),
            (a.clone(), "a = 1", "a = 1"),
        ];
        for (predicate, default, null) in cases {
            for (nullable, expected) in [(false, default), (true, null)] {
                let read = DirectRead {
                    batch_schema: &batch_schema,
                    table_schema: &table_schema,
                    predicate: None,
                    batch_rows: 1,
                    batch_bytes: usize::MAX,
                    nulls: true,
                    nullable: &|column| nullable && column == "new",
                };
                let left = match read.known(&predicate, false, &|column| column == "a") {
                    Folded::Same(same) => same.to_string(),
                    Folded::Open(open) => open.to_string(),
                };
                assert_eq!(left, expected, "{predicate}, nullable: {nullable}");
            }
        }
    }
}
