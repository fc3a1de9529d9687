//! A predicate in the SQL of Pinot's servers.

use pinotage_common::{Error, Result};

use super::{CompareOp, Predicate};
use crate::{DataType, FieldSpec, Schema, StoredType, Value};

/// Values in one `IN`; longer lists become several, joined by OR.
const IN_CHUNK: usize = 1_000;

/// More values than this are sent as their range: parsing them would take a server longer than reading the rows.
const MAX_IN: usize = 20_000;

/// A condition in Pinot's SQL, that lets through at least the rows of a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterSql {
    /// What stands after `WHERE`.
    pub sql: String,
    /// It lets through the rows of the predicate and no others. Otherwise the predicate has to be checked again.
    pub exact: bool,
}

impl FilterSql {
    fn exact(sql: String) -> Option<Self> {
        Some(Self { sql, exact: true })
    }

    fn wider(sql: String) -> Option<Self> {
        Some(Self { sql, exact: false })
    }
}

impl Predicate {
    /// The predicate in Pinot's SQL, as far as it can be said there; `None` when nothing of it can.
    ///
    /// With the query option `enableNullHandling=true` a null is unknown to servers too, as it is here; without it,
    /// columns must not track nulls. Literals are written so that every release reads them as the value that they are:
    /// TIMESTAMP as milliseconds, FLOAT, DOUBLE and BIG_DECIMAL as quoted text (which no optimizer rounds), BYTES as hex.
    /// What releases and indexes answer differently is widened or left out, and then not `exact`: -0.0 beside 0.0, NaN as
    /// a literal, JSON texts.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a column that the schema does not have; `invalid-config` for a literal of another type than
    /// its column.
    pub fn to_sql(&self, schema: &Schema) -> Result<Option<FilterSql>> {
        Ok(match self {
            Self::Compare { column, op, value } => compare(field(schema, column, [value])?, *op, value),
            Self::In { column, values } => is_in(field(schema, column, values)?, values),
            Self::IsNull(column) => {
                field(schema, column, [])?;
                FilterSql::exact(format!("{} IS NULL", quoted(column)))
            }
            Self::IsNotNull(column) => {
                field(schema, column, [])?;
                FilterSql::exact(format!("{} IS NOT NULL", quoted(column)))
            }
            Self::And(parts) => {
                let mut exact = true;
                let mut said = Vec::with_capacity(parts.len());
                for part in parts {
                    match part.to_sql(schema)? {
                        Some(part) => {
                            exact &= part.exact;
                            said.push(part.sql);
                        }
                        None => exact = false,
                    }
                }
                (!said.is_empty()).then(|| FilterSql { sql: joined(said, " AND "), exact })
            }
            Self::Or(parts) => {
                let said = parts.iter().map(|part| part.to_sql(schema)).collect::<Result<Option<Vec<_>>>>()?;
                said.filter(|said| !said.is_empty()).map(|said| FilterSql {
                    exact: said.iter().all(|part| part.exact),
                    sql: joined(said.into_iter().map(|part| part.sql).collect(), " OR "),
                })
            }
            // What is let through too much inside would be missing outside.
            Self::Not(part) => part
                .to_sql(schema)?
                .filter(|part| part.exact)
                .map(|part| FilterSql { sql: format!("NOT ({})", part.sql), exact: true }),
        })
    }
}

/// A name as Pinot's SQL takes any: in double quotes.
pub fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

fn field<'s>(schema: &'s Schema, column: &str, values: impl IntoIterator<Item = &'s Value>) -> Result<&'s FieldSpec> {
    let field = schema.field(column).ok_or_else(|| {
        Error::schema_mismatch("the table has no such column")
            .with("column", column)
            .action("use one of the schema's columns")
    })?;
    match values.into_iter().find(|value| value.stored_type() != field.data_type.stored()) {
        None => Ok(field),
        Some(value) => Err(Error::invalid_config(format!(
            "a {} column cannot be compared with `{}`",
            field.data_type,
            value.to_java_string()
        ))
        .with("column", column)),
    }
}

