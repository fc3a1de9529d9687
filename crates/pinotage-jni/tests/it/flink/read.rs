//! Tables of Pinot that SQL reads, and the catalog.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};
use crate::tables::{Fixture, Place, broker_ids};

/// A table with a column of every type, as the catalog has it.
struct Reading {
    line: Line,
    fixture: Fixture,
    folder: TempDir,
}

impl Reading {
    /// The table of a line; both have their own, because they run at the same time. None without a cluster.
    fn new(name: &str, line: Line, nulls: bool) -> Option<Self> {
        line.class_path()?;
        let name = format!("{name}_{line:?}").to_lowercase();
        let fixture = Fixture::new(Place::Modern, &name, 3, 300, nulls, json!({}))?;
        Some(Self { line, fixture, folder: tempfile::tempdir().unwrap() })
    }

    fn script(&self, options: &str, statements: &str) -> Vec<(&'static str, String)> {
        let script = format!(
            "CREATE CATALOG pinot WITH ('type' = 'pinotage', 'controller' = '{}'{options});\n{};",
            self.fixture.cluster.controller,
            statements.replace("TABLE_READ", &format!("pinot.`default`.{}", self.fixture.name)),
        );
        let path = self.folder.path().join("script.sql");
        std::fs::write(&path, script).unwrap();
        let checkpoints = format!("file://{}/checkpoints", self.folder.path().display());
        let checkpoints = [("checkpoints", checkpoints), ("checkpointMillis", "500".into())];
        [("script", path.display().to_string()), ("mode", "batch".into())].into_iter().chain(checkpoints).collect()
    }

    /// What the last statement gives.
    fn answer(&self, options: &str, statements: &str) -> String {
        ok(self.line, "sql", &self.script(options, statements))
    }

    /// The rows of the last statement, which has one column.
    fn rows(&self, options: &str, statements: &str) -> BTreeSet<String> {
        different(&self.answer(options, statements))
    }

    fn broker_ids(&self, condition: &str) -> BTreeSet<String> {
        let sql =
            format!("SET enableNullHandling = true; SELECT id FROM {} WHERE {condition} LIMIT 1000", self.fixture.name);
        let ids = broker_ids(self.fixture.cluster, &sql);
        assert!(!ids.is_empty(), "{sql}");
        ids.into_iter().map(|id| id.to_string()).collect()
    }
}

/// The rows of an answer, which have one column and are all different.
fn different(answer: &str) -> BTreeSet<String> {
    let rows: Vec<String> = answer.split("+I[").skip(1).map(|row| row.trim().trim_end_matches(']').into()).collect();
    let different: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(different.len(), rows.len(), "{answer}");
    different
}

/// A text of each column of a row; of lists, the number of values and the first one.
const COLUMNS: &str = "CAST(id AS STRING) || ';' || COALESCE(CAST(i AS STRING), 'null') || ';' || COALESCE(CAST(l AS STRING), 'null')
    || ';' || COALESCE(CAST(CAST(f * 4 AS INT) AS STRING), 'null') || ';' || COALESCE(CAST(CAST(d * 8 AS INT) AS STRING), 'null')
    || ';' || COALESCE(CAST(b AS STRING), 'null') || ';' || COALESCE(HEX(s), 'null') || ';' || COALESCE(HEX(r), 'null')
    || ';' || COALESCE(HEX(DECODE(x, 'ISO-8859-1')), 'null') || ';' || j || ';' || COALESCE(CAST(n AS STRING), 'null')
    || ';' || COALESCE(CAST(TIMESTAMPDIFF(SECOND, TO_TIMESTAMP_LTZ(1700000000000, 3), t) AS STRING), 'null')
    || ';' || CAST(`day` AS STRING)
    || ';' || COALESCE(CAST(CARDINALITY(mi) AS STRING) || ',' || CAST(mi[1] AS STRING) || ',' || CAST(mi[2] AS STRING), 'null')
    || ';' || COALESCE(HEX(ms[1]) || ',' || HEX(ms[2]), 'null')";

