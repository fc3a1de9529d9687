//! Tables of Pinot that Spark reads.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};
use crate::tables::{Fixture, Place, broker_ids};

/// Runs a test with Scala 2.13 alone, on both lines of Spark.
macro_rules! on_both_lines {
    ($(#[$doc:meta])* $name:ident, $test:expr) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            #[test]
            fn on_3_5_with_scala_2_13() {
                $test(Line::V3_5Scala2_13);
            }

            #[test]
            fn on_4() {
                $test(Line::V4);
            }
        }
    };
}

/// A table with a column of every type.
pub(super) struct Reading {
    line: Line,
    pub(super) fixture: Fixture,
    folder: TempDir,
}

impl Reading {
    /// The table of a line; each has its own, because they run at the same time. None without a cluster.
    pub(super) fn new(name: &str, line: Line, nulls: bool) -> Option<Self> {
        Self::on(Place::Modern, name, line, nulls)
    }

    pub(super) fn on(place: Place, name: &str, line: Line, nulls: bool) -> Option<Self> {
        line.class_path()?;
        let name = format!("{name}_{line:?}").to_lowercase();
        let fixture = Fixture::new(place, &name, 3, 300, nulls, json!({}))?;
        // Brokers come behind servers.
        fixture.cluster.await_count(&name, 900);
        Some(Self { line, fixture, folder: tempfile::tempdir().unwrap() })
    }

    /// Statements, in which `t` is the table by the format's name.
    pub(super) fn script(&self, options: &str, statements: &str) -> Vec<(&'static str, String)> {
        self.view(options, "", statements)
    }

    fn view(&self, options: &str, columns: &str, statements: &str) -> Vec<(&'static str, String)> {
        let Fixture { cluster, name, .. } = &self.fixture;
        let view = format!("VIEW t ('controller' = '{}', 'table' = '{name}'{options}){columns}", cluster.controller);
        self.statements(&format!("{view};\n{statements};"))
    }

    pub(super) fn statements(&self, statements: &str) -> Vec<(&'static str, String)> {
        let path = self.folder.path().join("script.sql");
        std::fs::write(&path, statements).unwrap();
        vec![("script", path.display().to_string())]
    }

    /// What the last statement gives.
    pub(super) fn answer(&self, options: &str, statements: &str) -> String {
        ok(self.line, "sql", &self.script(options, statements)).unwrap()
    }

    pub(super) fn failed(&self, options: &str, statements: &str) -> String {
        failed(self.line, "sql", &self.script(options, statements)).unwrap()
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
    let rows: Vec<String> = answer.split('[').skip(1).map(|row| row.trim().trim_end_matches(']').into()).collect();
    let different: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(different.len(), rows.len(), "{answer}");
    different
}

/// A text of each column of a row; of lists, the number of values and the first two.
const COLUMNS: &str = "CAST(id AS STRING) || ';' || COALESCE(CAST(i AS STRING), 'null') || ';' || COALESCE(CAST(l AS STRING), 'null')
    || ';' || COALESCE(CAST(CAST(f * 4 AS INT) AS STRING), 'null') || ';' || COALESCE(CAST(CAST(d * 8 AS INT) AS STRING), 'null')
    || ';' || COALESCE(CAST(b AS STRING), 'null') || ';' || COALESCE(HEX(s), 'null') || ';' || COALESCE(HEX(r), 'null')
    || ';' || COALESCE(HEX(x), 'null') || ';' || j || ';' || COALESCE(CAST(n AS STRING), 'null')
    || ';' || COALESCE(CAST(unix_millis(t) AS STRING), 'null') || ';' || CAST(day AS STRING)
    || ';' || COALESCE(CAST(size(mi) AS STRING) || ',' || CAST(mi[0] AS STRING) || ',' || CAST(mi[1] AS STRING), 'null')
    || ';' || COALESCE(HEX(ms[0]) || ',' || HEX(ms[1]), 'null')";

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
        of("b", &|value| (*value == json!(1)).to_string()),
        of("s", &texts),
        of("r", &texts),
        of("x", &|value| plain(value).to_uppercase()),
        of("j", &plain),
        of("n", &plain),
        of("t", &plain),
        of("day", &plain),
        of("mi", &|value| format!("2,{},{}", value[0], value[1])),
        of("ms", &|value| format!("{},{}", texts(&value[0]), texts(&value[1]))),
    ]
    .join(";")
}

