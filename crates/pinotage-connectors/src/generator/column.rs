//! The values of one column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::DataType as ArrowType;
use pinotage_common::{Error, Result};
use pinotage_spec::DataType;

use super::{GeneratedColumn, Values};

/// A column, checked.
#[derive(Debug, Clone)]
pub(super) struct Column {
    data_type: DataType,
    /// Unlike those of other columns and seeds.
    seed: u64,
    kind: Kind,
    /// Of 2^32 rows so many are null.
    nulls: u64,
}

#[derive(Debug, Clone)]
enum Kind {
    Sequence { start: i64, step: i64 },
    Whole { min: i64, span: u64, prefix: Arc<str> },
    Real { min: f64, span: f64 },
    Texts(Arc<[String]>),
    Numbers(Arc<[f64]>),
    Wholes(Arc<[i64]>),
}

impl Column {
    pub(super) fn try_new(seed: u64, name: &str, column: &GeneratedColumn) -> Result<Self> {
        let data_type: DataType = column.r#type.parse()?;
        use DataType::{Boolean, Double, Float, Int, Long, String, Timestamp};
        if !matches!(data_type, Boolean | Double | Float | Int | Long | String | Timestamp) {
            return Err(Error::invalid_config(format!("values of type {} cannot be generated", column.r#type)));
        }
        let is_real = matches!(data_type, Double | Float);
        let refused = |message: &str| Err(Error::invalid_config(message.to_owned()));
        let kind = match &column.values {
            Values::Sequence { start, step } => Kind::Sequence { start: *start, step: *step },
            Values::Uniform { min, max } if !(min.is_finite() && max.is_finite() && min <= max) => {
                return refused("expected `min` to be at most `max`");
            }
            Values::Uniform { min, max } if is_real => Kind::Real { min: *min, span: max - min },
            Values::Uniform { min, max } => {
                let (min, max) = (*min as i64, *max as i64);
                Kind::Whole { min, span: (max.wrapping_sub(min) as u64).saturating_add(1), prefix: "".into() }
            }
            Values::Key { distinct: 0, .. } => return refused("expected `distinct` to be at least 1"),
            Values::Key { distinct, prefix } => Kind::Whole { min: 0, span: *distinct, prefix: prefix.as_str().into() },
            Values::OneOf(texts) if texts.is_empty() => return refused("expected `oneOf` to have a value"),
            Values::OneOf(texts) if data_type == String => Kind::Texts(texts.clone().into()),
            Values::OneOf(texts) if is_real => Kind::Numbers(parsed(texts)?),
            Values::OneOf(texts) if data_type == Boolean => {
                let bools: Arc<[bool]> = parsed(texts)?;
                Kind::Wholes(bools.iter().map(|value| i64::from(*value)).collect())
            }
            Values::OneOf(texts) => Kind::Wholes(parsed(texts)?),
        };
        if !(0.0..=1.0).contains(&column.nulls) {
            return refused("expected `nulls` to be a share from 0 to 1");
        }
        let nulls = (column.nulls * (1_u64 << 32) as f64) as u64;
        let seed = name.bytes().fold(mix(seed), |seed, byte| mix(seed ^ u64::from(byte)));
        Ok(Self { data_type, seed, kind, nulls })
    }

    pub(super) fn arrow_type(&self) -> ArrowType {
        match self.data_type {
            DataType::Timestamp => ArrowType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, Some("UTC".into())),
            other => other.to_arrow(),
        }
    }

    pub(super) fn is_nullable(&self) -> bool {
        self.nulls > 0
    }

    /// The values of rows, by their numbers.
    pub(super) fn values(&self, rows: &[u64]) -> ArrayRef {
        let wholes = || rows.iter().map(|row| (!self.is_null(*row)).then(|| self.whole(*row)));
        let reals = || rows.iter().map(|row| (!self.is_null(*row)).then(|| self.real(*row)));
        match self.data_type {
            DataType::Int => Arc::new(wholes().map(|value| value.map(|value| value as i32)).collect::<Int32Array>()),
            DataType::Long => Arc::new(wholes().collect::<Int64Array>()),
            DataType::Timestamp => Arc::new(wholes().collect::<TimestampMillisecondArray>().with_timezone("UTC")),
            DataType::Boolean => {
                Arc::new(wholes().map(|value| value.map(|value| value & 1 == 1)).collect::<BooleanArray>())
            }
            DataType::Float => Arc::new(reals().map(|value| value.map(|value| value as f32)).collect::<Float32Array>()),
            DataType::Double => Arc::new(reals().collect::<Float64Array>()),
            _ => {
                let texts = rows.iter().map(|row| (!self.is_null(*row)).then(|| self.text(*row)));
                Arc::new(texts.collect::<StringArray>())
            }
        }
    }

    fn is_null(&self, row: u64) -> bool {
        self.nulls > 0 && mix(self.seed ^ mix(!row)) >> 32 < self.nulls
    }

    fn random(&self, row: u64) -> u64 {
        mix(self.seed ^ mix(row))
    }

    fn whole(&self, row: u64) -> i64 {
        match &self.kind {
            Kind::Sequence { start, step } => start.wrapping_add(step.wrapping_mul(row as i64)),
            Kind::Whole { min, span, .. } => min.wrapping_add((self.random(row) % span) as i64),
            Kind::Wholes(values) => values[(self.random(row) % values.len() as u64) as usize],
            _ => self.real(row) as i64,
        }
    }

    fn real(&self, row: u64) -> f64 {
        match &self.kind {
            Kind::Real { min, span } => min + span * (self.random(row) >> 11) as f64 / (1_u64 << 53) as f64,
            Kind::Numbers(values) => values[(self.random(row) % values.len() as u64) as usize],
            _ => self.whole(row) as f64,
        }
    }

    fn text(&self, row: u64) -> String {
        match &self.kind {
            Kind::Texts(values) => values[(self.random(row) % values.len() as u64) as usize].clone(),
            Kind::Whole { prefix, .. } => format!("{prefix}{}", self.whole(row)),
            _ => self.whole(row).to_string(),
        }
    }
}

fn parsed<T: std::str::FromStr>(texts: &[String]) -> Result<Arc<[T]>> {
    let parse = |text: &String| {
        text.parse().map_err(|_| Error::invalid_config(format!("`{text}` is no value of the column's type")))
    };
    texts.iter().map(parse).collect()
}

/// Each bit of the result depends on all bits of the number (SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
