//! Numbers about the rows of a table, from servers: only where they are exactly what the rows themselves would give.
//!
//! What is left out is not exact. SUM and AVG of FLOAT and DOUBLE depend on the order of the rows; MIN, MAX and groups of them
//! take NaN and -0.0 in another way in each kind of index. Texts have another order in Pinot.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, TimestampMillisecondArray};
use arrow::datatypes::{DataType as Arrow, Field, Schema as ArrowSchema, SchemaRef};
use pinotage_client::{DataTable, Intermediate};
use pinotage_common::{Error, Result};
use pinotage_spec::{DataType, Expression, Operator, PinotQuery};
use serde::{Deserialize, Serialize};

use crate::plan::ScanPlan;
use crate::query::{self, Common};
use crate::server::Question;
use crate::split::Split;
use crate::table::Table;

/// So many values of 32 bits have a sum that a DOUBLE holds.
const EXACT_SUM_ROWS: u64 = 1 << 22;

/// A number about the rows of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Aggregate {
    /// How many there are: Int64.
    Rows,
    /// How many have a value in the column: Int64.
    Count(String),
    /// The least value of the column, INT, LONG or TIMESTAMP; null without values.
    Min(String),
    /// The greatest value of the column, INT, LONG or TIMESTAMP; null without values.
    Max(String),
    /// The sum of the column, INT or LONG, modulo 2⁶⁴: Int64; null without values.
    Sum(String),
}

/// What is to be known of the rows of a scan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AggregateRequest {
    /// The columns whose values make a group together; without any, all rows are one.
    pub group_by: Vec<String>,
    /// The numbers, in this order.
    pub aggregates: Vec<Aggregate>,
}

/// A scan in whose place servers aggregate. Its batches have the columns of the groups, then the aggregates.
#[derive(Debug, Clone)]
pub struct AggregatePlan {
    rows: Arc<ScanPlan>,
    schema: SchemaRef,
    group_by: Vec<String>,
    /// What servers are asked: COUNT(*) first, and nothing twice.
    calls: Vec<Expression>,
    /// Which of the calls each aggregate is.
    answers: Vec<usize>,
    nulls: bool,
}

impl AggregatePlan {
    /// Nothing when servers would not answer exactly.
    pub(crate) fn make(table: &Table, plan: &ScanPlan, request: &AggregateRequest) -> Option<Self> {
        let plan = plan.by_servers().filter(|plan| plan.limit.is_none())?;
        let mut nullable = Vec::new();
        let mut column = |name: &String| {
            let field = table.schema().field(name).filter(|field| field.single_value)?;
            nullable.push(table.is_nullable(name, plan.nulls));
            Some(field.data_type)
        };
        let mut fields = Vec::new();
        for name in &request.group_by {
            use DataType::{Boolean, Bytes, Int, Long, String, Timestamp};
            matches!(column(name)?, Int | Long | Boolean | Timestamp | String | Bytes).then_some(())?;
            fields.push(plan.schema.field_with_name(name).ok()?.clone());
        }
        let longs = table.version.aggregates_longs_and_nulls();
        let mut calls = vec![Expression::Star.of(Operator::Count)];
        let mut answers = Vec::new();
        for aggregate in &request.aggregates {
            let (function, name, data_type) = match aggregate {
                Aggregate::Rows => (Operator::Count, None, Arrow::Int64),
                Aggregate::Count(name) => {
                    column(name)?;
                    let counted = table.is_nullable(name, plan.nulls).then_some(name);
                    (Operator::Count, counted, Arrow::Int64)
                }
                Aggregate::Min(name) | Aggregate::Max(name) => {
                    let least = matches!(aggregate, Aggregate::Min(_));
                    let data_type = column(name)?;
                    let function = match data_type {
                        DataType::Int => [Operator::Min, Operator::Max],
                        DataType::Long | DataType::Timestamp if longs => [Operator::MinLong, Operator::MaxLong],
                        _ => return None,
                    };
                    (function[usize::from(!least)], Some(name), data_type.to_arrow())
                }
                Aggregate::Sum(name) => match column(name)? {
                    DataType::Int | DataType::Long if longs => (Operator::SumLong, Some(name), Arrow::Int64),
                    DataType::Int if plan.max_rows? <= EXACT_SUM_ROWS => (Operator::Sum, Some(name), Arrow::Int64),
                    _ => return None,
                },
            };
            let call = name.map_or(Expression::Star, Expression::column).of(function);
            let answer = calls.iter().position(|known| *known == call).unwrap_or_else(|| {
                calls.push(call.clone());
                calls.len() - 1
            });
            answers.push(answer);
            fields.push(Field::new(call.to_string(), data_type, function != Operator::Count));
        }
        // With the option a server would leave out what older segments say is null in columns that keep no nulls.
        let nulls = nullable.contains(&true);
        if nulls && (nullable.contains(&false) || !longs) {
            return None;
        }
        let schema = Arc::new(ArrowSchema::new(fields));
        Some(Self { rows: Arc::new(plan), schema, group_by: request.group_by.clone(), calls, answers, nulls })
    }

