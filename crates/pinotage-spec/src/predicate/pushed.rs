//! What of a predicate Pinot's servers are told.

use pinotage_common::{Error, Result};

use super::{CompareOp, Predicate, TextPattern};
use crate::query::{Expression, Literal, Operator};
use crate::{DataType, FieldSpec, Schema, StoredType, Value};

/// Values in one `IN`; longer lists become several, joined by OR.
const IN_CHUNK: usize = 1_000;

/// More values than this are sent as their range: parsing them would take a server longer than reading the rows.
const MAX_IN: usize = 20_000;

/// A column that no row has below 0, in every release.
const DOC_ID: &str = "$docId";

/// What Pinot takes for no bound at all, also where it is a literal.
const UNBOUNDED: &str = "*";

/// Parsers of old releases make one quote of two, even where each of them was written twice.
const TWO_QUOTES: &str = "''";

/// A condition for servers, that lets through at least the rows of a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What stands after `WHERE`.
    pub filter: Expression,
    /// It lets through the rows of the predicate and no others. Otherwise the predicate has to be checked again.
    pub exact: bool,
}

/// A part of a predicate on its way to servers.
enum Said {
    /// Every row passes.
    All,
    /// No row passes.
    Nothing,
    Pushed(Pushed),
    /// It cannot be said.
    No,
}

impl Said {
    fn exact(filter: Expression) -> Self {
        Self::Pushed(Pushed { filter, exact: true })
    }

    fn wider(filter: Expression) -> Self {
        Self::Pushed(Pushed { filter, exact: false })
    }
}

/// What is known of the columns.
struct Columns<'a> {
    schema: &'a Schema,
    nullable: &'a dyn Fn(&str) -> bool,
    fst: &'a dyn Fn(&str) -> bool,
}

