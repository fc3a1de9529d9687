//! The first rows of an order, from servers: only where their order is that of SQL.
//!
//! Texts have another order in Pinot, and NaN and -0.0 stand where each kind of index puts them.

use pinotage_spec::{DataType, quoted};

use crate::plan::ScanPlan;
use crate::table::Table;

/// A server holds the rows of an order in memory: it is asked for at most so many.
const MAX_ROWS: u64 = 10_000;

/// What rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// As it stands in SQL.
    pub(crate) order: String,
    pub(crate) rows: u64,
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
        let order: Vec<String> = order.iter().map(|key| key.sql(nulls)).collect();
        plan.top = Some(Top { order: order.join(", "), rows });
        plan.exact_rows = None;
        Some(plan)
    }
}

impl OrderKey {
    /// Nulls stand where they belong by a key of their own: by a column alone, servers of 1.5 leave out segments whose bounds
    /// are too far off, and in bounds nulls are default values.
    fn sql(&self, nulls: bool) -> String {
        let column = quoted(&self.column);
        let direction = |descending| if descending { " DESC" } else { "" };
        let key = format!("{column}{}", direction(self.descending));
        if nulls { format!("{column} IS NULL{}, {key}", direction(self.nulls_first)) } else { key }
    }
}