    /// The scan whose rows are meant; what it reads is all from servers.
    pub fn rows(&self) -> &Arc<ScanPlan> {
        &self.rows
    }

    /// The columns of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What can be asked by itself.
    pub fn splits(&self) -> &[Split] {
        &self.rows.splits
    }
}

impl Question for AggregatePlan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn nulls(&self) -> bool {
        self.nulls
    }

    fn query(&self, common: &Common<'_>) -> PinotQuery {
        query::aggregate(common, &self.group_by, &self.calls)
    }

    fn batch(&self, table: &DataTable) -> Result<RecordBatch> {
        let keys = self.group_by.len();
        let found = table.columns().len();
        if found != keys + self.calls.len() {
            let expected = keys + self.calls.len();
            return Err(Error::unsupported(format!("expected {expected} columns in the answer, found {found}")));
        }
        let counts = table.intermediates(keys)?;
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for (at, field) in self.schema.fields().iter().enumerate() {
            columns.push(match at.checked_sub(keys) {
                None => table.column(at, field)?,
                Some(aggregate) => {
                    let call = self.answers.get(aggregate).copied().unwrap_or_default();
                    numbers(field, &counts, table.intermediates(keys + call)?)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(table.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| Error::unexpected("cannot make a batch").caused_by(error))
    }
}

/// The values of an aggregate.
fn numbers(field: &Field, counts: &[Intermediate], found: Vec<Intermediate>) -> Result<ArrayRef> {
    let number = |(value, count): (Intermediate, &Intermediate)| {
        Ok(match value {
            Intermediate::Null => None,
            // What is said of no rows means nothing.
            _ if field.is_nullable() && *count == Intermediate::Long(0) => None,
            Intermediate::Long(value) => Some(value),
            // It is whole and exact, which was decided when it was asked for.
            Intermediate::Double(value) if value.is_finite() => Some(value as i64),
            other => {
                return Err(Error::unsupported(format!("expected a whole number, found {other:?}"))
                    .with("aggregate", field.name()));
            }
        })
    };
    let numbers = found.into_iter().zip(counts).map(number).collect::<Result<Vec<Option<i64>>>>()?;
    Ok(match field.data_type() {
        Arrow::Int32 => Arc::new(numbers.into_iter().map(|number| number.map(|it| it as i32)).collect::<Int32Array>()),
        Arrow::Timestamp(_, zone) => {
            Arc::new(numbers.into_iter().collect::<TimestampMillisecondArray>().with_timezone_opt(zone.clone()))
        }
        _ => Arc::new(numbers.into_iter().collect::<Int64Array>()),
    })
}

impl fmt::Display for AggregatePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<String> = self.calls.iter().map(Expression::to_string).collect();
        write!(f, "group_by=[{}], aggregates=[{}], {}", self.group_by.join(", "), calls.join(", "), self.rows)
    }
}
