//! The query of a request to a server.

use pinotage_spec::{FilterSql, quoted};

use crate::options::ScanOptions;

/// The highest limit that Pinot takes; without one it gives ten rows.
const ALL: u64 = i32::MAX as u64;

/// The column that costs servers nothing, when rows are only to be counted.
pub(crate) const DOC_ID: &str = "$docId";

/// The text of a request: which columns of which half, and how the server is to work on it. With segments, rows of others
/// are left out.
pub(crate) fn select(
    typed: &str,
    columns: &[&str],
    filter: Option<&FilterSql>,
    segments: Option<&[String]>,
    limit: Option<u64>,
    nulls: bool,
    options: &ScanOptions,
) -> String {
    let mut sql = format!("SET timeoutMs={}; ", options.timeout.duration().as_millis());
    if nulls {
        sql.push_str("SET enableNullHandling=true; ");
    }
    if let Some(threads) = options.max_execution_threads {
        sql.push_str(&format!("SET maxExecutionThreads={threads}; "));
    }
    let columns: Vec<String> =
        if columns.is_empty() { vec![quoted(DOC_ID)] } else { columns.iter().map(|column| quoted(column)).collect() };
    sql.push_str(&format!("SELECT {} FROM {}", columns.join(", "), quoted(typed)));
    let conditions: Vec<String> =
        filter.map(|filter| format!("({})", filter.sql)).into_iter().chain(segments.map(of_segments)).collect();
    if !conditions.is_empty() {
        sql.push_str(" WHERE ");
        sql.push_str(&conditions.join(" AND "));
    }
    sql.push_str(&format!(" LIMIT {}", limit.unwrap_or(ALL).min(ALL)));
    sql
}

/// The text of a request for one row of some segments, be it out of date or not.
pub(crate) fn any_row(typed: &str, segments: &[String], options: &ScanOptions) -> String {
    format!("SET skipUpsert=true; {}", select(typed, &[], None, Some(segments), Some(1), false, options))
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
        assert_eq!(
            select("t_OFFLINE", &["a", "b\"c"], Some(&filter), None, Some(7), true, &options),
            "SET timeoutMs=300000; SET enableNullHandling=true; SET maxExecutionThreads=2; \
             SELECT \"a\", \"b\"\"c\" FROM \"t_OFFLINE\" WHERE (\"a\" = 1) LIMIT 7"
        );
        let all = select("t_OFFLINE", &[], None, None, None, false, &ScanOptions::default());
        assert_eq!(all, "SET timeoutMs=300000; SELECT \"$docId\" FROM \"t_OFFLINE\" LIMIT 2147483647");
        assert_eq!(
            any_row("t_REALTIME", &["t__0".into(), "it's".into()], &ScanOptions::default()),
            "SET skipUpsert=true; SET timeoutMs=300000; SELECT \"$docId\" FROM \"t_REALTIME\" \
             WHERE \"$segmentName\" IN ('t__0', 'it''s') LIMIT 1"
        );
    }
}
