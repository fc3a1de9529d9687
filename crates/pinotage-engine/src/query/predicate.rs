//! Conditions of SQL as predicates of Pinot.

use std::collections::HashMap;

use arrow::datatypes::{DataType as Arrow, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator};
use pinotage_spec::{CompareOp, DataType, Predicate, TextPattern, Value};

/// The columns of a table by name: their Pinot types, and whether a row has one value.
pub(super) type Columns = HashMap<String, (DataType, bool)>;

/// A condition as a predicate that passes the same rows; `None` when there is none.
///
/// Texts of decimals and of JSON are compared as texts in SQL and as numbers or not at all in Pinot. Texts are ordered by
/// UTF-8 in SQL and by UTF-16 in Pinot, which is the same as long as the literal stays below the surrogates.
pub(super) fn predicate(expression: &Expr, columns: &Columns) -> Option<Predicate> {
    let known = |column: &Expr| known(column, columns);
    let both = |parts: Option<Vec<Predicate>>| parts;
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            both([left, right].map(|part| predicate(part, columns)).into_iter().collect()).map(Predicate::And)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            both([left, right].map(|part| predicate(part, columns)).into_iter().collect()).map(Predicate::Or)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let op = compare_op(*op)?;
            match (known(left), known(right)) {
                (Some(column), None) => compare(column, op, right),
                (None, Some(column)) => compare(column, mirrored(op), left),
                _ => None,
            }
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let parts =
                vec![compare(known(expr)?, CompareOp::GtEq, low)?, compare(known(expr)?, CompareOp::LtEq, high)?];
            Some(opposite(Predicate::And(parts), *negated))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let (column, data_type) = known(expr)?;
            let values = list.iter().map(|literal| value(literal, data_type)).collect::<Option<Vec<_>>>()?;
            let one_of = Predicate::In { column: column.to_owned(), values };
            (data_type != DataType::Boolean && !list.is_empty()).then(|| opposite(one_of, *negated))
        }
        // Without case they follow other tables of letters here and there.
        Expr::Like(Like { negated, expr, pattern, escape_char: None | Some('\\'), case_insensitive: false }) => {
            Some(opposite(matching(known(expr)?, pattern, TextPattern::like)?, *negated))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let read = match func.name() {
                "starts_with" => TextPattern::prefix,
                "ends_with" => TextPattern::suffix,
                "contains" => TextPattern::contains,
                _ => return None,
            };
            let [column, text] = args.as_slice() else { return None };
            matching(known(column)?, text, read)
        }
        Expr::Not(part) => Some(Predicate::Not(Box::new(predicate(part, columns)?))),
        Expr::IsNull(column) => name(column, columns).map(|name| Predicate::IsNull(name.to_owned())),
        Expr::IsNotNull(column) => name(column, columns).map(|name| Predicate::IsNotNull(name.to_owned())),
        // A BOOLEAN column by itself.
        Expr::Column(_) => {
            let (column, data_type) = known(expression)?;
            (data_type == DataType::Boolean).then(|| Predicate::Compare {
                column: column.to_owned(),
                op: CompareOp::Eq,
                value: Value::Int(1),
            })
        }
        _ => None,
    }
}

fn name<'c>(expression: &Expr, columns: &'c Columns) -> Option<&'c str> {
    let Expr::Column(column) = expression else { return None };
    columns.get_key_value(&column.name).map(|(name, _)| name.as_str())
}

/// A column whose values are compared alike here and there.
fn known<'c>(expression: &Expr, columns: &'c Columns) -> Option<(&'c str, DataType)> {
    let name = name(expression, columns)?;
    let (data_type, single_value) = *columns.get(name)?;
    (single_value && !matches!(data_type, DataType::BigDecimal | DataType::Json)).then_some((name, data_type))
}

fn compare((column, data_type): (&str, DataType), op: CompareOp, literal: &Expr) -> Option<Predicate> {
    let value = value(literal, data_type)?;
    let ordered = !matches!(op, CompareOp::Eq | CompareOp::NotEq);
    let alike = match &value {
        Value::String(text) => !ordered || text.chars().all(|char| u32::from(char) < 0xd800),
        _ => !(ordered && data_type == DataType::Boolean),
    };
    alike.then(|| Predicate::Compare { column: column.to_owned(), op, value })
}

fn matching(
    (column, data_type): (&str, DataType),
    literal: &Expr,
    read: impl Fn(&str) -> TextPattern,
) -> Option<Predicate> {
    match (data_type, value(literal, data_type)?) {
        (DataType::String, Value::String(text)) => {
            Some(Predicate::Like { column: column.to_owned(), pattern: read(&text) })
        }
        _ => None,
    }
}

