//! Which rows of a partition count.

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::row::{RowConverter, Rows, SortField};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::FieldSpec;

use super::UpsertTable;
use super::defaults::filled;
use super::keys::{Keys, column, unsorted};
use super::order::ordered;

/// Finds the row of each primary key that counts, among the rows of one partition: the one with the greatest comparison
/// values, of equal ones the last. A row that deletes its key is a row like any other.
///
/// Of a segment with all these rows in this order, Pinot would show the same ones; those that lose need not be built and
/// sent. Keys and comparison values are held until the end ([`Latest::len_bytes`]), rows are not.
///
/// # Pinot equivalent
///
/// `ConcurrentMapPartitionUpsertMetadataManager.doAddOrReplaceSegment` with `ComparisonColumns.compareToSealed`
pub struct Latest {
    keys: Keys,
    order: Order,
    /// The comparison values of each batch; nothing where rows are not compared.
    batches: Vec<(usize, Option<Rows>)>,
    /// Batch and row of each key's best.
    best: Vec<(u32, u32)>,
}

/// What [`Latest`] found.
#[derive(Debug)]
pub struct Winners {
    /// For each batch, in the order in which they came, whether each row counts.
    pub keep: Vec<BooleanArray>,
    /// How many rows lost to others of their key.
    pub dropped: u64,
}

impl Latest {
    /// Nothing yet.
    ///
    /// # Errors
    ///
    /// `unsupported` for keys or comparison columns that have no order.
    pub fn try_new(table: &UpsertTable) -> Result<Self> {
        Ok(Self { keys: Keys::try_new(table)?, order: Order::of(table), batches: Vec::new(), best: Vec::new() })
    }

    /// Adds rows behind those that came before.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a column that is missing or not of its canonical type; `invalid-data` for a decimal that is none;
    /// `resource-exhausted` beyond 2^32 rows or batches.
    pub fn push(&mut self, rows: &RecordBatch) -> Result<()> {
        let too_many = |_| Error::new(ErrorKind::ResourceExhausted, "expected fewer than 2^32 batches and rows");
        let batch = u32::try_from(self.batches.len()).map_err(too_many)?;
        u32::try_from(rows.num_rows()).map_err(too_many)?;
        let order = self.order.rows(rows)?;
        for (row, key) in self.keys.numbers(rows)?.into_iter().enumerate() {
            let here = (batch, row as u32);
            match self.best.get_mut(key as usize) {
                None => self.best.push(here),
                Some(best) => {
                    let wins = match &order {
                        None => true,
                        Some(order) => {
                            let of_best =
                                if best.0 == batch { Some(order) } else { self.batches[best.0 as usize].1.as_ref() };
                            of_best.is_none_or(|of_best| order.row(row) >= of_best.row(best.1 as usize))
                        }
                    };
                    if wins {
                        *best = here;
                    }
                }
            }
        }
        self.batches.push((rows.num_rows(), order));
        Ok(())
    }

    /// The distinct keys so far.
    pub fn num_keys(&self) -> usize {
        self.keys.len()
    }

    /// Bytes of memory that are held.
    pub fn len_bytes(&self) -> usize {
        let values: usize = self.batches.iter().filter_map(|(_, order)| order.as_ref()).map(Rows::size).sum();
        self.keys.len_bytes() + values + self.best.capacity() * size_of::<(u32, u32)>()
    }

    /// Which rows count.
    pub fn finish(self) -> Winners {
        let builder = |&(rows, _): &(usize, _)| {
            let mut keep = BooleanBufferBuilder::new(rows);
            keep.append_n(rows, false);
            keep
        };
        let mut keep: Vec<BooleanBufferBuilder> = self.batches.iter().map(builder).collect();
        for (batch, row) in &self.best {
            keep[*batch as usize].set_bit(*row as usize, true);
        }
        let rows: usize = self.batches.iter().map(|(rows, _)| rows).sum();
        let keep = keep.into_iter().map(|mut keep| BooleanArray::new(keep.finish(), None)).collect();
        Winners { keep, dropped: (rows - self.best.len()) as u64 }
    }
}

/// The order of rows by their comparison columns.
struct Order {
    columns: Vec<(FieldSpec, bool)>,
    /// Of the columns' types, once rows have come.
    converter: Option<RowConverter>,
}

