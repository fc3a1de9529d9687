//! One form for the values of both sides, so that equal values have equal bytes.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int64Array, StringArray, TimestampMillisecondArray, make_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType as PinotType, PINOT_TYPE_KEY, Value};

const DAY_MILLIS: i64 = 86_400_000;

/// The form in which the values of a column are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Canon {
    /// Whole numbers of any width.
    Whole,
    /// Numbers of 32 bits: what both sides can hold when one of them is a FLOAT.
    Float,
    Double,
    /// By value: 1.50 is 1.5.
    Decimal,
    Boolean,
    /// Milliseconds since 1970; what is finer is rounded down, as Pinot does.
    Millis,
    Text,
    /// Parsed, with sorted keys.
    Json,
    Bytes,
    List(Box<Canon>),
}

impl Canon {
    /// The form for a column of both sides.
    pub(super) fn of(left: &Field, right: &Field) -> Result<Self> {
        let form = |field| {
            Self::of_field(field).ok_or_else(|| {
                Error::unsupported(format!("columns of type {} cannot be compared", Field::data_type(field)))
            })
        };
        let found = (form(left)?, form(right)?);
        Self::common(&found.0, &found.1)
            .ok_or_else(|| {
                Error::invalid_config(format!("{} cannot be compared with {}", left.data_type(), right.data_type()))
            })
            .map_err(|error| error.action("leave the column out with `--columns`, or convert one side"))
            .map_err(|error| error.with("column", left.name()))
    }

    fn of_field(field: &Field) -> Option<Self> {
        Some(match (field.data_type(), field.metadata().get(PINOT_TYPE_KEY).map(String::as_str)) {
            (_, Some("JSON")) => Self::Json,
            (_, Some("BIG_DECIMAL")) => Self::Decimal,
            (DataType::Dictionary(_, values), _) => Self::of_field(&Field::new("", values.as_ref().clone(), true))?,
            (data_type, _) if data_type.is_integer() => Self::Whole,
            (DataType::Float16 | DataType::Float32, _) => Self::Float,
            (DataType::Float64, _) => Self::Double,
            (data_type, _) if data_type.is_decimal() => Self::Decimal,
            (DataType::Boolean, _) => Self::Boolean,
            (DataType::Timestamp(..) | DataType::Date32 | DataType::Date64, _) => Self::Millis,
            (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, _) => Self::Text,
            (DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_), _) => {
                Self::Bytes
            }
            (DataType::List(item) | DataType::LargeList(item), _) => Self::List(Box::new(Self::of_field(item)?)),
            _ => return None,
        })
    }

    fn common(left: &Self, right: &Self) -> Option<Self> {
        Some(match (left, right) {
            (left, right) if left == right => left.clone(),
            (Self::List(left), Self::List(right)) => Self::List(Box::new(Self::common(left, right)?)),
            (Self::Float, Self::Whole | Self::Double) | (Self::Whole | Self::Double, Self::Float) => Self::Float,
            (Self::Double, Self::Whole) | (Self::Whole, Self::Double) => Self::Double,
            (Self::Decimal, Self::Whole) | (Self::Whole, Self::Decimal) => Self::Decimal,
            (Self::Millis, Self::Whole) | (Self::Whole, Self::Millis) => Self::Millis,
            (Self::Json, Self::Text) | (Self::Text, Self::Json) => Self::Json,
            _ => return None,
        })
    }

    /// The type of the form.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Whole => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Millis => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Self::Decimal | Self::Text | Self::Json => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::List(item) => DataType::new_list(item.data_type(), true),
        }
    }

    /// Values in the form.
    pub(super) fn apply(&self, values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Millis => millis(values)?,
            Self::Float => {
                let values = cast(values, &DataType::Float32)?;
                let plain = |value: f32| if value.is_nan() { f32::NAN } else { value + 0.0 };
                Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(plain))
            }
            Self::Double => {
                let values = cast(values, &DataType::Float64)?;
                let plain = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
                Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(plain))
            }
            Self::Decimal => texts(values, |text| match Value::parse(PinotType::BigDecimal, text) {
                Ok(Value::BigDecimal(value)) => value.normalized().to_scientific_notation(),
                _ => text.to_owned(),
            })?,
            Self::Json => texts(values, |text| match serde_json::from_str::<serde_json::Value>(text) {
                Ok(mut value) => {
                    value.sort_all_objects();
                    value.to_string()
                }
                Err(_) => text.to_owned(),
            })?,
            Self::List(item) => {
                let lists = cast(values, &DataType::new_list(list_item(values.data_type()), true))?;
                let lists = lists.as_list::<i32>();
                let field = Arc::new(Field::new_list_field(item.data_type(), true));
                let items = item.apply(lists.values())?;
                Arc::new(arrow::array::ListArray::try_new(
                    field,
                    lists.offsets().clone(),
                    items,
                    lists.nulls().cloned(),
                )?)
            }
            Self::Whole | Self::Boolean | Self::Text | Self::Bytes => exact_cast(values, &self.data_type())?,
        })
    }
}

