//! Predicates as JSON: how they come from other languages and go to other processes.

use pinotage_common::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{CompareOp, Predicate, TextPattern};
use crate::{Schema, Value};

/// A predicate whose literals are texts: their types are those of the columns.
#[derive(Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Form {
    Compare { column: String, op: String, value: String },
    In { column: String, values: Vec<String> },
    Like { column: String, pattern: String },
    Null { column: String },
    NotNull { column: String },
    And { parts: Vec<Form> },
    Or { parts: Vec<Form> },
    Not { part: Box<Form> },
}

impl CompareOp {
    const ALL: [Self; 6] = [Self::Eq, Self::NotEq, Self::Lt, Self::LtEq, Self::Gt, Self::GtEq];
}

impl Predicate {
    /// The predicate as JSON: `{"is": "compare", "column": "day", "op": ">=", "value": "19000"}`; `in` has `values`, `like` a
    /// `pattern`, `null` and `notNull` a `column` alone, `and` and `or` have `parts`, `not` has a `part`. Literals are texts,
    /// as Pinot writes them: bytes as hex, TIMESTAMP as milliseconds.
    pub fn to_document(&self) -> Json {
        serde_json::to_value(self.form()).unwrap_or_default()
    }

    /// Reads what [`Predicate::to_document`] gives.
    ///
    /// # Errors
    ///
    /// `invalid-config` for another document, or a literal that is no value of its column; `schema-mismatch` for a column that
    /// the schema does not have.
    pub fn from_document(document: &Json, schema: &Schema) -> Result<Self> {
        let form = Form::deserialize(document)
            .map_err(|error| Error::invalid_config(format!("expected a condition on rows: {error}")))?;
        Self::of(form, schema)
    }

    fn form(&self) -> Form {
        let text = Value::to_java_string;
        let parts = |parts: &[Self]| parts.iter().map(Self::form).collect();
        match self {
            Self::Compare { column, op, value } => {
                Form::Compare { column: column.clone(), op: op.sql().into(), value: text(value) }
            }
            Self::In { column, values } => {
                Form::In { column: column.clone(), values: values.iter().map(text).collect() }
            }
            Self::Like { column, pattern } => Form::Like { column: column.clone(), pattern: pattern.to_string() },
            Self::IsNull(column) => Form::Null { column: column.clone() },
            Self::IsNotNull(column) => Form::NotNull { column: column.clone() },
            Self::And(list) => Form::And { parts: parts(list) },
            Self::Or(list) => Form::Or { parts: parts(list) },
            Self::Not(part) => Form::Not { part: Box::new(part.form()) },
        }
    }

