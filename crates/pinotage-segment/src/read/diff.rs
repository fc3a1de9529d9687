//! What differs between two segments.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, new_empty_array};
use arrow::compute::concat_batches;
use arrow::datatypes::FieldRef;
use arrow::row::{RowConverter, Rows, SortField};
use arrow::util::display::array_value_to_string;
use pinotage_common::{Error, Result};
use pinotage_spec::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::{ScanOptions, Segment, SegmentScan};
use crate::metadata::{ColumnMetadata, SegmentMetadata};

/// Rows that are compared at a time.
const STEP: usize = 8192;

/// A difference between two segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentDifference {
    /// The column, unless it is about the whole segment.
    pub column: Option<String>,
    /// What differs: a key of the metadata, `<id> bytes` for an index, `values` or `rows`.
    pub what: String,
    /// What the two segments have.
    pub sides: [String; 2],
    /// Queries may answer otherwise. Names, encodings, indexes and times of creation are no such difference.
    pub in_rows: bool,
}

impl fmt::Display for SegmentDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "column `{column}`: ")?;
        }
        write!(f, "{}: {} | {}", self.what, self.sides[0], self.sides[1])
    }
}

impl Segment {
    /// What differs between two segments: their metadata, the encodings and indexes of each column, and the rows. Rows in
    /// another order are told from other rows. Reads both whole, in the memory of a few thousand rows.
    ///
    /// # Errors
    ///
    /// Those of [`Segment::scan`].
    pub fn diff(&self, other: &Self) -> Result<Vec<SegmentDifference>> {
        let mut differences = Differences(Vec::new());
        differences.of_segments(self, other);
        for name in union(self.columns(), other.columns()) {
            match (self.metadata.columns.get(name), other.metadata.columns.get(name)) {
                (Some(left), Some(right)) => differences.of_columns((self, left), (other, right), name),
                (left, _) => {
                    let sides = if left.is_some() { ["there", "missing"] } else { ["missing", "there"] };
                    differences.add(Some(name), "column", sides, true);
                }
            }
        }
        differences.of_rows(self, other)?;
        Ok(differences.0)
    }
}

struct Differences(Vec<SegmentDifference>);

impl Differences {
    fn add<T: fmt::Display>(&mut self, column: Option<&str>, what: &str, sides: [T; 2], in_rows: bool) {
        let sides = sides.map(|side| side.to_string());
        if sides[0] != sides[1] {
            let (column, what) = (column.map(str::to_owned), what.to_owned());
            self.0.push(SegmentDifference { column, what, sides, in_rows });
        }
    }