impl Predicate {
    /// What of the predicate can be said to servers; `None` when nothing of it can, or nothing has to.
    ///
    /// It means the same with and without the query option `enableNullHandling`: releases do not agree what is unknown, so
    /// nothing that is unknown is left to them. Opposites are taken of single comparisons, never of AND and OR, and a
    /// comparison of a column that keeps nulls says that it wants none. A column that is not `nullable` has no nulls,
    /// whatever segments say.
    ///
    /// Literals are written so that every release reads them as the value that they are: TIMESTAMP as milliseconds, FLOAT,
    /// DOUBLE and BIG_DECIMAL as quoted text (which no optimizer rounds), BYTES as hex. What releases and indexes answer
    /// differently is widened or left out, and then not `exact`: -0.0 beside 0.0, NaN as a literal, JSON texts, what stands
    /// before or behind the text `*`.
    ///
    /// Patterns are regular expressions: Pinot's LIKE is without case from 1.5 on and does not reach over line breaks. Columns
    /// with an `fst` index are asked no patterns: it has a language of its own for them.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a column that the schema does not have; `invalid-config` for a literal of another type than
    /// its column, and for a pattern on a column that has no texts.
    pub fn pushed(
        &self,
        schema: &Schema,
        nullable: &dyn Fn(&str) -> bool,
        fst: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Pushed>> {
        Ok(match self.say(false, &Columns { schema, nullable, fst })? {
            Said::All | Said::No => None,
            Said::Nothing => Some(Pushed { filter: nothing(), exact: true }),
            Said::Pushed(pushed) => Some(pushed),
        })
    }

    /// The predicate or its opposite; what is unknown passes neither.
    fn say(&self, opposite: bool, columns: &Columns<'_>) -> Result<Said> {
        let Columns { schema, nullable, fst } = columns;
        let parts = |parts: &[Self]| parts.iter().map(|part| part.say(opposite, columns)).collect::<Result<Vec<_>>>();
        let (column, said) = match self {
            Self::And(list) if opposite => return Ok(any(parts(list)?)),
            Self::Or(list) if !opposite => return Ok(any(parts(list)?)),
            Self::And(list) | Self::Or(list) => return Ok(all(parts(list)?)),
            Self::Not(part) => return part.say(!opposite, columns),
            Self::IsNull(column) | Self::IsNotNull(column) => {
                field(schema, column, [])?;
                let null = matches!(self, Self::IsNull(_)) != opposite;
                return Ok(match (nullable(column), null) {
                    (true, true) => Said::exact(Expression::column(column).of(Operator::IsNull)),
                    (true, false) => Said::exact(Expression::column(column).of(Operator::IsNotNull)),
                    (false, true) => Said::Nothing,
                    (false, false) => Said::All,
                });
            }
            Self::Compare { column, op, value } => {
                let field = field(schema, column, [value])?;
                // One value of a list may pass while another one does not: opposites are not always comparisons.
                let ordered = !matches!(op, CompareOp::Eq | CompareOp::NotEq);
                let said = match compare(field, if opposite { op.opposite() } else { *op }, value) {
                    Said::Pushed(_) if opposite && ordered && !field.single_value => not(compare(field, *op, value)),
                    said => said,
                };
                (column, said)
            }
            Self::In { column, values } => {
                let said = is_in(field(schema, column, values)?, values);
                (column, if opposite { not(said) } else { said })
            }
            Self::Like { column, pattern } => {
                let text = Value::String(String::new());
                let field = field(schema, column, [&text])?;
                let said = if fst(column) { Said::No } else { like(field, pattern) };
                (column, if opposite { not(said) } else { said })
            }
        };
        Ok(match said {
            Said::Pushed(Pushed { filter, exact }) if nullable(column) => {
                let there = Expression::column(column).of(Operator::IsNotNull);
                joined(Operator::And, vec![filter, there], exact)
            }
            said => said,
        })
    }
}

fn not(said: Said) -> Said {
    match said {
        Said::All => Said::Nothing,
        Said::Nothing => Said::All,
        Said::Pushed(Pushed { filter, exact: true }) => Said::exact(filter.of(Operator::Not)),
        // What is let through too much inside would be missing outside.
        Said::Pushed(_) | Said::No => Said::No,
    }
}

fn all(parts: Vec<Said>) -> Said {
    let (mut exact, mut said) = (true, Vec::with_capacity(parts.len()));
    for part in parts {
        match part {
            Said::All => {}
            Said::Nothing => return Said::Nothing,
            Said::No => exact = false,
            Said::Pushed(part) => {
                exact &= part.exact;
                said.push(part.filter);
            }
        }
    }
    match (said.is_empty(), exact) {
        (true, true) => Said::All,
        (true, false) => Said::No,
        (false, exact) => joined(Operator::And, said, exact),
    }
}

fn any(parts: Vec<Said>) -> Said {
    let (mut exact, mut said, mut whole) = (true, Vec::with_capacity(parts.len()), true);
    for part in parts {
        match part {
            Said::All => return Said::All,
            Said::Nothing => {}
            Said::No => whole = false,
            Said::Pushed(part) => {
                exact &= part.exact;
                said.push(part.filter);
            }
        }
    }
    match (whole, said.is_empty()) {
        (false, _) => Said::No,
        (true, true) => Said::Nothing,
        (true, false) => joined(Operator::Or, said, exact),
    }
}

fn field<'s, 'v>(
    schema: &'s Schema,
    column: &str,
    values: impl IntoIterator<Item = &'v Value>,
) -> Result<&'s FieldSpec> {
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

fn compare(field: &FieldSpec, op: CompareOp, value: &Value) -> Said {
    let Some(literal) = literal(field, value) else { return Said::No };
    let said = |op: CompareOp| Expression::column(&field.name).compare(operator(op), literal.clone());
    let zero = match value {
        Value::Float(value) => *value == 0.0,
        Value::Double(value) => *value == 0.0,
        _ => false,
    };
    let ordered = !matches!(op, CompareOp::Eq | CompareOp::NotEq);
    match (field.data_type, op) {
        (DataType::String, _) if ordered && *value == Value::String(UNBOUNDED.into()) => Said::No,
        // Texts are stored in Pinot's own form, and servers before 1.0 compare them in another way.
        (DataType::Json, _) => Said::No,
        (DataType::Boolean, CompareOp::Eq | CompareOp::NotEq) => Said::exact(said(op)),
        // Only equality means the same in every release.
        (DataType::Boolean, _) => Said::No,
        // Raw columns take -0.0 and 0.0 for one number, dictionaries for two.
        _ if zero => match op {
            CompareOp::Eq => Said::wider(said(op)),
            CompareOp::Lt | CompareOp::LtEq => Said::wider(said(CompareOp::LtEq)),
            CompareOp::Gt | CompareOp::GtEq => Said::wider(said(CompareOp::GtEq)),
            CompareOp::NotEq => Said::No,
        },
        _ => Said::exact(said(op)),
    }
}

fn is_in(field: &FieldSpec, values: &[Value]) -> Said {
    if values.is_empty() {
        return Said::Nothing;
    }
    if values.len() > MAX_IN {
        let mut ordered: Vec<&Value> = values.iter().collect();
        ordered.sort_by(|a, b| a.compare(b).unwrap_or(std::cmp::Ordering::Equal));
        let ends = ordered.first().zip(ordered.last());
        return match ends
            .map(|(low, high)| (compare(field, CompareOp::GtEq, low), compare(field, CompareOp::LtEq, high)))
        {
            // Several values of one row may lie on both sides of the range, which lets the row through.
            Some((Said::Pushed(low), Said::Pushed(high))) => {
                joined(Operator::And, vec![low.filter, high.filter], false)
            }
            _ => Said::No,
        };
    }
    let mut exact = true;
    let mut literals = Vec::with_capacity(values.len());
    for value in values {
        match (compare(field, CompareOp::Eq, value), literal(field, value)) {
            (Said::Pushed(said), Some(literal)) => {
                exact &= said.exact;
                literals.push(literal);
            }
            _ => return Said::No,
        }
    }
    let chunk = |chunk: &[Expression]| Expression::column(&field.name).is_in(chunk.iter().cloned());
    joined(Operator::Or, literals.chunks(IN_CHUNK).map(chunk).collect(), exact)
}

fn like(field: &FieldSpec, pattern: &TextPattern) -> Said {
    if field.data_type != DataType::String {
        return Said::No;
    }
    let column = || Expression::column(&field.name);
    // A range can be answered by dictionaries and indexes. Several values of one row may lie on both sides of it.
    if let Some(prefix) = pattern.as_prefix().filter(|_| field.single_value)
        && let Some((rest, last @ ' '..'~')) = prefix.char_indices().next_back().map(|(at, last)| (&prefix[..at], last))
    {
        let end = format!("{rest}{}", char::from(last as u8 + 1));
        if ![prefix, &end].iter().any(|bound| *bound == UNBOUNDED || bound.contains(TWO_QUOTES)) {
            let low = column().compare(Operator::GreaterThanOrEqual, Expression::text(prefix));
            let high = column().compare(Operator::LessThan, Expression::text(end));
            return joined(Operator::And, vec![low, high], true);
        }
    }
    Said::exact(column().compare(Operator::RegexpLike, Expression::text(pattern.to_regex())))
}

/// A literal that every release reads as this value; `None` where they differ.
fn literal(field: &FieldSpec, value: &Value) -> Option<Expression> {
    Some(Expression::Literal(match (field.data_type.stored(), value) {
        (_, Value::Int(value)) if field.data_type == DataType::Boolean => Literal::Bool(*value != 0),
        // The parser takes the sign for an operator, and the number behind it for a decimal.
        (StoredType::Long, Value::Long(i64::MIN)) => Literal::Text(i64::MIN.to_string()),
        (StoredType::Int, Value::Int(value)) => Literal::Long((*value).into()),
        (StoredType::Long, Value::Long(value)) => Literal::Long(*value),
        (_, Value::Float(value)) if value.is_nan() => return None,
        (_, Value::Double(value)) if value.is_nan() => return None,
        (_, Value::BigDecimal(value)) => Literal::Text(value.to_plain_string()),
        (_, Value::String(text)) if text.contains(TWO_QUOTES) => return None,
        _ => Literal::Text(value.to_java_string()),
    }))
}

fn operator(op: CompareOp) -> Operator {
    match op {
        CompareOp::Eq => Operator::Equals,
        CompareOp::NotEq => Operator::NotEquals,
        CompareOp::Lt => Operator::LessThan,
        CompareOp::LtEq => Operator::LessThanOrEqual,
        CompareOp::Gt => Operator::GreaterThan,
        CompareOp::GtEq => Operator::GreaterThanOrEqual,
    }
}

/// A condition that no row meets.
fn nothing() -> Expression {
    Expression::column(DOC_ID).compare(Operator::LessThan, Expression::Literal(Literal::Long(0)))
}

fn joined(operator: Operator, parts: Vec<Expression>, exact: bool) -> Said {
    Expression::joined(operator, parts).map_or(Said::No, |filter| Said::Pushed(Pushed { filter, exact }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "i", "dataType": "INT"}, {"name": "l", "dataType": "LONG"}, {"name": "f", "dataType": "FLOAT"},
        {"name": "d", "dataType": "DOUBLE"}, {"name": "n", "dataType": "BIG_DECIMAL"}, {"name": "b", "dataType": "BOOLEAN"},
        {"name": "s \"q\"", "dataType": "STRING"}, {"name": "j", "dataType": "JSON"}, {"name": "x", "dataType": "BYTES"},
        {"name": "r", "dataType": "STRING"}, {"name": "fst", "dataType": "STRING"},
        {"name": "m", "dataType": "STRING", "singleValueField": false}],
        "dateTimeFieldSpecs": [{"name": "t", "dataType": "TIMESTAMP", "format": "TIMESTAMP", "granularity": "1:MILLISECONDS"}]}"#;