    fn of(form: Form, schema: &Schema) -> Result<Self> {
        let value = |column: &str, text: &str| {
            let field = schema.field(column).ok_or_else(|| {
                Error::schema_mismatch("there is no such column").with("column", column).with("schema", schema.name())
            })?;
            Value::parse(field.data_type, text).map_err(|error| error.with("column", column))
        };
        let parts = |parts: Vec<Form>| parts.into_iter().map(|part| Self::of(part, schema)).collect::<Result<_>>();
        Ok(match form {
            Form::Compare { column, op, value: text } => {
                let known = CompareOp::ALL.into_iter().find(|known| known.sql() == op);
                let op = known.ok_or_else(|| Error::invalid_config(format!("`{op}` is no comparison")))?;
                Self::Compare { op, value: value(&column, &text)?, column }
            }
            Form::In { column, values } => {
                Self::In { values: values.iter().map(|text| value(&column, text)).collect::<Result<_>>()?, column }
            }
            Form::Like { column, pattern } => Self::Like { column, pattern: TextPattern::like(&pattern) },
            Form::Null { column } => Self::IsNull(column),
            Form::NotNull { column } => Self::IsNotNull(column),
            Form::And { parts: list } => Self::And(parts(list)?),
            Form::Or { parts: list } => Self::Or(parts(list)?),
            Form::Not { part } => Self::Not(Box::new(Self::of(*part, schema)?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let column = |name: &str| json!({"name": name, "dataType": name});
        let types = ["INT", "LONG", "FLOAT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "STRING", "BYTES", "BIG_DECIMAL"];
        Schema::from_document(json!({"schemaName": "t", "dimensionFieldSpecs": types.map(column)})).unwrap()
    }

    #[test]
    fn a_predicate_comes_back_as_it_was() {
        let values = [
            ("INT", Value::Int(i32::MIN)),
            ("LONG", Value::Long(i64::MAX)),
            ("FLOAT", Value::Float(1.0e-10)),
            ("FLOAT", Value::Float(f32::NEG_INFINITY)),
            ("DOUBLE", Value::Double(0.1)),
            ("DOUBLE", Value::Double(f64::MAX)),
            ("BOOLEAN", Value::Int(1)),
            ("TIMESTAMP", Value::Long(-5)),
            ("STRING", Value::String(" 'a\"\\%\n😀 ".into())),
            ("BYTES", Value::Bytes(vec![0, 255])),
            ("BIG_DECIMAL", Value::BigDecimal("-123456789012345678901234567890.50".parse().unwrap())),
        ];
        let compared = values.iter().zip(CompareOp::ALL.iter().cycle()).map(|((column, value), op)| {
            Predicate::Compare { column: (*column).into(), op: *op, value: value.clone() }
        });
        let mut parts: Vec<Predicate> = compared.collect();
        parts.push(Predicate::In { column: "INT".into(), values: vec![Value::Int(1), Value::Int(2)] });
        parts.push(Predicate::Like { column: "STRING".into(), pattern: TextPattern::like("50\\%_%") });
        parts.push(Predicate::Or(vec![Predicate::IsNull("INT".into()), Predicate::IsNotNull("LONG".into())]));
        let predicate = Predicate::Not(Box::new(Predicate::And(parts)));
        let text = predicate.to_document().to_string();
        let read = Predicate::from_document(&serde_json::from_str(&text).unwrap(), &schema()).unwrap();
        assert_eq!(read, predicate);
    }

    /// Of every condition over two columns to a depth: whether it excludes nulls is what comes of evaluating it with one.
    #[test]
    fn conditions_that_exclude_nulls_pass_no_row_without_a_value() {
        fn passes(predicate: &Predicate, of_other: Option<bool>) -> Option<bool> {
            let all = |parts: &[Predicate], end: bool| {
                let each: Vec<Option<bool>> = parts.iter().map(|part| passes(part, of_other)).collect();
                if each.contains(&Some(end)) { Some(end) } else { each.iter().all(Option::is_some).then_some(!end) }
            };
            match predicate {
                Predicate::IsNull(column) => Some(column == "INT"),
                Predicate::IsNotNull(column) => Some(column != "INT"),
                Predicate::Not(part) => passes(part, of_other).map(|it| !it),
                Predicate::And(parts) => all(parts, false),
                Predicate::Or(parts) => all(parts, true),
                other => {
                    if other.columns() == ["INT"] {
                        None
                    } else {
                        of_other
                    }
                }
            }
        }
        let compare =
            |column: &str| Predicate::Compare { column: column.into(), op: CompareOp::Eq, value: Value::Int(1) };
        let leaves = [
            compare("INT"),
            compare("LONG"),
            Predicate::In { column: "INT".into(), values: vec![Value::Int(1)] },
            Predicate::IsNull("INT".into()),
            Predicate::IsNotNull("INT".into()),
        ];
        let mut all = leaves.to_vec();
        for _ in 0..2 {
            let before = all.clone();
            for (at, one) in before.iter().enumerate() {
                let two = vec![one.clone(), leaves[at % leaves.len()].clone()];
                all.push(Predicate::Not(Box::new(one.clone())));
                all.extend([Predicate::And(two.clone()), Predicate::Or(two)]);
                all.extend(
                    leaves.iter().map(|leaf| Predicate::Not(Box::new(Predicate::Or(vec![leaf.clone(), one.clone()])))),
                );
                all.extend(leaves.iter().map(|leaf| Predicate::And(vec![leaf.clone(), one.clone()])));
            }
        }
        let mut excluding = 0;
        for predicate in &all {
            let may_pass = [None, Some(true), Some(false)].iter().any(|other| passes(predicate, *other) == Some(true));
            assert!(!may_pass || !predicate.excludes_null("INT"), "{predicate}");
            excluding += usize::from(predicate.excludes_null("INT"));
        }
        assert!(leaves.iter().filter(|leaf| leaf.excludes_null("INT")).count() == 3 && excluding > all.len() / 4);
        let nothing = [
            Predicate::And(vec![]),
            Predicate::Or(vec![]),
            Predicate::Not(Box::new(Predicate::In { column: "INT".into(), values: vec![] })),
        ];
        assert!(nothing.iter().all(|it| !it.excludes_null("INT")));
    }

    #[test]
    fn what_is_no_predicate_is_refused() {
        use pinotage_common::ErrorKind::{InvalidConfig, SchemaMismatch};
        let cases = [
            (json!({"is": "compare", "column": "INT", "op": "=", "value": "x"}), InvalidConfig),
            (json!({"is": "compare", "column": "INT", "op": "~", "value": "1"}), InvalidConfig),
            (json!({"is": "compare", "column": "none", "op": "=", "value": "1"}), SchemaMismatch),
            (json!({"is": "between", "column": "INT"}), InvalidConfig),
            (json!({"is": "null", "column": "INT", "more": 1}), InvalidConfig),
            (json!([]), InvalidConfig),
        ];
        for (document, kind) in cases {
            assert_eq!(Predicate::from_document(&document, &schema()).unwrap_err().kind(), kind, "{document}");
        }
    }
}
