//! The bytes of a bad row, read once more.

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pinotage_common::{Error, Result};
use pinotage_formats::{Format, ReadOptions, open, rule};

/// What a row is now.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A row of a batch.
    Row(Arc<RecordBatch>, usize),
    /// Still not a row of the source.
    Bad { column: Option<String>, rule: &'static str, message: String },
}

/// How rows were written.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// As records of a CSV file with these columns.
    Csv(Arc<[String]>),
    /// As JSON, as it stood in the file.
    Json,
    /// As JSON that we wrote of rows of a format without text.
    Written,
}

/// Reads rows as the job reads its source.
pub(super) struct Parser {
    pub(super) options: ReadOptions,
    pub(super) schema: SchemaRef,
}

impl Parser {
    /// One answer for each row. An error is of this machine, never of a row.
    pub(super) fn parse(&self, raw: &[&[u8]], way: &Way) -> Result<Vec<Parsed>> {
        // Together where each row is found again as it was given; a quote that is never closed, or a row that is none, would
        // reach into others.
        if let Some(parsed) = self.read(raw, way, false)? {
            return Ok(parsed);
        }
        raw.iter().map(|one| self.parse_one(one, way)).collect()
    }

    fn parse_one(&self, raw: &[u8], way: &Way) -> Result<Parsed> {
        let rule = match way {
            Way::Csv(_) => rule::MALFORMED_CSV,
            Way::Json | Way::Written => rule::MALFORMED_JSON,
        };
        let bad = |message: &str| Parsed::Bad { column: None, rule, message: message.to_owned() };
        // What begins otherwise would be taken for a list of rows.
        if !matches!(way, Way::Csv(_)) && raw.trim_ascii_start().first() != Some(&b'{') {
            return Ok(bad("expected one object"));
        }
        let parsed = self.read(&[raw], way, true)?.and_then(|mut rows| rows.pop());
        Ok(parsed.unwrap_or_else(|| bad("expected one row")))
    }

    /// None when the rows do not come back one for one.
    fn read(&self, raw: &[&[u8]], way: &Way, is_alone: bool) -> Result<Option<Vec<Parsed>>> {
        match way {
            Way::Written => Ok(self.read_written(raw, is_alone)),
            Way::Json => self.read_text(raw, Format::Json, &self.options, is_alone),
            Way::Csv(names) => {
                let mut options = self.options.clone();
                (options.csv.header, options.csv.column_names) = (false, Some(names.to_vec()));
                self.read_text(raw, Format::Csv, &options, is_alone)
            }
        }
    }

    /// The readers of files know how text is meant, and read files.
    fn read_text(
        &self,
        raw: &[&[u8]],
        format: Format,
        options: &ReadOptions,
        is_alone: bool,
    ) -> Result<Option<Vec<Parsed>>> {
        let failed = |error| Error::io(error, "cannot write rows into a temporary file", std::env::temp_dir());
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        file.write_all(&raw.join(&b'\n')).and_then(|()| file.flush()).map_err(failed)?;
        let mut parsed: Vec<Option<Parsed>> = raw.iter().map(|_| None).collect();
        let mut put = |at: u64, text: Option<&[u8]>, row: Parsed| -> bool {
            let at = at as usize;
            let is_it = is_alone || text == raw.get(at).copied();
            match parsed.get_mut(at) {
                Some(place @ None) if is_it => {
                    *place = Some(row);
                    true
                }
                _ => false,
            }
        };
        let options = ReadOptions { keep_dictionaries: false, ..options.clone() };
        let Ok(mut reader) = open(file.path(), format, &options, Some(Arc::clone(&self.schema))) else {
            return Ok(None);
        };
        loop {
            // Whatever is wrong here is wrong with the rows: the file is ours.
            let Ok(read) = reader.next_batch() else { return Ok(None) };
            let Some(read) = read else { break };
            let batch = Arc::new(read.batch);
            for row in 0..batch.num_rows() {
                if !put(read.rows.row_number(row), read.rows.raw(row), Parsed::Row(Arc::clone(&batch), row)) {
                    return Ok(None);
                }
            }
            for bad in read.bad {
                let row = Parsed::Bad { column: bad.column, rule: bad.rule, message: bad.message };
                if !put(bad.row_number, Some(&bad.raw), row) {
                    return Ok(None);
                }
            }
        }
        Ok(parsed.into_iter().collect())
    }

    /// As the quarantine writes rows of formats without text.
    fn read_written(&self, raw: &[&[u8]], is_alone: bool) -> Option<Vec<Parsed>> {
        let read = || {
            let mut decoder = arrow::json::ReaderBuilder::new(Arc::clone(&self.schema))
                .with_batch_size(raw.len() + 1)
                .build_decoder()?;
            let text = raw.join(&b'\n');
            decoder.decode(&text)?;
            decoder.flush()
        };
        match read() {
            Ok(Some(batch)) if batch.num_rows() == raw.len() => {
                let batch = Arc::new(batch);
                Some((0..raw.len()).map(|row| Parsed::Row(Arc::clone(&batch), row)).collect())
            }
            Err(error) if is_alone => {
                Some(vec![Parsed::Bad { column: None, rule: rule::WRONG_TYPE, message: error.to_string() }])
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray as _;
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    fn parser() -> Parser {
        let fields = vec![Field::new("id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)];
        let declared = fields.clone();
        Parser { options: ReadOptions { declared, ..ReadOptions::default() }, schema: Arc::new(Schema::new(fields)) }
    }

    fn shown(parsed: &[Parsed]) -> Vec<String> {
        let show = |parsed: &Parsed| match parsed {
            Parsed::Row(batch, row) => {
                let id = batch.column(0).as_primitive::<Int64Type>().value(*row);
                format!("{id} {}", batch.column(1).as_string::<i32>().value(*row))
            }
            Parsed::Bad { rule, .. } => (*rule).to_owned(),
        };
        parsed.iter().map(show).collect()
    }

    /// A row never reaches into another one, whatever it is, and the order of the columns is that of its own file.
    #[test]
    fn rows_are_read_one_for_one() {
        let csv = Way::Csv(["name".to_owned(), "id".to_owned()].into());
        let good: [&[u8]; 2] = [b"a,1", b"\"b\nb\",2"];
        assert_eq!(shown(&parser().parse(&good, &csv).unwrap()), ["1 a", "2 b\nb"]);
        let some: [&[u8]; 7] = [b"a,1", b"\"open,2", b"b,3", b"c", b"d,x", b"", b"e,4"];
        let parsed = shown(&parser().parse(&some, &csv).unwrap());
        assert_eq!(parsed, ["1 a", "malformed-csv", "3 b", "row-width", "wrong-type", "malformed-csv", "4 e"]);

        let some: [&[u8]; 5] =
            [br#"{"id":1,"name":"a"}"#, br#"[{"id":9}]"#, br#"{"id":"#, br#"{"id":2,"name":"b"}"#, b"7"];
        let expected = ["1 a", "not-an-object", "malformed-json", "2 b", "not-an-object"];
        assert_eq!(shown(&parser().parse(&some, &Way::Json).unwrap()), expected);
        let parsed = shown(&parser().parse(&some, &Way::Written).unwrap());
        assert_eq!(parsed, ["1 a", "malformed-json", "wrong-type", "2 b", "malformed-json"]);
    }
}
