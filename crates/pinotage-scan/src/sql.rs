//! The query of a request to a server.

use pinotage_spec::{FilterSql, quoted};

use crate::options::ScanOptions;

/// The highest limit that Pinot takes; without one it gives ten rows.
const ALL: u64 = i32::MAX as u64;

/// The column that costs servers nothing, when rows are only to be counted.
pub(crate) const DOC_ID: &str = "$docId";

/// The text of a request: which columns of which half, and how the server is to work on it.
pub(crate) fn select(
    typed: &str,
    columns: &[&str],
    filter: Option<&FilterSql>,
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
    if let Some(filter) = filter {
        sql.push_str(" WHERE ");
        sql.push_str(&filter.sql);
    }
    sql.push_str(&format!(" LIMIT {}", limit.unwrap_or(ALL).min(ALL)));
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_long_and_how_many() {
        let options = ScanOptions { max_execution_threads: Some(2), ..ScanOptions::default() };
        let filter = FilterSql { sql: "\"a\" = 1".into(), exact: true };
        assert_eq!(
            select("t_OFFLINE", &["a", "b\"c"], Some(&filter), Some(7), true, &options),
            "SET timeoutMs=300000; SET enableNullHandling=true; SET maxExecutionThreads=2; \
             SELECT \"a\", \"b\"\"c\" FROM \"t_OFFLINE\" WHERE \"a\" = 1 LIMIT 7"
        );
        let all = select("t_OFFLINE", &[], None, None, false, &ScanOptions::default());
        assert_eq!(all, "SET timeoutMs=300000; SELECT \"$docId\" FROM \"t_OFFLINE\" LIMIT 2147483647");
    }
}