on_each_line!(
    /// Every type, nulls among the values, by each reader.
    every_type_is_read,
    |line| {
        let Some(reading) = Reading::new("spark_types", line, true) else { return };
        let expected: BTreeSet<String> = reading.fixture.rows.iter().map(expected).collect();
        let all = format!("SELECT {COLUMNS} FROM t");
        assert_eq!(reading.rows(", 'reader' = 'server'", &all), expected);
        assert_eq!(reading.rows(", 'reader' = 'direct', 'batchRows' = '100'", &all), expected);
    }
);

on_both_lines!(
    /// What Pinot does in place of Spark is in the plan, and the answers are those of the broker.
    conditions_limits_and_orders_are_pushed,
    |line| {
        let Some(reading) = Reading::new("spark_pushed", line, true) else { return };
        let cases = [
            ("i > 2 AND s IN ('a', 'it\\'s')", "i > 2 AND s IN ('a', 'it''s')", true),
            ("b AND t >= timestamp_millis(1700000000000)", "b = true AND t >= 1700000000000", true),
            ("s IS NULL OR r LIKE 'und%'", "s IS NULL OR REGEXP_LIKE(r, '^und')", true),
            ("NOT (s <=> 'a')", "s IS NULL OR s <> 'a'", true),
            ("contains(r, '50%')", "r = '50%'", true),
            ("x = X'0003'", "x = '0003'", true),
            // Scans of the same columns, which differ in what is checked again.
            ("d < 1.5d", "d < 1.5", false),
            ("d > 1.5d", "d > 1.5", false),
            ("r LIKE '%under_score'", "r = 'under_score'", false),
            ("NOT (i > 2 OR length(s) > 3)", "i <= 2 AND LENGTH(s) <= 3", false),
        ];
        let queries = cases
            .iter()
            .zip(0..)
            .map(|((ours, ..), at)| format!("SELECT '{at};' || CAST(id AS STRING) FROM t WHERE {ours}"));
        let query = queries.collect::<Vec<_>>().join(" UNION ALL ");
        let expected = cases.iter().zip(0..).flat_map(|((_, theirs, _), at)| {
            reading.broker_ids(theirs).into_iter().map(move |id| format!("{at};{id}"))
        });
        assert_eq!(reading.rows("", &query), expected.collect());
        for (ours, _, whole) in &cases {
            let plan = reading.answer("", &format!("EXPLAIN SELECT id FROM t WHERE {ours}"));
            assert_eq!(!plan.contains("Filter "), *whole, "{plan}");
            assert!(plan.contains("reader=") && plan.contains("columns=[id"), "{plan}");
        }
        // Each aggregate by itself, of the whole table, and of rows that servers do not aggregate.
        for alone in ["COUNT(*)", "COUNT(s)", "SUM(i)", "MIN(l)", "MAX(t)", "COUNT(i), COUNT(*)"] {
            let rows = format!("SELECT {alone} FROM (SELECT * FROM t WHERE length(r) >= 0 OR r IS NULL)");
            let of_all = reading.answer(", 'reader' = 'server'", &format!("SELECT {alone} FROM t"));
            assert_eq!(of_all, reading.answer("", &rows), "{alone}");
            assert!(!of_all.contains("null"), "{alone}: {of_all}");
        }
        let nothing = reading.answer(", 'usePushDownFilters' = 'false'", "EXPLAIN SELECT id FROM t WHERE i > 2");
        assert!(nothing.contains("Filter ") && !nothing.contains("filter="), "{nothing}");
        let query = "SELECT id FROM t LIMIT 7";
        assert_eq!(reading.rows("", query).len(), 7);
        let plan = reading.answer("", &format!("EXPLAIN {query}"));
        assert!(plan.contains("limit=7") && plan.contains("columns=[id]"), "{plan}");
        let query = "SELECT id FROM t WHERE id < 890 ORDER BY id DESC LIMIT 5";
        let server = ", 'reader' = 'server'";
        let first: BTreeSet<String> = (885..890).map(|id: i64| id.to_string()).collect();
        assert_eq!(reading.rows(server, query), first);
        let plan = reading.answer(server, &format!("EXPLAIN {query}"));
        assert!(plan.contains("each answer: order=["), "{plan}");
    }
);

