//! BIG_DECIMAL as decimals of a fixed scale, for who asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Decimal128Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType as Arrow, Field, FieldRef, Schema as ArrowSchema, SchemaRef,
};
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, Schema};

/// The key of all columns that are not named.
const OTHERS: &str = "*";

/// The columns that come as decimals, with digits in all and behind the point.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decimals(BTreeMap<String, (u8, i8)>);

impl Decimals {
    /// Reads `precision,scale` of columns.
    ///
    /// # Errors
    ///
    /// `invalid-config` for columns that are no BIG_DECIMAL, and for what no decimal has.
    pub(crate) fn parse(words: &BTreeMap<String, String>, schema: &Schema) -> Result<Self> {
        let is_decimal = |column: &str| {
            schema.field(column).is_some_and(|field| field.data_type == DataType::BigDecimal && field.single_value)
        };
        let mut all = BTreeMap::new();
        for (column, text) in words {
            let bad = |message: String| {
                Err(Error::invalid_config(message)
                    .with("column", column)
                    .action("name a BIG_DECIMAL column and its digits, such as `decimal.price: \"18,2\"`"))
            };
            let numbers = text.split_once(',');
            let numbers =
                numbers.and_then(|(all, behind)| Some((all.trim().parse().ok()?, behind.trim().parse().ok()?)));
            let Some((precision, scale)) = numbers.filter(|(precision, scale): &(u8, i8)| {
                (1..=DECIMAL128_MAX_PRECISION).contains(precision) && (0..=*precision as i8).contains(scale)
            }) else {
                return bad(format!("expected at most 38 digits and those behind the point, found `{text}`"));
            };
            if column == OTHERS {
                let others = schema.fields().map(|field| &field.name).filter(|name| is_decimal(name));
                for name in others {
                    all.entry(name.clone()).or_insert((precision, scale));
                }
            } else if is_decimal(column) {
                all.insert(column.clone(), (precision, scale));
            } else {
                return bad("there is no BIG_DECIMAL column of this name".into());
            }
        }
        Ok(Self(all))
    }

    /// The columns as they come.
    pub(crate) fn schema(&self, schema: &SchemaRef) -> SchemaRef {
        if self.0.is_empty() {
            return Arc::clone(schema);
        }
        let field = |field: &FieldRef| match self.0.get(field.name()) {
            Some((precision, scale)) if *field.data_type() == Arrow::Utf8 => {
                Arc::new(Field::new(field.name(), Arrow::Decimal128(*precision, *scale), field.is_nullable()))
            }
            _ => Arc::clone(field),
        };
        Arc::new(ArrowSchema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
    }

    /// The rows as they come: in the columns of [`Decimals::schema`].
    ///
    /// # Errors
    ///
    /// `invalid-data` for a value that has more digits.
    pub(crate) fn convert(&self, batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        if self.0.is_empty() {
            return Ok(batch);
        }
        let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| match field.data_type() {
            Arrow::Decimal128(precision, scale) => decimals(column, field.name(), *precision, *scale),
            _ => Ok(Arc::clone(column)),
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
            .map_err(|error| Error::unexpected("cannot make a batch").caused_by(error))
    }
}

fn decimals(column: &ArrayRef, name: &str, precision: u8, scale: i8) -> Result<ArrayRef> {
    let value = |text: &str| {
        unscaled(text, precision, scale.unsigned_abs()).ok_or_else(|| {
            Error::invalid_data(format!(
                "`{text}` does not fit a decimal of {precision} digits, {scale} behind the point"
            ))
            .with("column", name)
            .action(format!("give `decimal.{name}` more digits, or read it as text without that option"))
        })
    };
    let values = column.as_string::<i32>().iter().map(|text| text.map(value).transpose());
    let values = values.collect::<Result<Decimal128Array>>()?.with_precision_and_scale(precision, scale);
    Ok(Arc::new(values.map_err(|error| Error::unexpected("cannot make a column").caused_by(error))?))
}

/// A plain number times ten to the scale; nothing when digits would be lost.
fn unscaled(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    let mut number: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', missing)) {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    (number < 10_i128.pow(precision.into())).then_some(if text.starts_with('-') { -number } else { number })
}
