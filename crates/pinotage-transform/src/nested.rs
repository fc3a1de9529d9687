//! Structs, maps and lists as JSON text.

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder, new_null_array};
use arrow::datatypes::{DataType as Arrow, Field, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::record_batch::RecordBatch;
use pinotage_common::{Error, Result};

use crate::json::Canonical;
use crate::outcome::Outcome;
use crate::rule;

/// Whether JSON can hold the type and all inside of it.
pub(crate) fn can_write(arrow: &Arrow) -> bool {
    lines(&new_null_array(arrow, 1)).is_ok()
}

/// One JSON value a row. Nulls inside are written, numbers stand as in JSON text that came as text.
pub(crate) fn to_json(array: &ArrayRef, outcome: &mut Outcome<'_>) -> Result<StringArray> {
    let text = lines(array)
        .map_err(|error| Error::unexpected("cannot write nested values as JSON").caused_by(error))
        .and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|error| Error::unexpected("JSON of nested values is not UTF-8").caused_by(error))
    })?;
    let mut builder = StringBuilder::with_capacity(array.len(), text.len());
    let mut canonical = Canonical::default();
    for (at, line) in text.lines().enumerate() {
        // Each line is {"v":…}.
        let value = line.get(5..line.len().saturating_sub(1)).filter(|_| array.is_valid(at));
        match value.map(|value| canonical.rewrite(value)) {
            None => builder.append_null(),
            Some(Ok(value)) => builder.append_value(value),
            Some(Err(_)) => {
                outcome.bad(at, rule::WRONG_TYPE, "a value nested at most 1,000 levels deep", line);
                builder.append_value("");
            }
        }
    }
    Ok(builder.finish())
}

pub(crate) fn lines(array: &ArrayRef) -> Result<Vec<u8>, ArrowError> {
    let field = Field::new("v", array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Schema::new(vec![field]).into(), vec![ArrayRef::clone(array)])?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    Ok(writer.into_inner())
}
