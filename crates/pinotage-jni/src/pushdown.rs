//! Which conditions of Spark and Flink pass the same rows in Pinot.

use pinotage_common::Result;
use pinotage_scan::Scanner;
use pinotage_spec::{CompareOp, DataType, FieldSpec, Predicate, Value};

/// What becomes of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushdown {
    /// It stays with the engine.
    No = 0,
    /// It leaves out rows, and the engine checks again.
    Recheck = 1,
    /// Rows that come pass it.
    Exact = 2,
}

/// What becomes of a condition on the rows of a table.
///
/// Engines compare texts by UTF-8 and Pinot by UTF-16: the same as long as a literal stays below the surrogates. Engines do not
/// agree with Pinot, nor with each other, where NaN and -0.0 stand; decimals and JSON come as texts and are compared as such.
///
/// # Errors
///
/// `schema-mismatch` for columns that the table does not have.
pub(crate) fn pushdown(scanner: &Scanner, predicate: &Predicate) -> Result<Pushdown> {
    let table = scanner.table();
    let nulls = scanner.options().nulls;
    let schema = table.arrow_schema(nulls);
    let nullable = |column: &str| schema.field_with_name(column).is_ok_and(arrow::datatypes::Field::is_nullable);
    let Some(pushed) = predicate.pushed(table.schema(), &nullable, &|column| table.has_fst(column))? else {
        return Ok(Pushdown::No);
    };
    let field = |column: &str| table.schema().field(column);
    if !alike(predicate, &field, false) {
        return Ok(Pushdown::No);
    }
    let floating = |column: &&str| field(column).is_some_and(is_floating);
    let exact = pushed.exact && !predicate.columns().iter().any(floating);
    Ok(if exact { Pushdown::Exact } else { Pushdown::Recheck })
}

/// A row that passes here passes there.
fn alike<'f>(predicate: &Predicate, field: &impl Fn(&str) -> Option<&'f FieldSpec>, opposite: bool) -> bool {
    let compared = |column: &str| {
        field(column).filter(|field| {
            field.single_value && !matches!(field.data_type, DataType::BigDecimal | DataType::Json | DataType::Map)
        })
    };
    match predicate {
        Predicate::And(parts) | Predicate::Or(parts) => parts.iter().all(|part| alike(part, field, opposite)),
        Predicate::Not(part) => alike(part, field, !opposite),
        Predicate::IsNull(_) | Predicate::IsNotNull(_) => true,
        Predicate::Like { column, .. } => compared(column).is_some_and(|field| field.data_type == DataType::String),
        Predicate::In { column, values } => compared(column).is_some_and(|field| {
            field.data_type != DataType::Boolean && !values.is_empty() && values.iter().all(is_number)
        }),
        Predicate::Compare { column, op, value } => {
            let ordered = !matches!(op, CompareOp::Eq | CompareOp::NotEq);
            compared(column).is_some_and(|field| match value {
                Value::String(text) => !ordered || text.chars().all(|char| u32::from(char) < 0xd800),
                // NaN is greater than all numbers in Pinot, and compares as nothing in Java.
                Value::Float(_) | Value::Double(_) => is_number(value) && !(ordered && opposite),
                _ => !(ordered && field.data_type == DataType::Boolean),
            })
        }
    }
}

/// Not a value that engines and Pinot place differently.
fn is_number(value: &Value) -> bool {
    let number = match value {
        Value::Float(value) => f64::from(*value),
        Value::Double(value) => *value,
        _ => return true,
    };
    number.is_finite() && number != 0.0
}

fn is_floating(field: &FieldSpec) -> bool {
    matches!(field.data_type, DataType::Float | DataType::Double)
}