/// A literal of exactly the column's type: the optimizer has brought it there, or it stays where it is.
fn value(literal: &Expr, data_type: DataType) -> Option<Value> {
    let Expr::Literal(literal, _) = literal else { return None };
    Some(match (data_type, literal) {
        (DataType::Int, ScalarValue::Int32(Some(value))) => Value::Int(*value),
        (DataType::Long, ScalarValue::Int64(Some(value))) => Value::Long(*value),
        (DataType::Float, ScalarValue::Float32(Some(value))) => Value::Float(*value),
        (DataType::Double, ScalarValue::Float64(Some(value))) => Value::Double(*value),
        (DataType::Boolean, ScalarValue::Boolean(Some(value))) => Value::Int(i32::from(*value)),
        (DataType::Timestamp, ScalarValue::TimestampMillisecond(Some(value), _)) => Value::Long(*value),
        (
            DataType::String,
            ScalarValue::Utf8(Some(value)) | ScalarValue::LargeUtf8(Some(value)) | ScalarValue::Utf8View(Some(value)),
        ) => Value::String(value.clone()),
        (
            DataType::Bytes,
            ScalarValue::Binary(Some(value))
            | ScalarValue::LargeBinary(Some(value))
            | ScalarValue::BinaryView(Some(value)),
        ) => Value::Bytes(value.clone()),
        _ => return None,
    })
}

fn opposite(predicate: Predicate, negated: bool) -> Predicate {
    if negated { Predicate::Not(Box::new(predicate)) } else { predicate }
}

fn compare_op(op: Operator) -> Option<CompareOp> {
    Some(match op {
        Operator::Eq => CompareOp::Eq,
        Operator::NotEq => CompareOp::NotEq,
        Operator::Lt => CompareOp::Lt,
        Operator::LtEq => CompareOp::LtEq,
        Operator::Gt => CompareOp::Gt,
        Operator::GtEq => CompareOp::GtEq,
        _ => return None,
    })
}

/// The comparison with its sides exchanged.
fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::LtEq => CompareOp::GtEq,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::GtEq => CompareOp::LtEq,
        same => same,
    }
}

/// The Pinot type of a canonical Arrow type, as far as conditions on it can be said.
pub(super) fn pinot_type(field: &arrow::datatypes::Field) -> Option<DataType> {
    if field.metadata().contains_key(pinotage_spec::PINOT_TYPE_KEY) {
        return None;
    }
    Some(match field.data_type() {
        Arrow::Int32 => DataType::Int,
        Arrow::Int64 => DataType::Long,
        Arrow::Float32 => DataType::Float,
        Arrow::Float64 => DataType::Double,
        Arrow::Boolean => DataType::Boolean,
        Arrow::Timestamp(TimeUnit::Millisecond, _) => DataType::Timestamp,
        Arrow::Utf8 => DataType::String,
        Arrow::Binary => DataType::Bytes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use datafusion::functions::string::expr_fn::{contains, ends_with, starts_with};
    use datafusion::prelude::{col, lit};

    use super::*;

    fn columns() -> Columns {
        let of = |(name, data_type): (&str, DataType)| (name.to_owned(), (data_type, true));
        let mut columns: Columns = [
            ("i", DataType::Int),
            ("l", DataType::Long),
            ("s", DataType::String),
            ("b", DataType::Boolean),
            ("j", DataType::Json),
            ("n", DataType::BigDecimal),
        ]
        .map(of)
        .into();
        columns.insert("m".into(), (DataType::Int, false));
        columns
    }

    fn text(expression: Expr) -> Option<String> {
        predicate(&expression, &columns()).map(|predicate| predicate.to_string())
    }

    #[test]
    fn conditions_become_predicates_that_pass_the_same_rows() {
        let cases = [
            (col("i").gt(lit(5_i32)).and(col("s").not_eq(lit("x"))), "(i > 5 AND s <> x)"),
            (lit(5_i64).lt_eq(col("l")).or(col("l").is_null()), "(l >= 5 OR l IS NULL)"),
            (col("i").between(lit(1_i32), lit(2_i32)), "(i >= 1 AND i <= 2)"),
            (col("i").not_between(lit(1_i32), lit(2_i32)), "NOT (i >= 1 AND i <= 2)"),
            (col("s").in_list(vec![lit("a"), lit("b")], true), "NOT s IN (a, b)"),
            (Expr::Not(Box::new(col("b"))), "NOT b = 1"),
            (col("m").is_not_null(), "m IS NOT NULL"),
            (col("s").like(lit("a\\_b_%")), "s LIKE a\\_b_%"),
            (col("s").not_like(lit("%a")), "NOT s LIKE %a"),
            (starts_with(col("s"), lit("50%")), "s LIKE 50\\%%"),
            (ends_with(col("s"), lit("a")), "s LIKE %a"),
            (contains(col("s"), lit("")), "s LIKE %"),
        ];
        for (expression, expected) in cases {
            assert_eq!(text(expression).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_means_something_else_in_pinot_stays_here() {
        let cases = [
            col("i").gt(lit(5_i64)),
            col("n").eq(lit("1.0")),
            col("j").eq(lit("{}")),
            col("m").eq(lit(1_i32)),
            col("s").gt(lit("\u{ffff}")),
            col("i").eq(col("l")),
            col("s").ilike(lit("a%")),
            col("j").like(lit("a%")),
            col("s").like(col("s")),
            col("i").gt(lit(1_i32)).or(col("s").ilike(lit("a%"))),
        ];
        for expression in cases {
            assert_eq!(text(expression.clone()), None, "{expression}");
        }
        assert!(text(col("s").eq(lit("\u{ffff}"))).is_some(), "equality is the same in every order");
    }
}
