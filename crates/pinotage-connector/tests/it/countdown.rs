//! The source of the recipe: numbers that go down to 1.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use pinotage_common::{Error, Result};
use pinotage_connector::kit::SourceCase;
use pinotage_connector::{Context, Next, Place, Places, Position, Reader, Rows, Source, Split, SplitState};

/// Rows of a batch.
const BATCH_ROWS: u64 = 100;

pub(crate) struct Countdown {
    from: u64,
    schema: SchemaRef,
}

impl Countdown {
    pub(crate) fn new(from: u64) -> Self {
        let schema = Schema::new(vec![Field::new("left", DataType::UInt64, false)]);
        Self { from, schema: schema.into() }
    }
}

impl Source for Countdown {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn is_bounded(&self) -> bool {
        true
    }

    fn plan(&self, _known: &[SplitState]) -> Result<Vec<Split>> {
        Ok(vec![Split { id: "all".into(), detail: String::new() }])
    }

    fn open(&self, _: &Split, behind: Option<&Position>, _: &Context) -> Result<Box<dyn Reader>> {
        // A text that is no number of rows comes from somebody else: to begin anew would double rows.
        let taken = behind.map_or(Some(0), Position::as_number).filter(|taken| *taken <= self.from);
        let taken = taken.ok_or_else(|| {
            Error::invalid_config("the state is that of another countdown").action("give the job a new state")
        })?;
        Ok(Box::new(CountdownReader { taken, from: self.from, schema: self.schema.clone() }))
    }
}

struct CountdownReader {
    taken: u64,
    from: u64,
    schema: SchemaRef,
}

impl Reader for CountdownReader {
    fn next(&mut self, _wait: Duration) -> Result<Next> {
        let first = self.taken;
        self.taken = self.from.min(first + BATCH_ROWS);
        if first == self.taken {
            return Ok(Next::End);
        }
        let left = UInt64Array::from_iter_values((first..self.taken).map(|taken| self.from - taken));
        let batch = RecordBatch::try_new(self.schema.clone(), vec![Arc::new(left)])
            .map_err(|error| Error::unexpected("cannot make a batch").caused_by(error))?;
        let position = Position::number(self.taken);
        Ok(Next::Rows(Rows { batch, places: Box::new(Behind(first)), bad: Vec::new(), position }))
    }
}

/// The rows of a batch stand behind so many others.
#[derive(Debug)]
struct Behind(u64);

impl Places for Behind {
    fn place(&self, row: usize) -> Place {
        Place { file: "countdown".into(), row_number: self.0 + row as u64, ..Place::default() }
    }
}

#[test]
fn holds_the_promises_of_sources() {
    SourceCase { make: &|| Box::new(Countdown::new(1000)), records: 1000 }.all();
}
