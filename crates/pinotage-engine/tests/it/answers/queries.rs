//! The questions, each in two dialects.

use super::rows::{COLUMNS, Column, Random, VALUES};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Pinot,
    DataFusion,
}

/// What is written differently: `[name;argument;…]`, for Pinot and for DataFusion.
const DIALECT: [(&str, &str, &str); 13] = [
    // Otherwise DataFusion compares doubles, in which some decimals are not equal to themselves.
    ("decimal", "$1", "CAST('$1' AS DECIMAL(18, 3))"),
    ("bytes", "'$1'", "X'$1'"),
    ("millis", "$1", "to_timestamp_millis($1)"),
    // A filter on a list is one on any of its values; one that excludes a value is one on all of them.
    ("has", "$1 = $2", "array_has($1, $2)"),
    ("lacks", "$1 <> $2", "(cardinality($1) > 0 AND NOT array_has($1, $2))"),
    // Pinot has no empty lists: they are nulls.
    ("some", "$1 IS NOT NULL", "cardinality($1) > 0"),
    ("none", "$1 IS NULL", "($1 IS NULL OR cardinality($1) = 0)"),
    // The values of lists as rows.
    ("each", "t WHERE $1 IS NOT NULL", "(SELECT id, unnest($1) AS v FROM t)"),
    ("value", "$1", "v"),
    ("sum", "SUMMV($1)", "SUM(v)"),
    ("count", "COUNTMV($1)", "COUNT(v)"),
    ("exact_sum", "SUMPRECISION($1)", "SUM($1)"),
    ("json", "JSON_MATCH($1, '\"$.k\" = $2')", "$1 LIKE '{\"k\":$2,%'"),
];

impl Dialect {
    pub(crate) fn write(self, sql: &str) -> String {
        let mut text = sql.to_owned();
        // From the inside out: an argument may be a call itself.
        while let Some(end) = text.find(']') {
            let start = text[..end].rfind('[').unwrap();
            let mut arguments = text[start + 1..end].split(';');
            let name = arguments.next().unwrap();
            let (_, pinot, data_fusion) = DIALECT.into_iter().find(|it| it.0 == name).unwrap();
            let template = if self == Self::Pinot { pinot } else { data_fusion }.to_owned();
            let written = arguments
                .enumerate()
                .fold(template, |written, (at, argument)| written.replace(&format!("${}", at + 1), argument));
            text.replace_range(start..=end, &written);
        }
        text
    }
}

/// Every filter on every column, aggregations, groups, and rows as they are.
///
/// Only the modern release leaves nulls out by itself; in the oldest one they are default values, except for `IS NULL`.
pub(crate) fn queries(random: &mut Random, is_modern: bool) -> Vec<String> {
    let mut queries = vec!["SELECT COUNT(*), SUM(id), MIN(id), MAX(id) FROM t".to_owned()];
    for column in &COLUMNS {
        let nulls = ["IS NULL", "IS NOT NULL", "none", "some"];
        for filter in filters(column, random, is_modern) {
            let there = match is_modern || nulls.iter().any(|asked| filter.contains(asked)) {
                true => String::new(),
                false => format!(" AND {}", filled(column)),
            };
            queries.push(format!("SELECT COUNT(*), SUM(id) FROM t WHERE {filter}{there}"));
        }
        queries.extend(aggregations(column, is_modern));
    }
    let everywhere =
        ["n_int", "n_long", "n_double", "flag", "word"].map(|name| format!(" AND {name} IS NOT NULL")).concat();
    let there = if is_modern { "" } else { &everywhere };
    for sql in [
        "SELECT bucket, flag, COUNT(*), SUM(n_double), MAX(n_double) FROM t WHERE n_int > 0{} GROUP BY bucket, flag",
        "SELECT word, COUNT(*) FROM t WHERE bucket BETWEEN -50 AND 50{} GROUP BY word HAVING COUNT(*) > 14",
        "SELECT word, COUNT(*) FROM t WHERE word IS NOT NULL{} GROUP BY word ORDER BY COUNT(*) DESC, word LIMIT 25",
        "SELECT COUNT(*), SUM(id) FROM t WHERE (n_int = 7 OR word LIKE 'beta 1%') AND flag{}",
        "SELECT COUNT(*), SUM(id) FROM t WHERE NOT (n_long > 0 OR bucket < 0){}",
        "SELECT SUM(CASE WHEN flag THEN 1 ELSE 0 END), COUNT(*) FROM t WHERE bucket >= 0{}",
    ] {
        queries.push(sql.replace("{}", there));
    }
    if is_modern {
        let all: Vec<&str> = COLUMNS.iter().filter(|column| is_shown(column)).map(|column| column.name).collect();
        queries.push(format!("SELECT id, {} FROM t WHERE id BETWEEN 5990 AND 6290 ORDER BY id", all.join(", ")));
    }
    queries
}

