//! Rows that are computed: the same ones every time, from their numbers alone.

mod column;
mod options;

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use pinotage_common::{Error, Result};
use pinotage_connector::{Context, Next, Place, Places, Position, Reader, Rows, Source, Split, SplitState};

pub use options::{GeneratedColumn, GeneratorOptions, Values};

use column::Column;

/// Rows of a batch at most.
const BATCH_ROWS: u64 = 8192;

/// A source that computes its rows. Row `n` of split `s` is row `n × splits + s` of the source.
#[derive(Debug)]
pub struct Generator {
    options: GeneratorOptions,
    columns: Vec<Column>,
    schema: SchemaRef,
}

impl Generator {
    /// Checks the options.
    ///
    /// # Errors
    ///
    /// `invalid-config` naming the option.
    pub fn try_new(options: GeneratorOptions) -> Result<Self> {
        if options.splits == 0 || options.columns.is_empty() || options.rows_per_second == Some(0) {
            return Err(Error::invalid_config(
                "a generator needs at least one split, one column and, if it is limited, one row a second",
            )
            .with("option", "source.generator"));
        }
        let column = |(name, column): (&String, &GeneratedColumn)| {
            Column::try_new(options.seed, name, column)
                .map_err(|error| error.with("option", format!("source.generator.columns.{name}")))
        };
        let columns = options.columns.iter().map(column).collect::<Result<Vec<_>>>()?;
        let field = |(name, column): (&String, &Column)| Field::new(name, column.arrow_type(), column.is_nullable());
        let fields: Vec<Field> = options.columns.keys().zip(&columns).map(field).collect();
        Ok(Self { schema: SchemaRef::new(Schema::new(fields)), columns, options })
    }

    /// The rows of a split; none when it has no end.
    fn split_rows(&self, split: u64) -> Option<u64> {
        let splits = u64::from(self.options.splits);
        self.options.rows.map(|rows| rows / splits + u64::from(split < rows % splits))
    }
}

impl Source for Generator {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn is_bounded(&self) -> bool {
        self.options.rows.is_some()
    }

    fn plan(&self, known: &[SplitState]) -> Result<Vec<Split>> {
        let splits = self.options.splits.to_string();
        // Row `n` of a split would be another row of the source. Old states do not say how many splits there were.
        if let Some(other) = known.iter().find(|known| !known.split.detail.is_empty() && known.split.detail != splits) {
            return Err(other_generator(&other.split));
        }
        Ok((0..self.options.splits).map(|split| Split { id: split.to_string(), detail: splits.clone() }).collect())
    }

    fn open(&self, split: &Split, behind: Option<&Position>, context: &Context) -> Result<Box<dyn Reader>> {
        let number = split.id.parse().ok().filter(|number| *number < u64::from(self.options.splits));
        let position = behind.map_or(Some(0), Position::as_number);
        let (Some(number), Some(next)) = (number, position) else {
            return Err(other_generator(split));
        };
        Ok(Box::new(GeneratorReader {
            columns: self.columns.clone(),
            schema: self.schema(),
            split: number,
            splits: u64::from(self.options.splits),
            rows: self.split_rows(number),
            pace: self.options.rows_per_second.map(|rows| rows as f64 / f64::from(self.options.splits)),
            started: Instant::now(),
            first: next,
            next,
            context: context.clone(),
        }))
    }
}

fn other_generator(split: &Split) -> Error {
    Error::invalid_config("the state is that of another generator")
        .with("split", &split.id)
        .action("keep `source.generator.splits`, or give the job a new state")
}

struct GeneratorReader {
    columns: Vec<Column>,
    schema: SchemaRef,
    split: u64,
    splits: u64,
    rows: Option<u64>,
    /// Rows a second.
    pace: Option<f64>,
    started: Instant,
    /// The first row of this reader, and the next one.
    first: u64,
    next: u64,
    context: Context,
}

impl GeneratorReader {
    /// Rows that may come now, if the pace allows some within a while.
    fn allowed(&self, wait: Duration) -> u64 {
        let Some(pace) = self.pace else { return BATCH_ROWS };
        let given = self.next - self.first;
        let due = |elapsed: Duration| ((elapsed.as_secs_f64() * pace) as u64).saturating_sub(given);
        let deadline = self.started.elapsed() + wait;
        loop {
            let now = self.started.elapsed();
            let due = due(now);
            if due > 0 || now >= deadline || self.context.cancel.is_cancelled() {
                return due;
            }
            let until_next = Duration::from_secs_f64((given + 1) as f64 / pace).saturating_sub(now);
            std::thread::sleep(
                until_next.min(deadline - now).clamp(Duration::from_millis(1), Duration::from_millis(50)),
            );
        }
    }
}

impl Reader for GeneratorReader {
    fn next(&mut self, wait: Duration) -> Result<Next> {
        let left = self.rows.map_or(u64::MAX, |rows| rows.saturating_sub(self.next));
        if left == 0 {
            return Ok(Next::End);
        }
        let count = self.allowed(wait).min(left).min(BATCH_ROWS);
        if count == 0 {
            return Ok(Next::Waiting);
        }
        let (first, splits, split) = (self.next, self.splits, self.split);
        let numbers: Vec<u64> = (first..first + count).map(|row| row * splits + split).collect();
        let columns = self.columns.iter().map(|column| column.values(&numbers)).collect();
        let batch = RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)
            .map_err(|error| Error::unexpected("cannot make a batch of generated rows").caused_by(error))?;
        self.next += count;
        Ok(Next::Rows(Rows {
            batch,
            places: Box::new(Numbers { split, first }),
            bad: Vec::new(),
            position: Position::number(self.next),
        }))
    }
}