    fn of_segments(&mut self, left: &Segment, right: &Segment) {
        let (a, b) = (&left.metadata, &right.metadata);
        self.add(None, "name", [&a.name, &b.name], false);
        self.add(None, "table", [&a.table_name, &b.table_name], false);
        self.add(None, "docs", [a.num_docs, b.num_docs], true);
        let time = |segment: &Segment| match &segment.metadata.time {
            None => "none".to_owned(),
            Some(time) => match time.range {
                Some((start, end)) => format!("{} from {start} to {end} {}", time.column, time.unit.name()),
                None => time.column.clone(),
            },
        };
        self.add(None, "time", [time(left), time(right)], false);
        let crc = |segment: &Segment| segment.creation.map_or("none".to_owned(), |creation| creation.crc.to_string());
        self.add(None, "crc", [crc(left), crc(right)], false);
        let data_crc = |segment: &Segment| segment.creation.and_then(|creation| creation.data_crc);
        let shown = |crc: Option<u64>| crc.map_or("none".to_owned(), |crc| crc.to_string());
        self.add(None, "data crc", [shown(data_crc(left)), shown(data_crc(right))], false);
        let trees = |metadata: &SegmentMetadata| match metadata.star_trees.as_slice() {
            [] => "none".to_owned(),
            trees => trees.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        self.add(None, "star-trees", [trees(a), trees(b)], false);
        for key in union(a.custom.keys().map(String::as_str), b.custom.keys().map(String::as_str)) {
            let value = |map: &BTreeMap<String, String>| map.get(key).map_or("none", String::as_str).to_owned();
            self.add(None, &format!("custom.{key}"), [value(&a.custom), value(&b.custom)], false);
        }
    }

    fn of_columns(&mut self, left: (&Segment, &ColumnMetadata), right: (&Segment, &ColumnMetadata), name: &str) {
        let column = Some(name);
        let both = |of: fn(&ColumnMetadata) -> String| [of(left.1), of(right.1)];
        let data_type = |column: &ColumnMetadata| {
            format!("{}{}", column.data_type, if column.single_value { "" } else { " multi-value" })
        };
        self.add(column, "dataType", both(data_type), true);
        self.add(column, "columnType", both(|column| format!("{:?}", column.field_type)), false);
        self.add(column, "defaultNullValue", both(|column| value(column.default_null_value.as_ref())), false);
        self.add(column, "encoding", both(encoding), false);
        self.add(column, "isSorted", both(|column| column.sorted.to_string()), false);
        self.add(column, "cardinality", both(|column| column.cardinality.to_string()), false);
        self.add(column, "minValue", both(|column| value(column.min.as_ref())), false);
        self.add(column, "maxValue", both(|column| value(column.max.as_ref())), false);
        self.add(column, "partitions", both(partitions), false);
        let entries = [left.0.indexes(name), right.0.indexes(name)];
        let ids = entries.iter().flatten().map(|entry| entry.id.as_str()).collect::<BTreeSet<_>>();
        for id in ids {
            match [left.0.directory.entry(name, id), right.0.directory.entry(name, id)] {
                [Some(a), Some(b)] if a == b => {}
                [Some(a), Some(b)] => {
                    let shown = |bytes: &[u8]| format!("{} bytes with XXH3 {:032x}", bytes.len(), xxh3_128(bytes));
                    self.add(column, id, [shown(a), shown(b)], false);
                }
                sides => self.add(column, id, sides.map(|side| if side.is_some() { "there" } else { "none" }), false),
            }
        }
    }

    /// The rows of the columns that both have alike.
    fn of_rows(&mut self, left: &Segment, right: &Segment) -> Result<()> {
        let alike = |name: &&str| {
            let of = |segment: &Segment| segment.metadata.columns.get(*name).map(|c| (c.data_type, c.single_value));
            of(left).is_some() && of(left) == of(right)
        };
        let columns: Vec<String> = left.columns().filter(alike).map(str::to_owned).collect();
        let mut sides = [RowsOf::open(left, &columns)?, RowsOf::open(right, &columns)?];
        // The number of docs with other values and the first of them, for each column.
        let mut changed: Vec<Option<Changed>> = columns.iter().map(|_| None).collect();
        let (mut sums, mut doc) = ([0_u128; 2], 0_u64);
        loop {
            let [a, b] = &mut sides;
            let chunks = [a.next()?, b.next()?];
            for (sum, chunk) in sums.iter_mut().zip(&chunks) {
                chunk.iter().for_each(|chunk| *sum = sum.wrapping_add(chunk.sum()));
            }
            let [Some(a), Some(b)] = chunks else {
                if chunks.iter().all(Option::is_none) {
                    break;
                }
                continue;
            };
            for ((changed, a), b) in changed.iter_mut().zip(&a.columns).zip(&b.columns) {
                for (row, _) in a.rows.iter().zip(&b.rows).enumerate().filter(|(_, (a, b))| a != b) {
                    changed
                        .get_or_insert_with(|| Changed {
                            docs: 0,
                            first: doc + row as u64,
                            sides: [shown(&a.values, row), shown(&b.values, row)],
                        })
                        .docs += 1;
                }
            }
            doc += STEP as u64;
        }
        if sums[0] == sums[1] && left.metadata.num_docs == right.metadata.num_docs {
            if changed.iter().any(Option::is_some) {
                self.add(None, "order", ["the same rows", "in another order"], false);
            }
            return Ok(());
        }
        for (name, changed) in columns.iter().zip(changed) {
            if let Some(Changed { docs, first, sides }) = changed {
                self.add(Some(name), &format!("values of {docs} docs, first doc {first}"), sides, true);
            }
        }
        Ok(())
    }
}

/// Docs in which a column has another value.
struct Changed {
    docs: u64,
    first: u64,
    sides: [String; 2],
}

/// Rows of a segment, always as many at a time.
struct RowsOf<'a> {
    scan: SegmentScan<'a>,
    converters: Vec<RowConverter>,
    /// Batches that are read and not yet given.
    waiting: Vec<RecordBatch>,
}

