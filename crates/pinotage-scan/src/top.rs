//! The first rows of an order, from servers: only where their order is that of SQL.
//!
//! Texts have another order in Pinot, and NaN and -0.0 stand where each kind of index puts them.

use pinotage_spec::{DataType, Expression, Operator};
use serde::{Deserialize, Serialize};

use crate::plan::ScanPlan;
use crate::table::Table;

/// A server holds the rows of an order in memory: it is asked for at most so many.
const MAX_ROWS: u64 = 10_000;

/// What rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderKey {
    /// The column.
    pub column: String,
    /// The greatest value comes first.
    pub descending: bool,
    /// Nulls come before all values.
    pub nulls_first: bool,
}

/// The first rows of an order.
#[derive(Debug, Clone)]
pub(crate) struct Top {
    /// The keys, each with its direction.
    pub(crate) order: Vec<Expression>,
    pub(crate) rows: u32,
}

impl ScanPlan {
    /// The plan in which the answer to each split may have only its first rows of an order, from servers. Nothing when
    /// servers would not give exactly these.
    pub(crate) fn first_rows(&self, table: &Table, order: &[OrderKey], rows: u64) -> Option<Self> {
        let mut plan = self.by_servers().filter(|plan| plan.limit.is_none())?;
        let nulls = plan.schema.fields().iter().any(|field| field.is_nullable());
        // With the option for nulls, a server could take for null what older segments of other columns say is null.
        let known = |key: &OrderKey| {
            use DataType::{Boolean, Bytes, Int, Long, Timestamp};
            let field = table.schema().field(&key.column).filter(|field| field.single_value);
            field.is_some_and(|field| matches!(field.data_type, Int | Long | Boolean | Timestamp | Bytes))
                && table.is_nullable(&key.column, plan.nulls) == nulls
        };
        let wanted = !order.is_empty() && (1..=MAX_ROWS).contains(&rows) && order.iter().all(known);
        if !wanted || (nulls && !table.version.orders_nulls()) {
            return None;
        }
        let order = order.iter().flat_map(|key| key.expressions(nulls)).collect();
        plan.top = Some(Top { order, rows: u32::try_from(rows).ok()? });
        plan.exact_rows = None;
        Some(plan)
    }
}

impl OrderKey {
    /// Nulls stand where they belong by a key of their own: by a column alone, servers of 1.5 leave out segments whose bounds
    /// are too far off, and in bounds nulls are default values.
    fn expressions(&self, nulls: bool) -> Vec<Expression> {
        let by = |key: Expression, descending| key.of(if descending { Operator::Desc } else { Operator::Asc });
        let column = || Expression::column(&self.column);
        let mut keys = vec![by(column(), self.descending)];
        if nulls {
            keys.insert(0, by(column().of(Operator::IsNull), self.nulls_first));
        }
        keys
    }
}