fn compare(field: &FieldSpec, op: CompareOp, value: &Value) -> Option<FilterSql> {
    let column = quoted(&field.name);
    let sql = |op: CompareOp| Some(format!("{column} {} {}", op.sql(), literal(field, value)?));
    let zero = match value {
        Value::Float(value) => *value == 0.0,
        Value::Double(value) => *value == 0.0,
        _ => false,
    };
    match (field.data_type, op) {
        // Texts are stored in Pinot's own form, and servers before 1.0 compare them in another way.
        (DataType::Json, _) => None,
        // Only equality means the same in every release.
        (DataType::Boolean, CompareOp::Eq | CompareOp::NotEq) => FilterSql::exact(sql(op)?),
        (DataType::Boolean, _) => None,
        // Raw columns take -0.0 and 0.0 for one number, dictionaries for two.
        _ if zero => match op {
            CompareOp::Eq => FilterSql::wider(sql(op)?),
            CompareOp::Lt | CompareOp::LtEq => FilterSql::wider(sql(CompareOp::LtEq)?),
            CompareOp::Gt | CompareOp::GtEq => FilterSql::wider(sql(CompareOp::GtEq)?),
            CompareOp::NotEq => None,
        },
        _ => FilterSql::exact(sql(op)?),
    }
}

fn is_in(field: &FieldSpec, values: &[Value]) -> Option<FilterSql> {
    let column = quoted(&field.name);
    if values.is_empty() || field.data_type == DataType::Json {
        return None;
    }
    if values.len() > MAX_IN {
        let mut ordered: Vec<&Value> = values.iter().collect();
        ordered.sort_by(|a, b| a.compare(b).unwrap_or(std::cmp::Ordering::Equal));
        // Several values of one row may lie on both sides of a range's end, each by itself.
        let low = compare(field, CompareOp::GtEq, ordered.first()?)?;
        let high = compare(field, CompareOp::LtEq, ordered.last()?)?;
        return FilterSql::wider(joined(vec![low.sql, high.sql], " AND "));
    }
    let mut exact = true;
    let mut literals = Vec::with_capacity(values.len());
    for value in values {
        exact &= compare(field, CompareOp::Eq, value)?.exact;
        literals.push(literal(field, value)?);
    }
    let chunks = literals.chunks(IN_CHUNK).map(|chunk| format!("{column} IN ({})", chunk.join(", "))).collect();
    Some(FilterSql { sql: joined(chunks, " OR "), exact })
}

/// A literal that every release reads as this value; `None` where they differ.
fn literal(field: &FieldSpec, value: &Value) -> Option<String> {
    let text = value.to_java_string();
    Some(match (field.data_type.stored(), value) {
        (_, Value::Int(value)) if field.data_type == DataType::Boolean => (*value != 0).to_string(),
        // The parser takes the sign for an operator, and the number behind it for a decimal.
        (StoredType::Long, Value::Long(i64::MIN)) => format!("'{text}'"),
        (StoredType::Int | StoredType::Long, _) => text,
        (_, Value::Float(value)) if value.is_nan() => return None,
        (_, Value::Double(value)) if value.is_nan() => return None,
        (_, Value::BigDecimal(value)) => format!("'{}'", value.to_plain_string()),
        (StoredType::String, _) => format!("'{}'", text.replace('\'', "''")),
        _ => format!("'{text}'"),
    })
}