impl Order {
    fn of(table: &UpsertTable) -> Self {
        let several = table.comparison.len() > 1;
        let columns = table.comparison.iter().filter_map(|name| table.column(name));
        // A null of a column alone is its default value; among several it is less than all others, where servers know of it.
        let columns: Vec<_> =
            columns.map(|column| (column.plan.field.clone(), several && column.plan.tracks_nulls)).collect();
        Self { columns, converter: None }
    }

    /// The comparison values of rows, as bytes in the order of the values; nothing where there are no comparison columns.
    fn rows(&mut self, rows: &RecordBatch) -> Result<Option<Rows>> {
        if self.columns.is_empty() {
            return Ok(None);
        }
        let values = self.columns.iter().map(|(field, knows_nulls)| {
            let values = column(rows, field)?;
            let values = if *knows_nulls { values } else { filled(&values, field)? };
            ordered(&values, field.data_type).map_err(|error| error.with("column", &field.name))
        });
        let values: Vec<ArrayRef> = values.collect::<Result<_>>()?;
        let sorts = || values.iter().map(|values| SortField::new(values.data_type().clone())).collect();
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => none.insert(RowConverter::new(sorts()).map_err(unsorted)?),
        };
        converter.convert_columns(&values).map(Some).map_err(unsorted)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Int64Array, StringArray};
    use pinotage_spec::{PinotVersion, Schema, TableConfig, java};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn table(comparison: &[&str], nulls: bool) -> UpsertTable {
        let schema = Schema::from_document(json!({
            "schemaName": "t", "primaryKeyColumns": ["k", "s"], "enableColumnBasedNullHandling": nulls,
            "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}, {"name": "s", "dataType": "STRING"},
                {"name": "a", "dataType": "LONG", "defaultNullValue": 3}, {"name": "b", "dataType": "STRING"},
                {"name": "gone", "dataType": "BOOLEAN"}],
        }));
        let config = json!({"tableName": "t_OFFLINE", "tableType": "OFFLINE",
            "upsertConfig": {"mode": "FULL", "comparisonColumns": comparison, "deleteRecordColumn": "gone"}});
        let config = TableConfig::from_document(config).unwrap();
        UpsertTable::read(&schema.unwrap(), &config, PinotVersion::NEWEST).unwrap().unwrap()
    }

    type Row = (Option<i64>, Option<String>, Option<i64>, Option<String>);

    fn batch(rows: &[Row]) -> RecordBatch {
        let longs = |of: fn(&Row) -> Option<i64>| Arc::new(rows.iter().map(of).collect::<Int64Array>()) as ArrayRef;
        let texts = |of: fn(&Row) -> Option<&str>| Arc::new(rows.iter().map(of).collect::<StringArray>()) as ArrayRef;
        RecordBatch::try_from_iter_with_nullable([
            ("k", longs(|row| row.0), true),
            ("s", texts(|row| row.1.as_deref()), true),
            ("a", longs(|row| row.2), true),
            ("b", texts(|row| row.3.as_deref()), true),
            ("gone", Arc::new(BooleanArray::from(vec![false; rows.len()])) as ArrayRef, true),
        ])
        .unwrap()
    }

    fn kept(table: &UpsertTable, batches: &[Vec<Row>]) -> (Vec<bool>, u64) {
        let mut latest = Latest::try_new(table).unwrap();
        batches.iter().for_each(|rows| latest.push(&batch(rows)).unwrap());
        let winners = latest.finish();
        (
            winners.keep.iter().flat_map(|keep| keep.iter().map(|kept| kept.unwrap()).collect::<Vec<_>>()).collect(),
            winners.dropped,
        )
    }

    /// Row by row, as Pinot does it: a row takes the place of the one that its key has, unless it compares as less.
    fn naive(comparison: &[&str], nulls: bool, rows: &[Row]) -> Vec<bool> {
        let compare = |x: &Row, y: &Row| -> Ordering {
            let several = comparison.len() > 1;
            for column in comparison {
                let order = match *column {
                    "a" if several && nulls => x.2.cmp(&y.2),
                    "a" => x.2.unwrap_or(3).cmp(&y.2.unwrap_or(3)),
                    _ => match (&x.3, &y.3) {
                        (Some(x), Some(y)) => java::compare_utf16(x.as_bytes(), y.as_bytes()),
                        (x, y) if several && nulls => x.is_some().cmp(&y.is_some()),
                        (x, y) => {
                            let of = |text: &Option<String>| text.clone().unwrap_or("null".into());
                            java::compare_utf16(of(x).as_bytes(), of(y).as_bytes())
                        }
                    },
                };
                if order.is_ne() {
                    return order;
                }
            }
            Ordering::Equal
        };
        let mut best: HashMap<(i64, String), usize> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            let key = (row.0.unwrap_or(i64::MIN), row.1.clone().unwrap_or("null".into()));
            let entry = best.entry(key).or_insert(at);
            if compare(row, &rows[*entry]).is_ge() {
                *entry = at;
            }
        }
        (0..rows.len()).map(|at| best.values().any(|best| *best == at)).collect()
    }

    fn row() -> impl Strategy<Value = Row> {
        let texts = ["", "x", "null", "\u{ffff}", "\u{10000}"].map(|text| Some(text.to_owned()));
        let text = proptest::sample::select([&texts[..], &[None]].concat());
        (proptest::option::weighted(0.9, 0..4i64), text.clone(), proptest::option::of(0..5i64), text)
    }

    proptest! {
        #[test]
        fn the_same_rows_count_as_row_by_row(
            batches in proptest::collection::vec(proptest::collection::vec(row(), 0..30), 0..5),
            comparison in proptest::sample::select(vec![vec![], vec!["a"], vec!["b"], vec!["a", "b"], vec!["b", "a"]]),
            nulls: bool,
        ) {
            let rows = batches.concat();
            let (kept, dropped) = kept(&table(&comparison, nulls), &batches);
            let expected = naive(&comparison, nulls, &rows);
            prop_assert_eq!(dropped as usize, expected.iter().filter(|kept| !**kept).count());
            prop_assert_eq!(kept, expected);
        }
    }

    #[test]
    fn what_is_held_does_not_grow_with_what_loses() {
        let table = table(&["a"], false);
        let rows: Vec<Row> = (0..1000).map(|at| (Some(at), Some("s".repeat(100)), Some(at), None)).collect();
        let mut latest = Latest::try_new(&table).unwrap();
        latest.push(&batch(&rows)).unwrap();
        let once = latest.len_bytes();
        (0..9).for_each(|_| latest.push(&batch(&rows)).unwrap());
        assert_eq!(latest.num_keys(), 1000);
        // The keys, above 100 bytes each, are held once; of every row its number of nine bytes and where it is.
        assert!(latest.len_bytes() < once + 9 * 1000 * 20, "{} {once}", latest.len_bytes());
        let winners = latest.finish();
        assert_eq!(winners.dropped, 9000);
        assert_eq!(winners.keep[9].true_count(), 1000);
    }

    #[test]
    fn texts_may_come_as_dictionaries() {
        use arrow::array::DictionaryArray;
        use arrow::datatypes::Int32Type;
        let table = table(&["b"], false);
        let row = |s: &str, b: &str| (Some(1), Some(s.to_owned()), None, Some(b.to_owned()));
        let plain = batch(&[row("x", "2"), row("x", "1"), row("y", "1")]);
        let schema = plain.schema();
        let packed = schema.fields().iter().zip(plain.columns()).map(|(field, column)| {
            let texts = column.as_any().downcast_ref::<StringArray>();
            let packed = texts.map(|texts| Arc::new(texts.iter().collect::<DictionaryArray<Int32Type>>()) as ArrayRef);
            (field.name().clone(), packed.unwrap_or_else(|| column.clone()), true)
        });
        let packed = RecordBatch::try_from_iter_with_nullable(packed.collect::<Vec<_>>()).unwrap();
        let mut latest = Latest::try_new(&table).unwrap();
        latest.push(&plain).unwrap();
        latest.push(&packed).unwrap();
        let keep = latest.finish().keep;
        assert_eq!(keep, [BooleanArray::from(vec![false; 3]), BooleanArray::from(vec![true, false, true])]);
    }

    #[test]
    fn rows_of_other_types_are_errors() {
        let table = table(&["a"], false);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        let wrong = RecordBatch::try_from_iter([("k", texts.clone()), ("s", texts.clone()), ("a", texts)]).unwrap();
        assert!(Latest::try_new(&table).unwrap().push(&wrong).is_err());
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let wrong = RecordBatch::try_from_iter([("k", longs)]).unwrap();
        assert!(Latest::try_new(&table).unwrap().push(&wrong).is_err());
    }
}
