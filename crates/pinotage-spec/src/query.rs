//! A query of one table, as servers take it: with text or as a tree.

use std::collections::BTreeMap;
use std::fmt;

/// A query of one table.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.request.PinotQuery`; its [`fmt::Display`] is the SQL that Pinot makes the same tree of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinotQuery {
    /// The table with its type, such as `sales_OFFLINE`.
    pub table: String,
    /// The query options, such as `timeoutMs`.
    pub options: BTreeMap<&'static str, String>,
    /// What each row of the answer is; never empty.
    pub select: Vec<Expression>,
    /// Which rows count.
    pub filter: Option<Expression>,
    /// What makes rows a group.
    pub group_by: Vec<Expression>,
    /// What the rows are ordered by, first key first: each [`Operator::Asc`] or [`Operator::Desc`] of an expression.
    pub order_by: Vec<Expression>,
    /// The most rows of the answer; Pinot's own default is 10.
    pub limit: u32,
}

/// A column, a value, or what is made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// A column.
    Column(String),
    /// All columns, in `COUNT(*)`.
    Star,
    /// A value.
    Literal(Literal),
    /// A condition or function of others.
    Call(Operator, Vec<Expression>),
}

/// A value in a query. Of numbers that are not whole, and of bytes, Pinot reads the text by the type of the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A text.
    Text(String),
}

/// What is done with the operands of an [`Expression::Call`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    And,
    Or,
    Not,
    Equals,
    NotEquals,
    LessThan,
    LessThanOrEqual,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    IsNotNull,
    RegexpLike,
    Count,
    Min,
    Max,
    MinLong,
    MaxLong,
    Sum,
    SumLong,
    Asc,
    Desc,
}

impl Operator {
    /// As trees name it.
    ///
    /// # Pinot equivalent
    ///
    /// `org.apache.pinot.sql.FilterKind`, and `AggregationFunctionType` in the form of `CalciteSqlParser`
    pub const fn name(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
            Self::Equals => "EQUALS",
            Self::NotEquals => "NOT_EQUALS",
            Self::LessThan => "LESS_THAN",
            Self::LessThanOrEqual => "LESS_THAN_OR_EQUAL",
            Self::GreaterThan => "GREATER_THAN",
            Self::GreaterThanOrEqual => "GREATER_THAN_OR_EQUAL",
            Self::In => "IN",
            Self::IsNull => "IS_NULL",
            Self::IsNotNull => "IS_NOT_NULL",
            Self::RegexpLike => "REGEXP_LIKE",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::MinLong => "minlong",
            Self::MaxLong => "maxlong",
            Self::Sum => "sum",
            Self::SumLong => "sumlong",
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }

    /// As SQL writes it: between operands, behind one, or before all of them.
    const fn sql(self) -> &'static str {
        match self {
            Self::Equals => "=",
            Self::NotEquals => "<>",
            Self::LessThan => "<",
            Self::LessThanOrEqual => "<=",
            Self::GreaterThan => ">",
            Self::GreaterThanOrEqual => ">=",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
            Self::Count => "COUNT",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::MinLong => "MINLONG",
            Self::MaxLong => "MAXLONG",
            Self::Sum => "SUM",
            Self::SumLong => "SUMLONG",
            Self::Asc => "ASC",
            Self::Desc => "DESC",
            Self::And | Self::Or | Self::Not | Self::In | Self::RegexpLike => self.name(),
        }
    }
}

impl Expression {
    /// A column.
    pub fn column(name: impl Into<String>) -> Self {
        Self::Column(name.into())
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Literal(Literal::Text(text.into()))
    }

    /// A function of one operand.
    pub fn of(self, operator: Operator) -> Self {
        Self::Call(operator, vec![self])
    }

    /// A condition on this and another one.
    pub fn compare(self, operator: Operator, other: Self) -> Self {
        Self::Call(operator, vec![self, other])
    }

    /// This is one of some values.
    pub fn is_in(self, values: impl IntoIterator<Item = Self>) -> Self {
        Self::Call(Operator::In, std::iter::once(self).chain(values).collect())
    }

    /// AND or OR of some conditions, which is the only one if there is one; parts of the same kind are opened. `None` when
    /// there are none.
    pub fn joined(operator: Operator, parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Self::Call(inner, operands) if inner == operator => all.extend(operands),
                part => all.push(part),
            }
        }
        match all.len() {
            0 | 1 => all.pop(),
            _ => Some(Self::Call(operator, all)),
        }
    }
}

/// A name as Pinot's SQL takes any: in double quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(f: &mut fmt::Formatter<'_>, parts: &[Expression], between: &str) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        write!(f, "{}{part}", if at == 0 { "" } else { between })?;
    }
    Ok(())
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Operator as O;
        let (operator, operands) = match self {
            Self::Column(name) => return f.write_str(&quoted(name)),
            Self::Star => return f.write_str("*"),
            Self::Literal(Literal::Bool(value)) => return write!(f, "{value}"),
            Self::Literal(Literal::Long(value)) => return write!(f, "{value}"),
            Self::Literal(Literal::Text(text)) => return write!(f, "'{}'", text.replace('\'', "''")),
            Self::Call(operator, operands) => (*operator, operands.as_slice()),
        };
        let sql = operator.sql();
        match (operator, operands) {
            (O::And | O::Or, _) => {
                f.write_str("(")?;
                list(f, operands, &format!(" {sql} "))?;
                f.write_str(")")
            }
            (O::In, [one, values @ ..]) => {
                write!(f, "{one} {sql} (")?;
                list(f, values, ", ")?;
                f.write_str(")")
            }
            (O::Not, [one]) => write!(f, "{sql} ({one})"),
            (O::IsNull | O::IsNotNull | O::Asc | O::Desc, [one]) => write!(f, "{one} {sql}"),
            (
                O::Equals | O::NotEquals | O::LessThan | O::LessThanOrEqual | O::GreaterThan | O::GreaterThanOrEqual,
                [left, right],
            ) => write!(f, "{left} {sql} {right}"),
            _ => {
                write!(f, "{sql}(")?;
                list(f, operands, ", ")?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for PinotQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.options {
            write!(f, "SET {name}={value}; ")?;
        }
        f.write_str("SELECT ")?;
        list(f, &self.select, ", ")?;
        write!(f, " FROM {}", quoted(&self.table))?;
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        if !self.group_by.is_empty() {
            f.write_str(" GROUP BY ")?;
            list(f, &self.group_by, ", ")?;
        }
        if !self.order_by.is_empty() {
            f.write_str(" ORDER BY ")?;
            list(f, &self.order_by, ", ")?;
        }
        write!(f, " LIMIT {}", self.limit)
    }
}