fn joined(mut parts: Vec<String>, word: &str) -> String {
    if parts.len() == 1 { parts.remove(0) } else { format!("({})", parts.join(word)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "i", "dataType": "INT"}, {"name": "l", "dataType": "LONG"}, {"name": "f", "dataType": "FLOAT"},
        {"name": "d", "dataType": "DOUBLE"}, {"name": "n", "dataType": "BIG_DECIMAL"}, {"name": "b", "dataType": "BOOLEAN"},
        {"name": "s \"q\"", "dataType": "STRING"}, {"name": "j", "dataType": "JSON"}, {"name": "x", "dataType": "BYTES"},
        {"name": "m", "dataType": "STRING", "singleValueField": false}],
        "dateTimeFieldSpecs": [{"name": "t", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}]}"#;

    fn compare(column: &str, op: CompareOp, value: Value) -> Predicate {
        Predicate::Compare { column: column.into(), op, value }
    }

    fn sql(predicate: &Predicate) -> Option<(String, bool)> {
        let schema = Schema::from_json(SCHEMA).unwrap();
        predicate.to_sql(&schema).unwrap().map(|filter| (filter.sql, filter.exact))
    }

    #[test]
    fn literals_are_those_that_every_release_reads_alike() {
        use CompareOp::*;
        let cases = [
            (compare("i", Lt, Value::Int(-5)), "\"i\" < -5"),
            (compare("l", GtEq, Value::Long(i64::MIN)), "\"l\" >= '-9223372036854775808'"),
            (compare("f", Gt, Value::Float(0.1)), "\"f\" > '0.1'"),
            (compare("d", NotEq, Value::Double(f64::INFINITY)), "\"d\" <> 'Infinity'"),
            (compare("d", Eq, Value::Double(1e300)), "\"d\" = '1.0E300'"),
            (compare("n", LtEq, Value::BigDecimal("1E+3".parse().unwrap())), "\"n\" <= '1000'"),
            (compare("b", Eq, Value::Int(1)), "\"b\" = true"),
            (compare("s \"q\"", Eq, Value::String("it's 100%".into())), "\"s \"\"q\"\"\" = 'it''s 100%'"),
            (compare("x", Eq, Value::Bytes(vec![0, 255])), "\"x\" = '00ff'"),
            (compare("t", LtEq, Value::Long(1_700_000_000_000)), "\"t\" <= 1700000000000"),
            (
                Predicate::In {
                    column: "m".into(),
                    values: vec![Value::String("a".into()), Value::String("b".into())],
                },
                "\"m\" IN ('a', 'b')",
            ),
            (
                Predicate::Not(Box::new(Predicate::Or(vec![
                    Predicate::IsNull("i".into()),
                    Predicate::IsNotNull("l".into()),
                ]))),
                "NOT ((\"i\" IS NULL OR \"l\" IS NOT NULL))",
            ),
        ];
        for (predicate, expected) in cases {
            assert_eq!(sql(&predicate), Some((expected.into(), true)), "{predicate}");
        }
    }

    #[test]
    fn what_is_not_alike_everywhere_is_wider_or_left_out() {
        use CompareOp::*;
        let none = [
            compare("d", Eq, Value::Double(f64::NAN)),
            compare("d", NotEq, Value::Double(0.0)),
            compare("j", Eq, Value::String("{}".into())),
            compare("b", Lt, Value::Int(1)),
            Predicate::In { column: "i".into(), values: vec![] },
            Predicate::Not(Box::new(compare("d", Eq, Value::Double(0.0)))),
            Predicate::Or(vec![compare("i", Eq, Value::Int(1)), compare("j", Eq, Value::String("{}".into()))]),
            Predicate::And(vec![]),
        ];
        for predicate in none {
            assert_eq!(sql(&predicate), None, "{predicate}");
        }
        assert_eq!(sql(&compare("d", Lt, Value::Double(-0.0))), Some(("\"d\" <= '-0.0'".into(), false)));
        let both = Predicate::And(vec![compare("i", Eq, Value::Int(1)), compare("j", Eq, Value::String("{}".into()))]);
        assert_eq!(sql(&both), Some(("\"i\" = 1".into(), false)));
    }

    #[test]
    fn long_lists_are_cut_and_very_long_ones_become_a_range() {
        let list = |len: i32| Predicate::In { column: "i".into(), values: (0..len).map(Value::Int).collect() };
        let (text, exact) = sql(&list(2_500)).unwrap();
        assert_eq!((text.matches(" IN (").count(), exact), (3, true));
        assert_eq!(sql(&list(20_001)), Some(("(\"i\" >= 0 AND \"i\" <= 20000)".into(), false)));
    }

    #[test]
    fn an_unknown_column_and_a_wrong_literal_are_named() {
        let schema = Schema::from_json(SCHEMA).unwrap();
        let error = compare("z", CompareOp::Eq, Value::Int(1)).to_sql(&schema).unwrap_err();
        assert!(error.context().contains(&("column", "z".into())));
        assert!(compare("i", CompareOp::Eq, Value::Long(1)).to_sql(&schema).is_err());
    }
}