on_both_lines!(
    /// Servers do the first half of an aggregation, or the rows come when there are too many groups.
    servers_aggregate,
    |line| {
        let Some(reading) = Reading::new("spark_groups", line, false) else { return };
        let query = "SELECT COALESCE(HEX(s), '') || ';' || CAST(COUNT(*) AS STRING) || ';' || CAST(SUM(i) AS STRING) || ';' || CAST(MIN(l) AS STRING)
            || ';' || CAST(MAX(day) AS STRING) || ';' || CAST(COUNT(id) AS STRING) FROM t WHERE i < 5 GROUP BY s";
        let sql = format!(
            "SELECT s, COUNT(*), SUMLONG(i), MINLONG(l), MAXLONG(day), COUNT(id) FROM {} WHERE i < 5 GROUP BY s LIMIT 100",
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
        for options in [", 'reader' = 'server'", ", 'reader' = 'server', 'maxGroups' = '3'"] {
            assert_eq!(reading.rows(options, query), expected, "{options}");
        }
        let plan = reading.answer("", &format!("EXPLAIN {query}"));
        assert!(plan.contains("aggregates=["), "{plan}");
        // Of all rows; of none; the mean of INT; and how many there are, which nobody is asked for.
        let all = "SELECT COUNT(*), SUM(i), MIN(t), AVG(i) FROM t";
        let of = |condition: &str| format!("{all} WHERE {condition}");
        let plan = reading.answer(", 'reader' = 'server'", &format!("EXPLAIN {all}"));
        assert!(plan.contains("aggregates=["), "{plan}");
        let (mean, apart) = (reading.answer("", &of("i < 5")), reading.answer(", 'usePushDownFilters' = 'false'", &of("i < 5")));
        assert_eq!(mean, apart);
        assert_eq!(reading.answer("", &of("id < 0")), "[0,null,null,null]");
        assert_eq!(reading.answer("", "SELECT COUNT(*) FROM t"), "[900]");
        // The sum of BIGINT may have no place.
        let ansi = reading.answer("", "SET spark.sql.ansi.enabled = true;\nEXPLAIN SELECT SUM(l), AVG(l) FROM t");
        assert!(!ansi.contains("aggregates=["), "{ansi}");
    }
);

on_both_lines!(
    /// Maps that Spark wrote, of numbers and of texts: each value comes as JSON.
    maps_are_read,
    |line| {
        let Some(table) = Table::unmade("spark_maps", line) else { return };
        let map = |name: &str, value: &str| {
            json!({"name": name, "dataType": "MAP", "fieldType": "COMPLEX", "childFieldSpecs": {
                "key": {"name": "key", "dataType": "STRING", "fieldType": "DIMENSION"},
                "value": {"name": "value", "dataType": value, "fieldType": "DIMENSION"}}})
        };
        let (mut schema, mut config) = (table.schema(), table.config());
        schema["complexFieldSpecs"] = json!([map("m", "LONG"), map("w", "STRING")]);
        config["tableIndexConfig"]["nullHandlingEnabled"] = json!(true);
        table.cluster.create_table(&schema, &config);
        let columns = "id;key;tags;price;at;CASE~WHEN~id%3>0~THEN~map('a',id,'b',-id)~END~AS~m;map('k',key,'é','\"')~AS~w";
        ok(line, "write", &table.options(5, &[("columns", columns), ("tasks", "1")]));
        table.cluster.await_count(&table.name, 5);
        let query = "SELECT id, m['a'], m['b'], array_join(array_sort(map_keys(m)), '|'), w['k'], w['é'], m IS NULL FROM t";
        for reader in ["server", "direct"] {
            let answer = |query: &str| {
                let script = table.folder("scripts").join("script.sql");
                let Table { cluster, name, .. } = &table;
                let view = format!("VIEW t ('controller' = '{}', 'table' = '{name}', 'reader' = '{reader}')", cluster.controller);
                std::fs::write(&script, format!("{view};\n{query};")).unwrap();
                ok(line, "sql", &[("script", script.display().to_string())]).unwrap()
            };
            let row = |id: i64| match id % 3 {
                0 => format!(r#"[{id},null,null,null,"k{id}","\"",true]"#),
                _ => format!(r#"[{id},{id},-{id},a|b,"k{id}","\"",false]"#),
            };
            let expected: Vec<String> = (0..5).map(row).collect();
            assert_eq!(answer(&format!("{query} ORDER BY id")), expected.join(" "), "{reader}");
            assert_eq!(answer(&format!("{query} WHERE m['b'] = '-4'")), row(4), "{reader}");
        }
    }
);

/// Decimals, and columns that somebody names: fewer, in another order, as what they may be.
#[test]
fn columns_are_as_somebody_names_them() {
    let line = Line::V4;
    let Some(reading) = Reading::new("spark_columns", line, true) else { return };
    let tenths: i64 = reading
        .fixture
        .rows
        .iter()
        .filter(|row| row["$nulls"].as_array().is_none_or(|nulls| !nulls.contains(&json!("n"))))
        .map(|row| row["n"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap())
        .sum();
    let sum = format!("[{}{}.{}]", if tenths < 0 { "-" } else { "" }, (tenths / 10).abs(), (tenths % 10).abs());
    let query = "SELECT SUM(n) FROM t";
    for digits in ["4,1", "28,1"] {
        assert_eq!(reading.answer(&format!(", 'decimal.n' = '{digits}'"), query), sum);
    }
    let error = reading.failed(", 'decimal.default' = '4,0'", query);
    assert!(error.contains("does not fit a decimal of 4 digits") && error.contains("column: n"), "{error}");
    let view = |columns: &str, query: &str| reading.view("", &format!(" COLUMNS {columns}"), query);
    let named = |columns: &str, query: &str| ok(line, "sql", &view(columns, query)).unwrap();
    assert_eq!(named("n DECIMAL(20, 1), id BIGINT", query), sum);
    // Milliseconds, in conditions, too.
    let ours = different(&named("t BIGINT, id BIGINT", "SELECT id FROM t WHERE t > 1700000000000"));
    assert_eq!(ours, reading.broker_ids("t > 1700000000000"));
    let refused = |columns: &str, words: [&str; 2]| {
        let error = failed(line, "sql", &view(columns, "SELECT * FROM t")).unwrap();
        assert!(error.contains("schema-mismatch") && words.iter().all(|word| error.contains(word)), "{error}");
    };
    refused("id BIGINT, nowhere INT", ["`nowhere`", "no column of this name"]);
    refused("id INT", ["`id`", "comes as BIGINT"]);
    refused("i INT NOT NULL", ["`i`", "keeps nulls"]);
}

on_both_lines!(
    /// The catalog lists, describes and makes tables, which join with others.
    the_catalog_lists_and_makes_tables,
    |line| {
        let Some(reading) = Reading::new("spark_catalog", line, false) else { return };
        let name = &reading.fixture.name;
        let settings = |more: &str| {
            format!(
                "SET spark.sql.catalog.pinot = io.pinotage.spark.PinotCatalog;\nSET spark.sql.catalog.pinot.controller = {};\n{more}",
                reading.fixture.cluster.controller
            )
        };
        let answer = |statements: &str| ok(line, "sql", &reading.statements(&settings(statements))).unwrap();
        let refused = |statements: &str| failed(line, "sql", &reading.statements(&settings(statements))).unwrap();
        let listed = format!("[default,{name},false]");
        for statement in ["SHOW TABLES IN pinot", "SHOW TABLES IN pinot.default", "USE pinot;\nSHOW TABLES"] {
            let tables = answer(statement);
            assert!(tables.contains(&listed), "{tables}");
        }
        assert_eq!(answer("SHOW NAMESPACES IN pinot"), "[default]");
        let columns = answer(&format!("DESCRIBE pinot.default.{name}"));
        for column in ["[t,timestamp,", "[mi,array<int>,", "[n,string,", "[x,binary,"] {
            assert!(columns.contains(column), "{column}: {columns}");
        }
        let decimals = "SET spark.sql.catalog.pinot.decimal.default = 6,2;\nSET spark.sql.catalog.pinot.decimal.other = 3,1;\n";
        let columns = answer(&format!("{decimals}DESCRIBE pinot.default.{name}"));
        assert!(columns.contains("[n,decimal(6,2),"), "{columns}");
        let joined = answer(&format!(
            "SELECT city, day FROM pinot.{name} AS p JOIN VALUES (3L, 'Oslo'), (5L, 'Rome') AS c (id, city) ON p.id = c.id WHERE p.id < 4"
        ));
        assert_eq!(joined, "[Oslo,19000]");
        let made = format!("{name}_made");
        let create = format!(
            "CREATE TABLE pinot.default.{made} (id BIGINT, name STRING, price DECIMAL(10, 2), tags ARRAY<STRING>, more MAP<STRING, BIGINT>,
                at_time TIMESTAMP)
            TBLPROPERTIES ('create.timeColumn' = 'at_time')"
        );
        let columns = answer(&format!("{create};\nDESCRIBE pinot.default.{made}"));
        for column in ["[id,bigint,", "[price,string,", "[at_time,timestamp,", "[tags,array<string>,", "[more,map<string,string>,"] {
            assert!(columns.contains(column), "{column}: {columns}");
        }
        assert_eq!(answer(&format!("SELECT COUNT(*) FROM pinot.default.{made}")), "[0]");
        // An aggregation of a table without segments, and of none of its rows.
        assert_eq!(answer(&format!("SELECT COUNT(*), MAX(id) FROM pinot.default.{made} WHERE id > 3")), "[0,null]");
        let error = refused(&create);
        assert!(error.contains("TABLE_OR_VIEW_ALREADY_EXISTS"), "{error}");
        for (from, to, words) in [
            ("at_time TIMESTAMP", "at_time DATE", ["`at_time`", "DATE"]),
            ("create.timeColumn", "create.time", ["`create.time`", "create.timeColumn"]),
        ] {
            let error = refused(&create.replace(&made, "other").replace(from, to));
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
        let rest = answer(&format!("DROP TABLE pinot.default.{made};\nSHOW TABLES IN pinot.default"));
        assert!(!rest.contains(&made), "{rest}");
        let error = refused(&format!("SELECT * FROM pinot.default.{made}"));
        assert!(error.contains("TABLE_OR_VIEW_NOT_FOUND"), "{error}");
    }
);

on_both_lines!(
    /// Each is told before a task starts, by what is wrong and what is meant.
    wrong_options_are_told,
    |line| {
        let Some(reading) = Reading::new("spark_wrong", line, false) else { return };
        let query = "SELECT id FROM t";
        for (options, words) in [
            (", 'readr' = 'direct'", ["`readr`", "did you mean `reader`?"]),
            (", 'reader' = 'fast'", ["`fast`", "invalid-config"]),
            (", 'connection.auth.kid' = 'basic'", ["missing field `kind`", "invalid-config"]),
            (", 'decimal.s' = '4,1'", ["BIG_DECIMAL", "column: s"]),
            (", 'tableType' = 'both'", ["`tableType`", "offline"]),
            (", 'queryOptions' = 'useMultistageEngine=true'", ["`queryOptions`", "unsupported"]),
            (", 'grpc.proxy-uri' = 'proxy:8080'", ["`grpc.proxy-uri`", "unsupported"]),
            (", 'invertedIndexColumns' = 's'", ["`invertedIndexColumns`", "the table's schema and config"]),
            (", 'reportPartitioning' = 'maybe'", ["`reportPartitioning`", "auto, true or false"]),
        ] {
            let error = reading.failed(options, query);
            assert!(words.iter().all(|word| error.contains(word)), "{options}: {error}");
        }
        let missing = reading.statements(&format!(
            "VIEW t ('table' = 'nowhere', 'controller' = '{}');\n{query};",
            reading.fixture.cluster.controller
        ));
        let error = failed(line, "sql", &missing).unwrap();
        assert!(error.contains("not-found") && error.contains("nowhere"), "{error}");
        let nobody = reading.statements(&format!("VIEW t ('table' = 'any', 'controller' = 'localhost:1', 'connection.retries.attempts' = '1');\n{query};"));
        let error = failed(line, "sql", &nobody).unwrap();
        assert!(error.contains("unavailable"), "{error}");
        let error = reading.failed("", "SELECT nothing FROM t");
        assert!(error.contains("UNRESOLVED_COLUMN"), "{error}");
    }
);

/// A job of the existing connector changes the name of its format and nothing else.
#[test]
fn options_of_the_existing_connector() {
    let line = Line::V4;
    let Some(reading) = Reading::new("spark_old", line, true) else { return };
    let all = ", 'tableType' = 'offline', 'usePushDownFilters' = 'true', 'segmentsPerSplit' = '1', 'broker' = 'localhost:8000',
        'pinotServerTimeoutMs' = '60000', 'useGrpcServer' = 'true', 'failOnInvalidSegments' = 'true', 'secureMode' = 'false',
        'queryOptions' = 'enableNullHandling=true,timeoutMs=30000', 'proxy.enabled' = 'false', 'grpc.port' = '8090',
        'grpc.max-inbound-message-size' = '1000000', 'grpc.use-plain-text' = 'true', 'authToken' = 'none', 'useHttps' = 'false',
        'grpc.tls.keystore-type' = 'JKS', 'grpc.tls.keystore-path' = '/none', 'grpc.tls.keystore-password' = '', 'grpc.tls.truststore-type' = 'JKS',
        'grpc.tls.truststore-path' = '/none', 'grpc.tls.truststore-password' = '', 'grpc.tls.ssl-provider' = 'JDK'";
    assert_eq!(
        reading.answer(all, "SELECT COUNT(*) FROM t WHERE i > 2"),
        reading.answer("", "SELECT COUNT(*) FROM t WHERE i > 2")
    );
    let plan = reading.answer(", 'TABLETYPE' = 'OFFLINE'", "EXPLAIN SELECT id FROM t");
    assert!(plan.contains("OFFLINE: reader="), "{plan}");
    let error = reading.failed(", 'tableType' = 'realtime'", "SELECT id FROM t");
    assert!(error.contains("not-found"), "{error}");
}

on_both_lines!(
    /// What a join finds out of its small side leaves out rows of the table; a table that is read twice is read once.
    joins_leave_out_rows,
    |line| {
        let Some(reading) = Reading::new("spark_joins", line, false) else { return };
        let small = "CREATE TEMPORARY VIEW small AS SELECT CAST(id * 7 AS BIGINT) AS k, CAST(id AS STRING) AS word FROM range(50)";
        let query = "SELECT t.id, t.i FROM t JOIN small ON t.id = small.k WHERE small.word LIKE '1_'";
        let mut found = reading.script("", &format!("{small};\n{query}"));
        assert_eq!(ok(line, "sql", &found).unwrap().matches('[').count(), 10);
        found.push(("plan", "executed".to_owned()));
        let plan = ok(line, "sql", &found).unwrap();
        assert!(plan.contains("RuntimeFilters: [dynamicpruning") && plan.contains("filter=id IN (70, 77, "), "{plan}");
        let twice = "SELECT a.s, a.total - b.total FROM (SELECT s, SUM(length(r)) AS total FROM t GROUP BY s) AS a
            JOIN (SELECT s, SUM(length(r)) AS total FROM t GROUP BY s) AS b ON a.s = b.s";
        let mut twice = reading.script("", twice);
        twice.push(("plan", "executed".to_owned()));
        let plan = ok(line, "sql", &twice).unwrap();
        assert!(plan.contains("ReusedExchange"), "{plan}");
    }
);

on_both_lines!(
    /// Where a row lies, by either reader, as the broker has it.
    rows_say_where_they_lie,
    |line| {
        let Some(reading) = Reading::new("spark_places", line, true) else { return };
        let name = &reading.fixture.name;
        let sql = format!("SELECT id, $docId, $segmentName FROM {name} WHERE s = 'a' LIMIT 1000");
        let answer = reading.fixture.cluster.query(&sql);
        let text = |row: &Json| format!("{};{};{}", row[0], row[1], row[2].as_str().unwrap());
        let expected: BTreeSet<String> = answer["resultTable"]["rows"].as_array().unwrap().iter().map(text).collect();
        assert!(expected.len() > 10, "{answer}");
        // Of the catalog's tables: a view of Spark hides them.
        let answer = |reader: &str, query: &str| {
            let settings = format!(
                "SET spark.sql.catalog.pinot = io.pinotage.spark.PinotCatalog;\nSET spark.sql.catalog.pinot.controller = {};
                SET spark.sql.catalog.pinot.reader = {reader};\nSET spark.sql.catalog.pinot.batchRows = 7;\n{query};",
                reading.fixture.cluster.controller
            );
            ok(line, "sql", &reading.statements(&settings)).unwrap()
        };
        let query = format!(
            "SELECT CAST(id AS STRING) || ';' || CAST(`$docId` AS STRING) || ';' || `$segmentName` FROM pinot.{name} WHERE s = 'a'"
        );
        let of = format!("SELECT COUNT(*), MAX(`$docId`) FROM pinot.{name} WHERE `$segmentName` = '{name}_1'");
        for reader in ["server", "direct"] {
            assert_eq!(different(&answer(reader, &query)), expected, "{reader}");
            assert_eq!(answer(reader, &of), "[300,299]");
        }
        // They are no columns of the table.
        assert!(!reading.answer("", "DESCRIBE t").contains("docId"));
    }
);

/// Of Pinot 0.11, whose servers send no nulls, with the line of Spark that is the oldest, too. Whoever stops its server calls it before.
pub(crate) fn the_oldest_release_is_read() {
    let Some(reading) = Reading::on(Place::Oldest, "spark_oldest", Line::V3_5, false) else { return };
    let rows: BTreeSet<String> = reading.fixture.rows.iter().map(expected).collect();
    for reader in ["server", "direct"] {
        let options = format!(", 'reader' = '{reader}'");
        assert_eq!(reading.rows(&options, &format!("SELECT {COLUMNS} FROM t")), rows, "{reader}");
    }
    let small = reading.fixture.rows.iter().filter(|row| row["i"].as_i64().unwrap() > 2);
    let query = "SELECT COUNT(*), SUM(i), MIN(day) FROM t WHERE i > 2";
    let wanted =
        format!("[{},{},19000]", small.clone().count(), small.map(|row| row["i"].as_i64().unwrap()).sum::<i64>());
    assert_eq!(reading.answer("", query), wanted);
    let plan = reading.answer("", &format!("EXPLAIN {query}"));
    assert!(plan.contains("aggregates=["), "{plan}");
}