    fn compare(column: &str, op: CompareOp, value: Value) -> Predicate {
        Predicate::Compare { column: column.into(), op, value }
    }

    fn sql(predicate: &Predicate) -> Option<(String, bool)> {
        let schema = Schema::from_json(SCHEMA).unwrap();
        predicate
            .pushed(&schema, &|_| false, &|column| column == "fst")
            .unwrap()
            .map(|said| (said.filter.to_string(), said.exact))
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
            compare("r", Lt, Value::String("*".into())),
            compare("r", Eq, Value::String("two '' quotes".into())),
            Predicate::Not(Box::new(compare("d", Eq, Value::Double(0.0)))),
            Predicate::Or(vec![compare("i", Eq, Value::Int(1)), compare("j", Eq, Value::String("{}".into()))]),
            Predicate::And(vec![]),
        ];
        for predicate in none {
            assert_eq!(sql(&predicate), None, "{predicate}");
        }
        assert_eq!(sql(&compare("d", Lt, Value::Double(-0.0))), Some(("\"d\" <= '-0.0'".into(), false)));
        let empty = Predicate::In { column: "i".into(), values: vec![] };
        assert_eq!(sql(&empty), Some(("\"$docId\" < 0".into(), true)));
        let both = Predicate::And(vec![compare("i", Eq, Value::Int(1)), compare("j", Eq, Value::String("{}".into()))]);
        assert_eq!(sql(&both), Some(("\"i\" = 1".into(), false)));
    }

    #[test]
    fn what_is_unknown_is_not_left_to_servers() {
        use CompareOp::*;
        let schema = Schema::from_json(SCHEMA).unwrap();
        let not = |part| Predicate::Not(Box::new(part));
        let (i, null) = (compare("i", Eq, Value::Int(1)), Predicate::IsNull("i".into()));
        let text = Predicate::In { column: "m".into(), values: vec![Value::String("a".into())] };
        let (low, unequal) =
            (compare("m", Lt, Value::String("a".into())), compare("m", NotEq, Value::String("a".into())));
        // The predicate, then for a column that keeps nulls, then for one that does not.
        let cases = [
            (i.clone(), "(\"i\" = 1 AND \"i\" IS NOT NULL)", "\"i\" = 1"),
            (not(i.clone()), "(\"i\" <> 1 AND \"i\" IS NOT NULL)", "\"i\" <> 1"),
            (null.clone(), "\"i\" IS NULL", "\"$docId\" < 0"),
            (
                not(Predicate::And(vec![i.clone(), null])),
                "((\"i\" <> 1 AND \"i\" IS NOT NULL) OR \"i\" IS NOT NULL)",
                "",
            ),
            (not(text), "(NOT (\"m\" IN ('a')) AND \"m\" IS NOT NULL)", "NOT (\"m\" IN ('a'))"),
            (not(low), "(NOT (\"m\" < 'a') AND \"m\" IS NOT NULL)", "NOT (\"m\" < 'a')"),
            (not(unequal), "(\"m\" = 'a' AND \"m\" IS NOT NULL)", "\"m\" = 'a'"),
        ];
        for (predicate, with, without) in cases {
            for (nullable, expected) in [(true, with), (false, without)] {
                let said = predicate.pushed(&schema, &|_| nullable, &|_| false).unwrap();
                assert!(said.as_ref().is_none_or(|said| said.exact));
                assert_eq!(
                    said.map_or(String::new(), |said| said.filter.to_string()),
                    expected,
                    "{predicate}, nullable: {nullable}"
                );
            }
        }
    }

    #[test]
    fn patterns_are_ranges_or_regular_expressions() {
        let like = |column: &str, pattern| Predicate::Like { column: column.into(), pattern };
        let not = |part| Predicate::Not(Box::new(part));
        let cases = [
            ("it's%", r#"("r" >= 'it''s' AND "r" < 'it''t')"#),
            (")%", r#"REGEXP_LIKE("r", '(?s-i)^\)')"#),
            ("é%", r#"REGEXP_LIKE("r", '(?s-i)^é')"#),
            ("~%", r#"REGEXP_LIKE("r", '(?s-i)^\~')"#),
            ("%it's", r#"REGEXP_LIKE("r", '(?s-i)it\''s\z')"#),
        ];
        for (pattern, expected) in cases {
            assert_eq!(sql(&like("r", TextPattern::like(pattern))), Some((expected.into(), true)), "{pattern}");
        }
        let many = like("m", TextPattern::prefix("a"));
        assert_eq!(sql(&not(many)), Some(("NOT (REGEXP_LIKE(\"m\", '(?s-i)^a'))".into(), true)));
        assert_eq!(sql(&like("j", TextPattern::prefix("a"))), None, "JSON is stored in Pinot's own form");
        assert_eq!(sql(&like("fst", TextPattern::prefix("a"))), None);
        let schema = Schema::from_json(SCHEMA).unwrap();
        assert!(like("i", TextPattern::prefix("a")).pushed(&schema, &|_| false, &|_| false).is_err());
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
        let error = compare("z", CompareOp::Eq, Value::Int(1)).pushed(&schema, &|_| false, &|_| false).unwrap_err();
        assert!(error.context().contains(&("column", "z".into())));
        assert!(compare("i", CompareOp::Eq, Value::Long(1)).pushed(&schema, &|_| false, &|_| false).is_err());
    }
}