struct Chunk {
    columns: Vec<ChunkColumn>,
    num_rows: usize,
}

struct ChunkColumn {
    values: ArrayRef,
    rows: Rows,
}

impl<'a> RowsOf<'a> {
    fn open(segment: &'a Segment, columns: &[String]) -> Result<Self> {
        let scan = segment.scan(ScanOptions {
            columns: Some(columns.to_vec()),
            batch_rows: STEP,
            ..ScanOptions::default()
        })?;
        let converter = |field: &FieldRef| {
            let comparable = comparable(&new_empty_array(field.data_type()));
            RowConverter::new(vec![SortField::new(comparable.data_type().clone())]).map_err(unexpected)
        };
        let converters = scan.schema().fields().iter().map(converter).collect::<Result<_>>()?;
        Ok(Self { scan, converters, waiting: Vec::new() })
    }

    /// The next rows: as many as are compared at a time, fewer at the end.
    fn next(&mut self) -> Result<Option<Chunk>> {
        let mut rows: usize = self.waiting.iter().map(|batch| batch.num_rows()).sum();
        while rows < STEP {
            let Some(batch) = self.scan.next().transpose()? else { break };
            rows += batch.num_rows();
            self.waiting.push(batch);
        }
        let Some(first) = self.waiting.first() else { return Ok(None) };
        let batch = concat_batches(&first.schema(), &self.waiting).map_err(unexpected)?;
        let taken = batch.slice(0, STEP.min(rows));
        self.waiting = if rows > STEP { vec![batch.slice(STEP, rows - STEP)] } else { Vec::new() };
        let columns = taken.columns().iter().zip(&mut self.converters);
        let columns = columns.map(|(values, converter)| {
            let rows = converter.convert_columns(&[comparable(values)]).map_err(unexpected)?;
            Ok(ChunkColumn { values: Arc::clone(values), rows })
        });
        Ok(Some(Chunk { columns: columns.collect::<Result<_>>()?, num_rows: taken.num_rows() }))
    }
}

/// Maps as lists of their entries, which can be compared; anything else as it is.
fn comparable(values: &ArrayRef) -> ArrayRef {
    let Some(maps) = values.as_map_opt() else { return Arc::clone(values) };
    let (entries, offsets, pairs, nulls, _) = maps.clone().into_parts();
    Arc::new(ListArray::new(entries, offsets, Arc::new(pairs), nulls))
}

impl Chunk {
    /// The same for the same rows in any order.
    fn sum(&self) -> u128 {
        let mut bytes = Vec::new();
        (0..self.num_rows).fold(0_u128, |sum, row| {
            bytes.clear();
            for column in &self.columns {
                let value = column.rows.row(row);
                bytes.extend_from_slice(&(value.as_ref().len() as u64).to_le_bytes());
                bytes.extend_from_slice(value.as_ref());
            }
            sum.wrapping_add(xxh3_128(&bytes))
        })
    }
}

fn unexpected(error: arrow::error::ArrowError) -> Error {
    Error::unexpected("cannot compare rows").caused_by(error)
}

fn shown(values: &ArrayRef, row: usize) -> String {
    match values.is_null(row) {
        true => "null".into(),
        false => array_value_to_string(values, row).unwrap_or_else(|error| error.to_string()),
    }
}

fn value(value: Option<&Value>) -> String {
    value.map_or("none".to_owned(), Value::to_java_string)
}

fn encoding(column: &ColumnMetadata) -> String {
    match (column.forward_is_dictionary, column.has_dictionary) {
        (true, _) => format!("dictionary, {} bits", column.bits_per_id),
        (false, true) => "raw, with a dictionary".into(),
        (false, false) => "raw".into(),
    }
}

fn partitions(column: &ColumnMetadata) -> String {
    let Some(partition) = &column.partition else { return "none".into() };
    format!("{} {} {:?}", partition.function, partition.num_partitions, partition.partitions)
}

fn union<'a>(left: impl Iterator<Item = &'a str>, right: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    left.chain(right).collect::<BTreeSet<_>>().into_iter().collect()
}
