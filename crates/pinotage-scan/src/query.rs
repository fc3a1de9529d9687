//! The query of a request to a server.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field};
use pinotage_segment::read::DOC_ID;
use pinotage_spec::{Expression, Operator, PinotQuery, Pushed};

use crate::options::ScanOptions;
use crate::top::Top;

/// The highest limit that Pinot takes; without one it gives ten rows.
const ALL: u32 = i32::MAX as u32;

/// The column that servers know without looking at rows.
pub(crate) const SEGMENT_NAME: &str = "$segmentName";

/// A column that each row of a segment has, and no schema: where it lies.
pub(crate) fn virtual_field(name: &str) -> Option<Field> {
    let data_type = match name {
        SEGMENT_NAME => DataType::Utf8,
        DOC_ID => DataType::Int32,
        _ => return None,
    };
    Some(Field::new(name, data_type, false))
}

/// What every request says.
pub(crate) struct Common<'a> {
    /// The table with its type.
    pub(crate) typed: &'a str,
    pub(crate) filter: Option<&'a Pushed>,
    /// Rows of other segments are left out.
    pub(crate) segments: Option<&'a [String]>,
    /// Nulls are treated as SQL does.
    pub(crate) nulls: bool,
    pub(crate) options: &'a ScanOptions,
}

impl Common<'_> {
    fn query(&self, select: Vec<Expression>, limit: u32) -> PinotQuery {
        let mut options = BTreeMap::from([("timeoutMs", self.options.timeout.duration().as_millis().to_string())]);
        if self.nulls {
            options.insert("enableNullHandling", "true".into());
        }
        if let Some(threads) = self.options.max_execution_threads {
            options.insert("maxExecutionThreads", threads.to_string());
        }
        let filter = self.filter.map(|pushed| pushed.filter.clone());
        let segments =
            self.segments.map(|names| Expression::column(SEGMENT_NAME).is_in(names.iter().map(Expression::text)));
        PinotQuery {
            table: self.typed.to_owned(),
            options,
            select,
            filter: Expression::joined(Operator::And, filter.into_iter().chain(segments)),
            group_by: Vec::new(),
            order_by: Vec::new(),
            limit,
        }
    }
}

/// A request for rows: these columns, at most so many.
pub(crate) fn select(common: &Common<'_>, columns: &[&str], limit: Option<u64>) -> PinotQuery {
    // Rows that are only counted come with the column that costs servers nothing.
    let columns = if columns.is_empty() { &[DOC_ID] } else { columns };
    let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(ALL).min(ALL);
    common.query(columns.iter().copied().map(Expression::column).collect(), limit)
}

/// A request for the first rows of an order.
pub(crate) fn first_rows(common: &Common<'_>, columns: &[&str], top: &Top) -> PinotQuery {
    let columns = columns.iter().copied().map(Expression::column).collect();
    PinotQuery { order_by: top.order.clone(), ..common.query(columns, top.rows) }
}

/// A request for aggregates of groups, or of all rows.
pub(crate) fn aggregate(common: &Common<'_>, keys: &[String], aggregates: &[Expression]) -> PinotQuery {
    if keys.is_empty() {
        return common.query(aggregates.to_vec(), 1);
    }
    let keys: Vec<Expression> = keys.iter().map(Expression::column).collect();
    let mut query = common.query([&keys, aggregates].concat(), ALL);
    query.group_by = keys;
    query.options.insert("numGroupsLimit", common.options.max_groups.to_string());
    // A server that is asked alone would take its answer for the final one, in which keys that are null have default values.
    query.options.insert("serverReturnFinalResult", "false".into());
    query
}

/// A request for one row of some segments, be it out of date or not.
pub(crate) fn any_row(typed: &str, segments: &[String], options: &ScanOptions) -> PinotQuery {
    let common = Common { typed, filter: None, segments: Some(segments), nulls: false, options };
    let mut query = select(&common, &[], Some(1));
    query.options.insert("skipUpsert", "true".into());
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_long_and_how_many() {
        let options = ScanOptions { max_execution_threads: Some(2), ..ScanOptions::default() };
        let filter = Expression::column("a").of(Operator::IsNull);
        let filter = Pushed { filter, exact: true };
        let common =
            Common { typed: "t_OFFLINE", filter: Some(&filter), segments: None, nulls: true, options: &options };
        assert_eq!(
            select(&common, &["a", "b\"c"], Some(7)).to_string(),
            "SET enableNullHandling=true; SET maxExecutionThreads=2; SET timeoutMs=300000; \
             SELECT \"a\", \"b\"\"c\" FROM \"t_OFFLINE\" WHERE \"a\" IS NULL LIMIT 7"
        );
        let options = ScanOptions::default();
        let common = Common { typed: "t_OFFLINE", filter: None, segments: None, nulls: false, options: &options };
        let all = select(&common, &[], None).to_string();
        assert_eq!(all, "SET timeoutMs=300000; SELECT \"$docId\" FROM \"t_OFFLINE\" LIMIT 2147483647");
        let top = Top { order: vec![Expression::column("a").of(Operator::Desc)], rows: 7 };
        assert_eq!(
            first_rows(&common, &["a", "b"], &top).to_string(),
            "SET timeoutMs=300000; SELECT \"a\", \"b\" FROM \"t_OFFLINE\" ORDER BY \"a\" DESC LIMIT 7"
        );
        let calls = [Expression::Star.of(Operator::Count), Expression::column("i").of(Operator::Min)];
        assert_eq!(
            aggregate(&common, &[], &calls).to_string(),
            "SET timeoutMs=300000; SELECT COUNT(*), MIN(\"i\") FROM \"t_OFFLINE\" LIMIT 1"
        );
        assert_eq!(
            aggregate(&common, &["k".into()], &calls).to_string(),
            "SET numGroupsLimit=1000000; SET serverReturnFinalResult=false; SET timeoutMs=300000; \
             SELECT \"k\", COUNT(*), MIN(\"i\") FROM \"t_OFFLINE\" GROUP BY \"k\" LIMIT 2147483647"
        );
        assert_eq!(
            any_row("t_REALTIME", &["t__0".into(), "it's".into()], &ScanOptions::default()).to_string(),
            "SET skipUpsert=true; SET timeoutMs=300000; SELECT \"$docId\" FROM \"t_REALTIME\" \
             WHERE \"$segmentName\" IN ('t__0', 'it''s') LIMIT 1"
        );
    }
}