fn filled(column: &Column) -> String {
    match column.is_list {
        true => format!("[some;{}]", column.name),
        false => format!("{} IS NOT NULL", column.name),
    }
}

fn filters(column: &Column, random: &mut Random, is_modern: bool) -> Vec<String> {
    let Column { name, kind, is_list, nullable } = column;
    // No filter is without rows: the releases differ in the sum of nothing.
    let third = VALUES / 3;
    let values = [1, third + 1, 2 * third + 1].map(|from| from + random.below(third - 2));
    let [low, middle, high] = values.map(kind.literal);
    let next = (kind.literal)(values[0] + 1);
    if *is_list {
        return vec![
            format!("[has;{name};{middle}]"),
            format!("[lacks;{name};{low}]"),
            format!("([has;{name};{low}] OR [has;{name};{high}])"),
            format!("[none;{name}]"),
            format!("[some;{name}]"),
        ];
    }
    let mut filters = vec![format!("{name} IS NOT NULL")];
    if *nullable {
        filters.push(format!("{name} IS NULL"));
    }
    if kind.pinot == "JSON" {
        filters.push(format!("[json;{name};{}]", values[1]));
    }
    if kind.pinot != "JSON" || is_modern {
        filters.extend([
            format!("{name} = {middle}"),
            format!("{name} <> {middle}"),
            format!("{name} IN ({low}, {middle}, {high})"),
            format!("{name} NOT IN ({low}, {next})"),
        ]);
    }
    if kind.is_ordered {
        filters.extend([
            format!("{name} < {low}"),
            format!("{name} >= {high}"),
            format!("{name} BETWEEN {low} AND {high}"),
            format!("{name} > {low} AND {name} <= {middle}"),
        ]);
    }
    if kind.pinot == "STRING" {
        let digits = values[1] % 100;
        filters.extend([
            format!("{name} LIKE 'beta%'"),
            format!("{name} LIKE '%{digits:02}'"),
            format!("{name} LIKE '_mega 3{}_'", digits % 10),
            format!("{name} NOT LIKE '%a 2%'"),
        ]);
    }
    filters
}

/// Pinot filters lists of BYTES, and neither selects nor groups them.
fn is_shown(column: &Column) -> bool {
    !(column.is_list && column.kind.pinot == "BYTES")
}

fn aggregations(column: &Column, is_modern: bool) -> Vec<String> {
    let Column { name, kind, is_list, .. } = column;
    let there = if is_modern { String::new() } else { format!(" WHERE {}", filled(column)) };
    if *is_list {
        if !is_shown(column) {
            return Vec::new();
        }
        let mut queries =
            vec![format!("SELECT [value;{name}], COUNT(*), SUM(id) FROM [each;{name}] GROUP BY [value;{name}]")];
        if kind.is_summed {
            queries.push(format!("SELECT [sum;{name}], [count;{name}] FROM [each;{name}]"));
        }
        return queries;
    }
    let mut queries = vec![
        format!("SELECT COUNT({name}) FROM t{there}"),
        format!("SELECT {name}, COUNT(*), SUM(id) FROM t{there} GROUP BY {name}"),
    ];
    if kind.is_summed {
        queries.push(format!("SELECT SUM({name}), MIN({name}), MAX({name}), AVG({name}) FROM t{there}"));
        queries.push(format!("SELECT bucket, SUM({name}), MIN({name}) FROM t{there} GROUP BY bucket"));
    }
    // Pinot has no distinct decimals.
    queries.push(match kind.pinot {
        "BIG_DECIMAL" => format!("SELECT [exact_sum;{name}] FROM t{there}"),
        _ => format!("SELECT COUNT(DISTINCT {name}) FROM t{there}"),
    });
    queries
}
