//! The one predicate: what a scan can be asked to keep.

use std::cmp::Ordering;
use std::fmt;

use crate::Value;

mod document;
mod pattern;
mod pushed;

pub use pattern::TextPattern;
pub use pushed::Pushed;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
}

impl CompareOp {
    /// The comparison that holds where this one does not.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Eq => Self::NotEq,
            Self::NotEq => Self::Eq,
            Self::Lt => Self::GtEq,
            Self::LtEq => Self::Gt,
            Self::Gt => Self::LtEq,
            Self::GtEq => Self::Lt,
        }
    }

    /// As in SQL.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
        }
    }

    /// Whether a value that stands in this order to the literal passes.
    pub fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::NotEq => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::LtEq => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::GtEq => ordering.is_ge(),
        }
    }
}

/// A condition on the rows of a segment.
///
/// SQL semantics: a comparison with a null is unknown, and an unknown row does not pass. On a multi-value column a
/// comparison passes when any value of the row passes, and `NotEq` when none is equal, as in Pinot. Literals are of
/// the column's stored type.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// `column op literal`
    Compare {
        /// The column's name.
        column: String,
        /// The comparison.
        op: CompareOp,
        /// The literal, of the column's stored type.
        value: Value,
    },
    /// `column IN (…)`
    In {
        /// The column's name.
        column: String,
        /// The literals, of the column's stored type.
        values: Vec<Value>,
    },
    /// `column LIKE …`; only for STRING.
    Like {
        /// The column's name.
        column: String,
        /// What its texts have to match.
        pattern: TextPattern,
    },
    /// `column IS NULL`
    IsNull(String),
    /// `column IS NOT NULL`
    IsNotNull(String),
    /// All of them.
    And(Vec<Predicate>),
    /// Any of them.
    Or(Vec<Predicate>),
    /// The opposite; unknown stays unknown.
    Not(Box<Predicate>),
}

impl Predicate {
    /// The names of the columns, each once, in the order in which they occur.
    pub fn columns(&self) -> Vec<&str> {
        fn collect<'p>(predicate: &'p Predicate, columns: &mut Vec<&'p str>) {
            match predicate {
                Predicate::Compare { column, .. }
                | Predicate::In { column, .. }
                | Predicate::Like { column, .. }
                | Predicate::IsNull(column)
                | Predicate::IsNotNull(column) => {
                    if !columns.contains(&column.as_str()) {
                        columns.push(column);
                    }
                }
                Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(|part| collect(part, columns)),
                Predicate::Not(part) => collect(part, columns),
            }
        }
        let mut columns = Vec::new();
        collect(self, &mut columns);
        columns
    }

    /// No row passes that has no value in the column.
    pub fn excludes_null(&self, column: &str) -> bool {
        // A comparison with nothing is unknown, and so is its opposite; neither passes.
        fn excludes(predicate: &Predicate, column: &str, opposite: bool) -> bool {
            match predicate {
                Predicate::Compare { column: of, .. } | Predicate::Like { column: of, .. } => of == column,
                Predicate::In { column: of, values } => of == column && !values.is_empty(),
                Predicate::IsNull(of) => of == column && opposite,
                Predicate::IsNotNull(of) => of == column && !opposite,
                Predicate::Not(part) => excludes(part, column, !opposite),
                Predicate::And(parts) | Predicate::Or(parts) => {
                    let mut parts = parts.iter().map(|part| excludes(part, column, opposite)).peekable();
                    match matches!(predicate, Predicate::And(_)) != opposite {
                        true => parts.any(|it| it),
                        false => parts.peek().is_some() && parts.all(|it| it),
                    }
                }
            }
        }
        excludes(self, column, false)
    }

    /// All of some conditions; `None` when there are none.
    pub fn all(parts: impl IntoIterator<Item = Predicate>) -> Option<Predicate> {
        let mut parts: Vec<Predicate> = parts.into_iter().collect();
        match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(Predicate::And(parts)),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Predicate], word: &str| {
            f.write_str("(")?;
            for (i, part) in parts.iter().enumerate() {
                write!(f, "{}{part}", if i == 0 { "" } else { word })?;
            }
            f.write_str(")")
        };
        match self {
            Self::Compare { column, op, value } => {
                write!(f, "{column} {} {}", op.sql(), value.to_java_string())
            }
            Self::In { column, values } => {
                let values: Vec<String> = values.iter().map(Value::to_java_string).collect();
                write!(f, "{column} IN ({})", values.join(", "))
            }
            Self::Like { column, pattern } => write!(f, "{column} LIKE {pattern}"),
            Self::IsNull(column) => write!(f, "{column} IS NULL"),
            Self::IsNotNull(column) => write!(f, "{column} IS NOT NULL"),
            Self::And(parts) => list(f, parts, " AND "),
            Self::Or(parts) => list(f, parts, " OR "),
            Self::Not(part) => write!(f, "NOT {part}"),
        }
    }
}