/// The same of a row as it was made.
fn expected(row: &Json) -> String {
    let nulls: Vec<&str> = row["$nulls"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let of = |name: &str, text: &dyn Fn(&Json) -> String| match nulls.contains(&name) {
        true => "null".to_owned(),
        false => text(&row[name]),
    };
    let plain = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let texts = |value: &Json| hex(value.as_str().unwrap());
    let times = |by: f64| move |value: &Json| ((value.as_f64().unwrap() * by) as i64).to_string();
    [
        of("id", &plain),
        of("i", &plain),
        of("l", &plain),
        of("f", &times(4.0)),
        of("d", &times(8.0)),
        of("b", &|value| (if *value == json!(1) { "TRUE" } else { "FALSE" }).into()),
        of("s", &texts),
        of("r", &texts),
        // Bytes below 128 are characters of one byte.
        of("x", &|value| plain(value).to_uppercase()),
        of("j", &plain),
        of("n", &plain),
        of("t", &|value| ((value.as_i64().unwrap() - 1_700_000_000_000) / 1_000).to_string()),
        of("day", &plain),
        of("mi", &|value| format!("2,{},{}", value[0], value[1])),
        of("ms", &|value| format!("{},{}", texts(&value[0]), texts(&value[1]))),
    ]
    .join(";")
}

on_each_line!(
    /// Every type, nulls among the values, by each reader, bounded or as a stream with checkpoints.
    every_type_is_read,
    |line| {
        let Some(reading) = Reading::new("flink_types", line, true) else { return };
        let expected: BTreeSet<String> = reading.fixture.rows.iter().map(expected).collect();
        let all = format!("SELECT {COLUMNS} FROM TABLE_READ");
        assert_eq!(reading.rows(", 'scan.reader' = 'server'", &all), expected);
        let mut streaming = reading.script(", 'scan.reader' = 'direct', 'scan.batch-rows' = '100'", &all);
        streaming.retain(|(name, _)| *name != "mode");
        assert_eq!(different(&ok(line, "sql", &streaming)), expected);
        // As digits; some have none that fit.
        let decimals = ", 'decimal.n' = '4,1'";
        let sum = reading.answer(decimals, "SELECT SUM(n) FROM TABLE_READ WHERE id < 10000");
        let tenths: i64 = reading
            .fixture
            .rows
            .iter()
            .filter(|row| row["$nulls"].as_array().is_none_or(|nulls| !nulls.contains(&json!("n"))))
            .map(|row| row["n"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap())
            .sum();
        assert!(sum.contains(&format!("{}.{}", tenths / 10, (tenths % 10).abs())), "{sum} {tenths}");
        let error = failed(line, "sql", &reading.script(", 'decimal.n' = '4,0'", "SELECT SUM(n) FROM TABLE_READ"));
        // What the catalog says of all tables is of no use to others.
        let columns = reading.answer(", 'decimal.default' = '6,2', 'decimal.other' = '3,1'", "DESCRIBE TABLE_READ");
        assert!(columns.contains("+I[n, DECIMAL(6, 2), true,"), "{columns}");
        assert!(error.contains("does not fit a decimal of 4 digits") && error.contains("column: n"), "{error}");
    }
);

on_each_line!(
    /// What Pinot does in place of Flink is in the plan, and the answers are those of the broker.
    conditions_limits_and_aggregates_are_pushed,
    |line| {
        let Some(reading) = Reading::new("flink_pushed", line, true) else { return };
        let cases = [
            ("i > 2 AND s IN ('a', 'it''s')", "i > 2 AND s IN ('a', 'it''s')", true),
            ("b AND t >= TO_TIMESTAMP_LTZ(1700000000000, 3)", "b = true AND t >= 1700000000000", true),
            ("s IS NULL OR r LIKE 'und%'", "s IS NULL OR REGEXP_LIKE(r, '^und')", true),
            // Scans of the same columns, which differ in what is checked again.
            ("d < 1.5e0", "d < 1.5", false),
            ("d > 1.5e0", "d > 1.5", false),
            ("r LIKE '%under_score'", "r = 'under_score'", false),
        ];
        let queries = cases.iter().zip(0..).map(|((ours, ..), at)| {
            format!("SELECT '{at};' || CAST(id AS STRING) FROM TABLE_READ WHERE {ours}")
        });
        let query = queries.collect::<Vec<_>>().join(" UNION ALL ");
        let expected = cases.iter().zip(0..).flat_map(|((_, theirs, _), at)| {
            reading.broker_ids(theirs).into_iter().map(move |id| format!("{at};{id}"))
        });
        assert_eq!(reading.rows("", &query), expected.collect());
        let plan = reading.answer("", &format!("EXPLAIN {query}"));
        let plan = plan.split("Optimized Execution Plan").nth(1).unwrap();
        assert_eq!(plan.matches("where=[").count(), cases.iter().filter(|(.., whole)| !whole).count(), "{plan}");
        for pushed in ["filter=[and(>(i, 2)", "filter=[OR(IS NULL(s), LIKE(r, ", "filter=[<(d, 1.5E0", "filter=[>(d, 1.5E0"] {
            assert!(plan.contains(pushed), "{pushed}: {plan}");
        }
        let query = "SELECT id FROM TABLE_READ LIMIT 7";
        assert_eq!(reading.rows("", query).len(), 7);
        let plan = reading.answer("", &format!("EXPLAIN {query}"));
        assert!(plan.contains("limit=[7]") && plan.contains("project=[id]"), "{plan}");
    }
);

on_each_line!(
    /// Servers do the first half of an aggregation, or the rows come when there are too many groups.
    servers_aggregate,
    |line| {
        let Some(reading) = Reading::new("flink_groups", line, false) else { return };
        let query = "SELECT COALESCE(HEX(s), '') || ';' || CAST(COUNT(*) AS STRING) || ';' || CAST(SUM(i) AS STRING) || ';' || CAST(MIN(l) AS STRING)
            || ';' || CAST(MAX(`day`) AS STRING) || ';' || CAST(SUM(id) AS STRING) FROM TABLE_READ WHERE i < 5 GROUP BY s";
        let sql = format!(
            "SELECT s, COUNT(*), SUMLONG(i), MINLONG(l), MAXLONG(day), SUMLONG(id) FROM {} WHERE i < 5 GROUP BY s LIMIT 100",
            reading.fixture.name
        );
        let answer = reading.fixture.cluster.query(&sql);
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
        let text = |row: &Json| {
            let numbers: Vec<String> = row.as_array().unwrap()[1..].iter().map(Json::to_string).collect();
            format!("{};{}", hex(row[0].as_str().unwrap()), numbers.join(";"))
        };
        let expected: BTreeSet<String> = answer["resultTable"]["rows"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(expected.len(), 16, "{answer}");
        for options in [", 'scan.reader' = 'server'", ", 'scan.reader' = 'server', 'scan.max-groups' = '3'"] {
            assert_eq!(reading.rows(options, query), expected, "{options}");
        }
        let plan = reading.answer("", &format!("EXPLAIN {query}"));
        assert!(plan.contains("aggregates=[grouping=[s], aggFunctions=["), "{plan}");
    }
);

on_each_line!(
    /// The catalog lists, describes and makes tables, which join with others.
    the_catalog_lists_and_makes_tables,
    |line| {
        let Some(reading) = Reading::new("flink_catalog", line, false) else { return };
        let name = &reading.fixture.name;
        let tables = reading.answer("", "SHOW TABLES IN pinot.`default`");
        assert!(tables.contains(&format!("+I[{name}]")), "{tables}");
        let columns = reading.answer("", "DESCRIBE TABLE_READ");
        for column in ["t, TIMESTAMP_LTZ(3), false,", "mi, ARRAY<INT NOT NULL>, false,", "n, STRING, false,", "x, BYTES, false,"] {
            assert!(columns.contains(column), "{column}: {columns}");
        }
        let joined = reading.answer(
            "",
            "CREATE TEMPORARY VIEW cities AS SELECT * FROM (VALUES (CAST(3 AS BIGINT), 'Oslo'), (CAST(5 AS BIGINT), 'Rome')) AS c (id, city);
            SELECT city, `day` FROM TABLE_READ AS p JOIN cities AS c ON p.id = c.id WHERE p.id < 4",
        );
        assert_eq!(joined, "+I[Oslo, 19000]");
        let made = format!("{name}_made");
        let create = format!(
            "CREATE TABLE pinot.`default`.{made} (id BIGINT, name STRING, price DECIMAL(10, 2), tags ARRAY<STRING>, at_time TIMESTAMP_LTZ(3))
            WITH ('create.time-column' = 'at_time')"
        );
        let columns = reading.answer("", &format!("{create};\nDESCRIBE pinot.`default`.{made}"));
        for column in ["id, BIGINT, true,", "price, STRING, true,", "at_time, TIMESTAMP_LTZ(3), true,"] {
            assert!(columns.contains(column), "{column}: {columns}");
        }
        assert_eq!(reading.answer("", &format!("SELECT COUNT(*) FROM pinot.`default`.{made}")), "+I[0]");
        let error = failed(line, "sql", &reading.script("", &create));
        assert!(error.contains("already exists"), "{error}");
        let bad = create.replace("at_time TIMESTAMP_LTZ(3)", "at_time TIME").replace(&made, "other");
        let error = failed(line, "sql", &reading.script("", &bad));
        assert!(error.contains("at_time") && error.contains("TIME"), "{error}");
        let rest = reading.answer("", &format!("DROP TABLE pinot.`default`.{made};\nSHOW TABLES IN pinot.`default`"));
        assert!(!rest.contains(&made), "{rest}");
        let error = failed(line, "sql", &reading.script(", 'scan.readr' = 'direct'", "SELECT id FROM TABLE_READ"));
        assert!(error.contains("readr"), "{error}");
    }
);

on_each_line!(
    /// Tasks that fail behind the source: each row comes once, by either reader.
    failures_lose_and_double_no_rows_of_a_table,
    |line| {
        let Some(reading) = Reading::new("flink_again", line, false) else { return };
        let address = reading.fixture.cluster.controller.trim_start_matches("http://").to_owned();
        for reader in ["server", "direct"] {
            let Some(target) = Table::create(&format!("flink_again_{reader}"), line) else { return };
            let url = format!("pinot://{address}/{}?reader={reader}&batchRows=20", reading.fixture.name);
            let further = [("read", url.as_str()), ("failures", "2"), ("restarts", "20"), ("rate", "150"),
                ("checkpointMillis", "100"), ("segmentRows", "200"), ("seed", "3")];
            assert_eq!(ok(line, "finish", &target.options(900, &further)), "failures left 0", "{reader}");
            target.is_exact(900);
        }
    }
);

on_each_line!(
    /// The optimizer knows how many rows come, of all of them and of a part.
    plans_have_the_number_of_rows,
    |line| {
        let Some(reading) = Reading::new("flink_estimates", line, false) else { return };
        let rows = reading.fixture.cluster.query(&format!("SELECT COUNT(*) FROM {}", reading.fixture.name));
        let rows = rows["resultTable"]["rows"][0][0].as_u64().unwrap();
        let plan = reading.answer("", "EXPLAIN ESTIMATED_COST SELECT id FROM TABLE_READ");
        let read: f64 = plan.split("rowcount = ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
        assert_eq!(read as u64, rows, "{plan}");
    }
);

on_each_line!(
    /// With a zone times are TIMESTAMP, as clocks there show them; and they go back to the same instants.
    times_of_a_zone,
    |line| {
        let Some(reading) = Reading::new("flink_zone", line, false) else { return };
        let zone = ", 'time-zone' = 'Asia/Kathmandu'";
        let described = reading.answer(zone, "DESCRIBE TABLE_READ");
        assert!(described.contains("t, TIMESTAMP(3), "), "{described}");
        let instants = "SELECT CAST(id AS STRING) || ';' || COALESCE(CAST(TIMESTAMPDIFF(SECOND, TO_TIMESTAMP_LTZ(0, 3), t) AS STRING), 'null') FROM TABLE_READ";
        let clocks = "SELECT CAST(id AS STRING) || ';' || COALESCE(CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 05:45:00', t) AS STRING), 'null') FROM TABLE_READ";
        // Kathmandu was 15 minutes behind until 1986.
        let earlier = |rows: BTreeSet<String>| rows.into_iter().filter(|row| row.ends_with("null") || row.split(';').nth(1).unwrap().parse::<i64>().unwrap() > 600_000_000).collect::<BTreeSet<_>>();
        let (instants, clocks) = (earlier(reading.rows("", instants)), earlier(reading.rows(zone, clocks)));
        assert!(!instants.is_empty());
        assert_eq!(instants, clocks);

        let name = format!("{}_copy", reading.fixture.name);
        let folder = reading.folder.path().join("staging").display().to_string();
        let options = format!("{zone}, 'staging' = '{folder}'");
        let copied = format!(
            "CREATE TABLE pinot.`default`.{name} (id BIGINT, t TIMESTAMP(3)) WITH ('connector' = 'pinotage', 'create.time-column' = 't');
            INSERT INTO pinot.`default`.{name} SELECT id, t FROM TABLE_READ WHERE t IS NOT NULL;
            SELECT COUNT(*) FROM pinot.`default`.{name} AS copied JOIN TABLE_READ AS original ON copied.id = original.id AND copied.t = original.t"
        );
        let same = reading.answer(&options, &copied);
        let all = reading.answer("", "SELECT COUNT(*) FROM TABLE_READ WHERE t IS NOT NULL");
        assert_eq!(same, all);
        let refused = failed(line, "sql", &reading.script("", &format!("CREATE TABLE pinot.`default`.{name}_2 (t TIMESTAMP(3))")));
        assert!(refused.contains("time-zone"), "{refused}");
    }
);
