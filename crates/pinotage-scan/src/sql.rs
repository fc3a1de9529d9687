//! The query of a request to a server.

use pinotage_spec::{FilterSql, quoted};

use crate::options::ScanOptions;
use crate::top::Top;

/// The highest limit that Pinot takes; without one it gives ten rows.
const ALL: u64 = i32::MAX as u64;

/// The column that costs servers nothing, when rows are only to be counted.
pub(crate) const DOC_ID: &str = "$docId";

/// What every request says.
pub(crate) struct Query<'a> {
    /// The table with its type.
    pub(crate) typed: &'a str,
    pub(crate) filter: Option<&'a FilterSql>,
    /// Rows of other segments are left out.
    pub(crate) segments: Option<&'a [String]>,
    /// Nulls are treated as SQL does.
    pub(crate) nulls: bool,
    pub(crate) options: &'a ScanOptions,
}

impl Query<'_> {
    fn text(&self, settings: &str, columns: &str, clause: &str, limit: u64) -> String {
        let mut sql = format!("SET timeoutMs={}; ", self.options.timeout.duration().as_millis());
        if self.nulls {
            sql.push_str("SET enableNullHandling=true; ");
        }
        if let Some(threads) = self.options.max_execution_threads {
            sql.push_str(&format!("SET maxExecutionThreads={threads}; "));
        }
        sql.push_str(&format!("{settings}SELECT {columns} FROM {}", quoted(self.typed)));
        let filter = self.filter.map(|filter| format!("({})", filter.sql));
        let conditions: Vec<String> = filter.into_iter().chain(self.segments.map(of_segments)).collect();
        if !conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&conditions.join(" AND "));
        }
        sql.push_str(clause);
        sql.push_str(&format!(" LIMIT {limit}"));
        sql
    }
}

/// The text of a request for rows: these columns, at most so many.
pub(crate) fn select(query: &Query<'_>, columns: &[&str], limit: Option<u64>) -> String {
    let columns = if columns.is_empty() { quoted(DOC_ID) } else { list(columns.iter().copied()) };
    query.text("", &columns, "", limit.unwrap_or(ALL).min(ALL))
}

/// The text of a request for the first rows of an order.
pub(crate) fn first_rows(query: &Query<'_>, columns: &[&str], top: &Top) -> String {
    query.text("", &list(columns.iter().copied()), &format!(" ORDER BY {}", top.order), top.rows)
}

/// The text of a request for aggregates of groups, or of all rows; the aggregates are SQL.
pub(crate) fn aggregate(query: &Query<'_>, keys: &[String], aggregates: &[String]) -> String {
    if keys.is_empty() {
        return query.text("", &aggregates.join(", "), "", 1);
    }
    let keys = list(keys.iter().map(String::as_str));
    // A server that is asked alone would take its answer for the final one, in which keys that are null have default values.
    let settings = format!("SET numGroupsLimit={}; SET serverReturnFinalResult=false; ", query.options.max_groups);
    query.text(&settings, &format!("{keys}, {}", aggregates.join(", ")), &format!(" GROUP BY {keys}"), ALL)
}

/// The text of a request for one row of some segments, be it out of date or not.
pub(crate) fn any_row(typed: &str, segments: &[String], options: &ScanOptions) -> String {
    let query = Query { typed, filter: None, segments: Some(segments), nulls: false, options };
    format!("SET skipUpsert=true; {}", select(&query, &[], Some(1)))
}

fn list<'c>(columns: impl Iterator<Item = &'c str>) -> String {
    columns.map(quoted).collect::<Vec<_>>().join(", ")
}

/// Rows of these segments, which the server knows without looking at them.
fn of_segments(segments: &[String]) -> String {
    let names: Vec<String> = segments.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    format!("\"$segmentName\" IN ({})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_long_and_how_many() {
        let options = ScanOptions { max_execution_threads: Some(2), ..ScanOptions::default() };
        let filter = FilterSql { sql: "\"a\" = 1".into(), exact: true };
        let query = Query { typed: "t_OFFLINE", filter: Some(&filter), segments: None, nulls: true, options: &options };
        assert_eq!(
            select(&query, &["a", "b\"c"], Some(7)),
            "SET timeoutMs=300000; SET enableNullHandling=true; SET maxExecutionThreads=2; \
             SELECT \"a\", \"b\"\"c\" FROM \"t_OFFLINE\" WHERE (\"a\" = 1) LIMIT 7"
        );
        let options = ScanOptions::default();
        let query = Query { typed: "t_OFFLINE", filter: None, segments: None, nulls: false, options: &options };
        let all = select(&query, &[], None);
        assert_eq!(all, "SET timeoutMs=300000; SELECT \"$docId\" FROM \"t_OFFLINE\" LIMIT 2147483647");
        let top = Top { order: "\"a\" DESC".into(), rows: 7 };
        assert_eq!(
            first_rows(&query, &["a", "b"], &top),
            "SET timeoutMs=300000; SELECT \"a\", \"b\" FROM \"t_OFFLINE\" ORDER BY \"a\" DESC LIMIT 7"
        );
        let calls = ["COUNT(*)".to_owned(), "MIN(\"i\")".to_owned()];
        assert_eq!(
            aggregate(&query, &[], &calls),
            "SET timeoutMs=300000; SELECT COUNT(*), MIN(\"i\") FROM \"t_OFFLINE\" LIMIT 1"
        );
        assert_eq!(
            aggregate(&query, &["k".into()], &calls),
            "SET timeoutMs=300000; SET numGroupsLimit=1000000; SET serverReturnFinalResult=false; \
             SELECT \"k\", COUNT(*), MIN(\"i\") FROM \"t_OFFLINE\" GROUP BY \"k\" LIMIT 2147483647"
        );
        assert_eq!(
            any_row("t_REALTIME", &["t__0".into(), "it's".into()], &ScanOptions::default()),
            "SET skipUpsert=true; SET timeoutMs=300000; SELECT \"$docId\" FROM \"t_REALTIME\" \
             WHERE \"$segmentName\" IN ('t__0', 'it''s') LIMIT 1"
        );
    }
}
