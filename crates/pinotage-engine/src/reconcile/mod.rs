//! Two tables compared: counts, sums and checksums by bucket, and then the rows that differ.
//!
//! The first reading keeps, for each bucket, the number of rows and the sum of their hashes in [`PARTS`] parts; the second
//! reads only the buckets that differ and keeps only the rows of parts that differ. So memory depends on the number of buckets and of differences, not of rows.

mod buckets;
mod canon;
mod only;
mod rows;
mod side;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};

use self::buckets::Buckets;
use self::side::Side;
use crate::query::TableSource;
pub use rows::{Difference, RowDifference};

/// Parts of a bucket, each with a checksum of its own.
const PARTS: usize = 256;

/// What of two tables is compared.
#[derive(Debug, Clone)]
pub struct ReconcileOptions {
    /// The columns that are compared; `None` is all, which both tables have to have.
    pub columns: Option<Vec<String>>,
    /// Which rows of both: a condition of SQL.
    pub filter: Option<String>,
    /// What divides rows into buckets; `None` is one bucket.
    pub by: Option<BucketBy>,
    /// Columns that tell which rows of both sides belong together; none: rows are the same or not.
    pub keys: Vec<String>,
    /// How many rows that differ are given.
    pub limit: usize,
    /// Becomes true when the comparison is to stop.
    pub cancel: Arc<AtomicBool>,
}

/// What divides rows into buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketBy {
    /// The values of a column.
    Value(String),
    /// Steps of a column: of so many milliseconds when it is a time, else of so many of its own units.
    Steps(String, u64),
}

impl BucketBy {
    fn column(&self) -> &String {
        match self {
            Self::Value(column) | Self::Steps(column, _) => column,
        }
    }
}

/// What a comparison found.
#[derive(Debug, Clone, Default)]
pub struct Reconciliation {
    /// The columns that were compared.
    pub columns: Vec<String>,
    /// Rows of the source and of the table.
    pub rows: [u64; 2],
    /// The number of buckets of both together.
    pub buckets: usize,
    /// The buckets that differ, in their order.
    pub different: Vec<BucketDifference>,
    /// Rows that differ, up to the limit.
    pub differences: Vec<RowDifference>,
    /// There are more rows that differ than are given.
    pub more: bool,
    /// What a person should know, such as rows that are missing, of either side.
    pub warnings: Vec<String>,
}

impl Reconciliation {
    /// Both tables have the same rows.
    pub fn is_same(&self) -> bool {
        self.different.is_empty()
    }
}

/// A bucket that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketDifference {
    /// Its value or the start of its step; empty when there is one bucket for all.
    pub bucket: String,
    /// Rows of the source and of the table.
    pub rows: [u64; 2],
    /// The columns whose sums differ, with the sums.
    pub sums: Vec<(String, [String; 2])>,
}

/// Compares a source with a table; both are read once, and the buckets that differ once more.
///
/// # Errors
///
/// `invalid-config` when the columns of both are not the same or cannot be compared; `resource-exhausted` for too many
/// buckets; those of reading.
pub fn reconcile(
    source: &TableSource,
    table: &TableSource,
    options: &ReconcileOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Reconciliation> {
    let sides = [("source", source), ("table", table)].map(|(role, source)| Side::open(role, source, options));
    let [left, right] = sides;
    let (left, right) = (left?, right?);
    let columns = columns(&left.schema, &right.schema, options)?;
    let layout = side::Layout::new(&columns, &left.schema, &right.schema, options)?;
    let read = |side: &Side| Buckets::read(side, &layout, options, progress);
    let (left_buckets, right_buckets) = std::thread::scope(|scope| {
        let left = scope.spawn(|| read(&left));
        let right = read(&right);
        (left.join(), right)
    });
    let left_buckets = left_buckets.map_err(|_| Error::unexpected("a reader broke down"))??;
    let buckets = [left_buckets, right_buckets?];
    let mut found = Reconciliation {
        rows: buckets.each_ref().map(Buckets::rows),
        buckets: buckets::number(&buckets),
        different: buckets::different(&buckets, &layout),
        columns,
        ..Reconciliation::default()
    };
    if !found.is_same() && options.limit > 0 {
        (found.differences, found.more) = rows::find([&left, &right], &layout, &buckets, options, progress)?;
    }
    found.warnings = [&left, &right].into_iter().flat_map(Side::warnings).collect();
    Ok(found)
}

/// The columns that are compared: keys and bucket first.
fn columns(left: &SchemaRef, right: &SchemaRef, options: &ReconcileOptions) -> Result<Vec<String>> {
    let names = |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().clone()).collect::<BTreeSet<_>>();
    let (left_names, right_names) = (names(left), names(right));
    let compared: Vec<String> = match &options.columns {
        Some(columns) => columns.clone(),
        None if left_names == right_names => right.fields().iter().map(|field| field.name().clone()).collect(),
        None => {
            let list = |names: &BTreeSet<String>, others: &BTreeSet<String>| {
                names.difference(others).cloned().collect::<Vec<_>>().join(", ")
            };
            return Err(Error::invalid_config("source and table have different columns")
                .with("only in the source", list(&left_names, &right_names))
                .with("only in the table", list(&right_names, &left_names))
                .action("name those to compare with `--columns`"));
        }
    };
    let mut columns: Vec<String> = Vec::new();
    for column in options.keys.iter().chain(options.by.iter().map(BucketBy::column)).chain(&compared) {
        for (names, side) in [(&left_names, "source"), (&right_names, "table")] {
            if !names.contains(column) {
                return Err(Error::invalid_config(format!("the {side} has no such column"))
                    .with("column", column)
                    .action("correct its name; names are case-sensitive"));
            }
        }
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    Ok(columns)
}