/// Rows one behind the other.
#[derive(Debug)]
struct Numbers {
    split: u64,
    first: u64,
}

impl Places for Numbers {
    fn place(&self, row: usize) -> Place {
        let row_number = self.first + row as u64;
        Place { file: format!("generator/{}", self.split), row_number, line: None, offset: Some(row_number) }
    }
}

#[cfg(test)]
mod tests {
    use pinotage_connector::kit::SourceCase;

    use super::*;

    fn options(json: serde_json::Value) -> GeneratorOptions {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn holds_the_promises_of_sources() {
        let json = serde_json::json!({"rows": 50_001, "splits": 3, "columns": {
            "id": {"type": "LONG", "values": {"sequence": {"start": 5, "step": 2}}},
            "key": {"type": "STRING", "values": {"key": {"distinct": 100, "prefix": "k"}}, "nulls": 0.1},
            "price": {"type": "DOUBLE", "values": {"uniform": {"min": -1, "max": 1}}},
            "flag": {"type": "BOOLEAN", "values": {"oneOf": ["true", "false"]}},
            "at": {"type": "TIMESTAMP", "values": {"sequence": {"start": 1_700_000_000_000_i64, "step": 1000}}},
        }});
        let make = || Box::new(Generator::try_new(options(json.clone())).unwrap()) as Box<dyn Source>;
        SourceCase { make: &make, records: 50_001 }.all();
    }

    /// With more splits each would go on with rows that others have given.
    #[test]
    fn the_number_of_splits_stays() {
        let make = |splits: u32| {
            let columns = serde_json::json!({"id": {"type": "LONG", "values": {"sequence": {}}}});
            Generator::try_new(options(serde_json::json!({"rows": 100, "splits": splits, "columns": columns}))).unwrap()
        };
        let state = |split| SplitState { split, position: None, ended: true };
        let known: Vec<SplitState> = make(3).plan(&[]).unwrap().into_iter().map(state).collect();
        assert_eq!(make(3).plan(&known).unwrap().len(), 3);
        let error = make(4).plan(&known).unwrap_err().to_string();
        assert!(error.contains("another generator"), "{error}");
        let old = state(Split { id: "0".into(), detail: String::new() });
        assert_eq!(make(3).plan(&[old]).unwrap().len(), 3);
    }

    #[test]
    fn holds_the_promises_of_sources_without_an_end() {
        for pace in ["", r#""rowsPerSecond": 100000, "#] {
            let json = format!(
                r#"{{{pace}"splits": 2, "columns": {{"id": {{"type": "LONG", "values": {{"sequence": {{}}}}}}}}}}"#
            );
            let options: GeneratorOptions = serde_json::from_str(&json).unwrap();
            let make = || Box::new(Generator::try_new(options.clone()).unwrap()) as Box<dyn Source>;
            SourceCase { make: &make, records: if pace.is_empty() { 30_000 } else { 3000 } }.all();
        }
    }

    #[test]
    fn without_an_end_it_waits_for_its_pace() {
        let json =
            serde_json::json!({"rowsPerSecond": 1, "columns": {"id": {"type": "INT", "values": {"sequence": {}}}}});
        let source = Generator::try_new(options(json)).unwrap();
        assert!(!source.is_bounded());
        let context = Context::new("j", "r");
        let split = source.plan(&[]).unwrap().remove(0);
        let mut reader = source.open(&split, None, &context).unwrap();
        // However slow the machine is: so many rows at most as seconds have gone by.
        let started = Instant::now();
        let mut rows = 0;
        while rows < 2 {
            match reader.next(Duration::from_millis(100)).unwrap() {
                Next::Rows(some) => rows += some.batch.num_rows(),
                Next::Waiting => {}
                Next::End => panic!("it has no end"),
            }
            assert!(rows as f64 <= started.elapsed().as_secs_f64() + 1.0);
        }
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        for json in [
            serde_json::json!({"columns": {}}),
            serde_json::json!({"splits": 0, "columns": {"a": {"type": "INT", "values": {"sequence": {}}}}}),
            serde_json::json!({"columns": {"a": {"type": "INTEGER", "values": {"sequence": {}}}}}),
            serde_json::json!({"columns": {"a": {"type": "INT", "values": {"oneOf": ["1", "x"]}}}}),
            serde_json::json!({"columns": {"a": {"type": "INT", "values": {"oneOf": []}}}}),
            serde_json::json!({"columns": {"a": {"type": "INT", "values": {"uniform": {"min": 2, "max": 1}}}}}),
            serde_json::json!({"columns": {"a": {"type": "INT", "values": {"key": {"distinct": 0}}}}}),
            serde_json::json!({"columns": {"a": {"type": "BYTES", "values": {"sequence": {}}}}}),
        ] {
            let error = Generator::try_new(options(json.clone())).unwrap_err();
            assert!(error.to_string().contains("source.generator"), "{json}: {error}");
        }
    }
}