/// Numbers that do not fit are an error, not a null.
fn exact_cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
    arrow::compute::cast_with_options(values, to, &options)
}

fn list_item(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => item.data_type().clone(),
        other => other.clone(),
    }
}

fn texts(values: &ArrayRef, form: impl Fn(&str) -> String) -> Result<ArrayRef, ArrowError> {
    let values = cast(values, &DataType::Utf8)?;
    Ok(Arc::new(values.as_string::<i32>().iter().map(|text| text.map(&form)).collect::<StringArray>()))
}

fn millis(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let values = match values.data_type() {
        DataType::Dictionary(_, inner) => cast(values, inner)?,
        _ => make_array(values.to_data()),
    };
    let numbers = exact_cast(&values, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let times = |factor: i64| {
        numbers.try_unary::<_, Int64Type, _>(|value| {
            let product = value.checked_mul(factor);
            product.ok_or_else(|| ArrowError::ComputeError(format!("the time {value} is out of range")))
        })
    };
    let millis: Int64Array = match values.data_type() {
        DataType::Date32 => times(DAY_MILLIS)?,
        DataType::Timestamp(TimeUnit::Second, _) => times(1000)?,
        DataType::Timestamp(TimeUnit::Microsecond, _) => numbers.unary(|value: i64| value.div_euclid(1000)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => numbers.unary(|value: i64| value.div_euclid(1_000_000)),
        _ => numbers.clone(),
    };
    Ok(Arc::new(millis.reinterpret_cast::<arrow::datatypes::TimestampMillisecondType>().with_timezone("UTC"))
        as Arc<TimestampMillisecondArray>)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Float32Array, Float64Array, Int32Array, TimestampMicrosecondArray};

    use super::*;

    fn same(left: ArrayRef, right: ArrayRef) -> bool {
        let field = |array: &ArrayRef| Field::new("c", array.data_type().clone(), true);
        let canon = Canon::of(&field(&left), &field(&right)).unwrap();
        let (left, right) = (canon.apply(&left).unwrap(), canon.apply(&right).unwrap());
        assert_eq!((left.data_type(), right.data_type()), (&canon.data_type(), &canon.data_type()));
        let converter = arrow::row::RowConverter::new(vec![arrow::row::SortField::new(canon.data_type())]).unwrap();
        let rows = [left, right].map(|side| converter.convert_columns(&[side]).unwrap());
        rows[0].row(0) == rows[1].row(0)
    }

    #[test]
    fn equal_values_of_other_types_have_equal_bytes() {
        assert!(same(Arc::new(Int32Array::from(vec![7])), Arc::new(Int64Array::from(vec![7]))));
        assert!(same(Arc::new(Float32Array::from(vec![0.1])), Arc::new(Float64Array::from(vec![0.1]))));
        assert!(same(Arc::new(Float64Array::from(vec![-0.0])), Arc::new(Float64Array::from(vec![0.0]))));
        assert!(same(Arc::new(Float64Array::from(vec![-f64::NAN])), Arc::new(Float64Array::from(vec![f64::NAN]))));
        let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-1]));
        assert!(same(Arc::clone(&micros), Arc::new(TimestampMillisecondArray::from(vec![-1]))));
        assert!(!same(micros, Arc::new(TimestampMillisecondArray::from(vec![0]))));
        assert!(same(Arc::new(Date32Array::from(vec![1])), Arc::new(Int64Array::from(vec![DAY_MILLIS]))));
        assert!(!same(Arc::new(Int64Array::from(vec![None])), Arc::new(Int64Array::from(vec![0]))));
        assert!(!same(Arc::new(StringArray::from(vec![""])), Arc::new(StringArray::from(vec![None::<&str>]))));
    }

    #[test]
    fn decimals_and_json_are_compared_by_value() {
        let of = |canon: Canon, text: &str| {
            canon
                .apply(&(Arc::new(StringArray::from(vec![text])) as ArrayRef))
                .unwrap()
                .as_string::<i32>()
                .value(0)
                .to_owned()
        };
        assert_eq!(of(Canon::Decimal, "1.50"), of(Canon::Decimal, "15e-1"));
        assert_eq!(of(Canon::Json, r#"{"b": [1, {"d": 1, "c": 2}], "a": 0}"#), r#"{"a":0,"b":[1,{"c":2,"d":1}]}"#);
    }

    #[test]
    fn what_cannot_be_compared_is_refused_with_the_column() {
        let error =
            Canon::of(&Field::new("c", DataType::Utf8, true), &Field::new("c", DataType::Int32, true)).unwrap_err();
        assert!(error.to_string().contains("Utf8 cannot be compared with Int32"), "{error}");
    }
}
