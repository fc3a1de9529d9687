//! `docs/compatibility.md`: what works with which release of Pinot, and the test that knows it.
//!
//! Every cell of a table names a test. `cargo xtask check` fails when there is no such test, or when the page says something
//! else than the tables here; `cargo xtask compatibility` writes the page. A new row is a new line in one of the functions.

use std::fmt::Write as _;
use std::fs;

use crate::check::collect;
use crate::root;

const PAGE: &str = "docs/compatibility.md";

/// A table of the page.
struct Table {
    title: &'static str,
    about: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Row>,
}

/// A line of a table: what it is about, and a cell for each column.
struct Row {
    what: &'static str,
    cells: Vec<Cell>,
}

enum Cell {
    /// What a test shows: `yes`, or yes with a condition.
    Shown(&'static str, Evidence),
    /// Why there is no test; nothing where the page says so for all.
    Without(&'static str),
}

/// A test, and the cases that it goes through, which its file has to name.
struct Evidence {
    test: &'static str,
    cases: &'static [&'static str],
}

fn tables() -> Vec<Table> {
    vec![read(), written(), scanned()]
}

/// What is read of the segments that each release writes.
fn read() -> Table {
    const RELEASES: [(&str, &str); 6] = [
        ("0.11.0", "segments_of_pinot_0_11_0_are_read"),
        ("0.12.1", "segments_of_pinot_0_12_1_are_read"),
        ("1.1.0", "segments_of_pinot_1_1_0_are_read"),
        ("1.3.0", "segments_of_pinot_1_3_0_are_read"),
        ("1.4.0", "segments_of_pinot_1_4_0_are_read"),
        ("1.5.1", "segments_of_pinot_1_5_1_are_read"),
    ];
    // With the first release that writes it.
    const ROWS: [(&str, &str, &[&str]); 21] = [
        ("dictionaries, segment version 3", "0.11.0", &["dictionary-v3", "var-length-dictionary"]),
        ("dictionaries, segment version 1", "0.11.0", &["dictionary-v1"]),
        ("sorted and inverted columns, segment version 3", "0.11.0", &["sorted-v3"]),
        ("sorted and inverted columns, segment version 1", "0.11.0", &["sorted-v1"]),
        ("nulls, segment version 3", "0.11.0", &["nulls-v3"]),
        ("nulls, segment version 1", "0.11.0", &["nulls-v1"]),
        ("nulls by column", "1.1.0", &["nulls-by-column"]),
        ("lists of BOOLEAN and TIMESTAMP", "1.3.0", &["boolean-lists"]),
        ("lists that share entries (`MV_ENTRY_DICT`)", "1.1.0", &["entry-dictionary"]),
        ("raw, segment version 1", "0.11.0", &["raw-v1"]),
        (
            "raw, chunk versions 2 to 4: PASS_THROUGH, SNAPPY, ZSTANDARD, LZ4",
            "0.11.0",
            &[
                "raw-2-PASS_THROUGH",
                "raw-2-SNAPPY",
                "raw-2-ZSTANDARD",
                "raw-2-LZ4",
                "raw-2-text-lists",
                "raw-3-PASS_THROUGH",
                "raw-3-SNAPPY",
                "raw-3-ZSTANDARD",
                "raw-3-LZ4",
                "raw-3-text-lists",
                "raw-4-PASS_THROUGH",
                "raw-4-SNAPPY",
                "raw-4-ZSTANDARD",
                "raw-4-LZ4",
                "raw-huge",
            ],
        ),
        ("raw lists of text, chunk version 4", "1.1.0", &["raw-4-text-lists"]),
        ("raw, chunk versions 2 to 4: GZIP", "1.3.0", &["raw-2-GZIP", "raw-3-GZIP", "raw-4-GZIP"]),
        (
            "raw, chunk version 5, all codecs",
            "1.3.0",
            &["raw-5-PASS_THROUGH", "raw-5-SNAPPY", "raw-5-ZSTANDARD", "raw-5-LZ4", "raw-5-GZIP", "raw-5-text-lists"],
        ),
        ("raw: DELTA, DELTADELTA", "1.5.1", &["raw-4-DELTA", "raw-4-DELTADELTA"]),
        ("log messages: CLP, and CLPV2 of realtime servers", "1.3.0", &["clp", "realtime-CLPV2"]),
        ("log messages: CLPV2_ZSTD, CLPV2_LZ4", "1.4.0", &["realtime-CLPV2_ZSTD", "realtime-CLPV2_LZ4"]),
        ("maps", "1.3.0", &["map"]),
        ("beside text, FST, H3, JSON, range and bloom indexes and a star-tree", "0.11.0", &["other-indexes"]),
        ("committed by realtime servers", "0.11.0", &["realtime"]),
        ("committed by realtime servers, column by column", "1.1.0", &["realtime-column-major"]),
    ];
    let from = |release: &str| RELEASES.iter().position(|(known, _)| *known == release).unwrap_or(RELEASES.len());
    let row = |(what, first, cases): (&'static str, &str, &'static [&'static str])| Row {
        what,
        cells: RELEASES
            .iter()
            .enumerate()
            .map(|(at, (_, test))| match at >= from(first) {
                true => Cell::Shown("yes", Evidence { test, cases }),
                false => Cell::Without(""),
            })
            .collect(),
    };
    Table {
        title: "Segments that are read",
        about: "Written by Pinot itself, read cell by cell. Empty: that release does not write it, or cannot. The small sizes of the tests \
                have 0.11.0, 1.1.0 and 1.5.1. Segment version 2 is written by none of them. Chunk version 6, which comes after \
                1.5.1, is read as its source describes it, not verified by Pinot.",
        columns: RELEASES.map(|(release, _)| release).to_vec(),
        rows: ROWS.map(row).into(),
    }
}

/// What Pinot says of the segments that we write.
fn written() -> Table {
    // The first and the last are whole servers, those between load segments as their servers do.
    const TESTS: [&str; 6] = [
        "everything_that_is_written_is_loaded_by_pinot_0_11_0",
        "what_is_written_is_loaded_by_pinot_0_12_1",
        "what_is_written_is_loaded_by_pinot_1_1_0",
        "what_is_written_is_loaded_by_pinot_1_3_0",
        "what_is_written_is_loaded_by_pinot_1_4_0",
        "everything_that_is_written_is_loaded_by_pinot_1_5_1",
    ];
    let cell = |shown, test, cases| Cell::Shown(shown, Evidence { test, cases });
    let each = |what, cases: &'static [&'static str], shown: [&'static str; 6]| Row {
        what,
        cells: shown.iter().zip(TESTS).map(|(shown, test)| cell(shown, test, cases)).collect(),
    };
    let all = |what, cases| each(what, cases, ["yes"; 6]);
    const LUCENES: [&str; 6] = [
        "the_oldest_servers_build_lucenes_indexes_on_our_segments",
        "lucenes_indexes_are_built_by_pinot_0_12_1",
        "lucenes_indexes_are_built_by_pinot_1_1_0",
        "lucenes_indexes_are_built_by_pinot_1_3_0",
        "lucenes_indexes_are_built_by_pinot_1_4_0",
        "servers_build_lucenes_indexes_on_our_segments",
    ];
    let lucene = |what, case, shown: [&'static str; 6]| Row {
        what,
        cells: shown.iter().zip(LUCENES).map(|(shown, test)| cell(shown, test, case)).collect(),
    };
    const BUILT: &str = "built by the server";
    let mut maps = each("maps", &["maps"], ["refused", "refused", "refused", "yes", "yes", "yes"]);
    maps.cells[0] = cell("refused", "the_oldest_release_gets_what_it_can_load", &[]);
    maps.cells[5] = cell("yes", "pinot_opens_and_answers_what_we_write", &[]);
    Table {
        title: "Segments that are written",
        about: "For the release that they go to, which decides where a cell says how. Whole servers of 0.11.0 and 1.5.1 load them, change no \
                byte of them and answer queries from them as from a table without the index. The loaders of the others, in the large \
                sizes (1.1.0 in the small ones, too), change no byte, read every cell, and find every row by every index. 1.5.1 also reads \
                every cell, and its writer makes the same bytes. Servers of 0.12.1 and 1.1.0 take a column for raw only where \
                `noDictionaryColumns` names it, and give it a dictionary when they load it otherwise. \
                Text, FST and vector indexes are Lucene's and not written. A segment of 200,000 rows was online 0.5 to 0.9 s after its \
                upload without, the first of its cluster; 1.6 to 1.8 s with a text index of 12 words a row, 0.2 s with an FST of 5,000 \
                words, 50 to 78 s with HNSW vectors of 8 numbers, on 4 cores that others used too: `env PINOTAGE_TEST_SIZE=full \
                $(cargo xtask java) cargo test -p pinotage-segment --test it -- lucene --nocapture`. A vector index of a column without \
                dictionary is refused: servers of 1.5.1 leave it empty when they build it, and then fail to load the segment. Brokers of \
                1.5.1 answer conditions such as `dateTrunc('WEEK', ts) > x` with rows too many or too few, with a timestamp index and \
                without: they take a week for four days, a month for 31, a quarter for 90 and a year for 365 \
                (`pinot_1_5_1_takes_units_of_time_to_be_as_long_as_those_of_1970`). The column of the index itself (`$ts$WEEK > x`) gives \
                the right rows.",
        columns: vec!["0.11.0", "0.12.1", "1.1.0", "1.3.0", "1.4.0", "1.5.1"],
        rows: vec![
            all("dictionaries", &["dictionaries"]),
            all("sorted and inverted columns", &["inverted"]),
            all("nulls", &["nulls"]),
            all("range indexes, versions 1 and 2", &["range_1", "range_2"]),
            all("bloom filters", &["bloom"]),
            all("JSON indexes", &["json"]),
            each(
                "timestamp indexes",
                &["timestamp"],
                [
                    "TIMESTAMP columns with `indexTypes: [TIMESTAMP]`; others are left out",
                    "yes",
                    "yes",
                    "yes",
                    "yes",
                    "yes",
                ],
            ),
            all("star-trees: COUNT, SUM, MIN, MAX", &["star_tree_numbers"]),
            each(
                "star-trees: AVG, MINMAXRANGE, DISTINCTCOUNTBITMAP, DISTINCTCOUNTHLL",
                &["star_tree_bytes"],
                ["yes, in chunk version 2", "yes, in chunk version 2", "yes", "yes", "yes", "yes"],
            ),
            each(
                "star-trees: COUNTMV, SUMMV, AVGMV",
                &["star_tree_lists"],
                ["refused by its controller", "left out", "left out", "left out", "left out", "yes"],
            ),
            all("star-trees: `enableDefaultStarTree`", &["star_tree_default"]),
            all("raw, chunk versions 2 and 3", &["raw_2", "raw_3"]),
            each(
                "raw, chunk version 4",
                &["raw_4"],
                ["yes, lists in version 3", "in version 3", "yes", "yes", "yes", "yes"],
            ),
            each(
                "raw, chunk version 5",
                &["raw_5"],
                ["in version 4, lists in version 3", "in version 3", "in version 4", "yes", "yes", "yes"],
            ),
            each("raw: GZIP", &["raw_gzip"], ["refused by its controller", "refused", "refused", "yes", "yes", "yes"]),
            maps,
            lucene("text indexes", &["lucene_text"], [BUILT; 6]),
            lucene("FST indexes", &["lucene_fst"], [BUILT; 6]),
            lucene(
                "vector indexes",
                &["lucene_vector"],
                ["refused by its controller", "refused", BUILT, BUILT, BUILT, BUILT],
            ),
        ],
    }
}

/// What scans do not lose.
fn scanned() -> Table {
    // Numbers as in the list of what the connector does.
    const ROWS: [(&str, &str); 32] = [
        ("W1 errors in the last message of an answer by gRPC", "what_a_server_cannot_answer_names_it_and_the_segments"),
        (
            "W1 an answer without its last message",
            "an_answer_that_is_cut_comes_whole_from_the_other_replica_or_not_at_all",
        ),
        ("W1 answers that are cut, through Spark", "answers_that_are_cut_give_no_rows"),
        ("W2 errors in an answer by Netty", "what_a_server_cannot_answer_by_netty_names_it_and_the_segments"),
        ("W3 a time-out at the server", "a_time_out_at_the_server_is_an_error"),
        ("W3 a server that hangs, with another replica", "a_server_that_falls_silent_is_left_for_the_other_replica"),
        ("W3 a server that hangs, without one", "servers_that_were_stopped_give_all_rows_or_none"),
        ("W4 brokers of a table, of any release", "halves_meet_where_the_broker_says"),
        ("W5 segments without a live replica", "servers_go_and_come_back"),
        ("W6 rows at the time boundary, of every form of time", "halves_meet_where_the_oldest_broker_says"),
        ("W7 a hybrid table one half of which has no segments", "halves_meet_where_the_broker_says"),
        ("W8 `LIKE` with quotes and wildcards in it", "patterns_are_ranges_or_regular_expressions"),
        ("W9 NOT, AND and OR of what cannot be pushed", "random_conditions_pass_the_same_rows_everywhere"),
        ("W10 literals of every type, NaN, names with quotes", "literals_are_those_that_every_release_reads_alike"),
        ("W11 TLS by gRPC: authorities, host names, client certificates", "who_asks_and_who_answers_is_checked"),
        ("W11 TLS by Netty", "who_answers_and_who_asks_is_checked_by_tls"),
        ("W12 who asks, at servers", "who_asks_and_who_answers_is_checked"),
        ("W13 proxies, for servers too", "servers_are_asked_through_a_proxy"),
        ("W14 hosts with `Server_` before them", "a_host_is_what_follows_the_prefix_of_its_instance"),
        ("W15 upsert tables that are written to, several requests a server", "keys_come_once_while_they_are_updated"),
        ("W16 aggregates at servers", "servers_aggregate_what_the_rows_come_to"),
        ("W16 the first rows of an order, at servers", "first_rows_by_servers_are_those_of_all_rows"),
        ("W16 connections that are used again", "connections_are_used_again_unless_their_query_was_dropped"),
        (
            "W16 joins of tables that are partitioned alike",
            "tables_that_are_partitioned_alike_are_joined_without_a_shuffle",
        ),
        ("W17 numbers of requests", "no_two_queries_have_the_same_number"),
        ("W18 drivers that die before and in mid-publication", "drivers_are_killed"),
        ("W18 tasks that run twice, executors that die", "tasks_run_twice_and_executors_are_killed"),
        ("W18 rows that a table does not take", "bad_rows_go_to_the_quarantine"),
        ("W18 a table that is overwritten", "a_table_is_overwritten"),
        ("W18 a part of a table that is overwritten", "rows_of_other_partitions_stay"),
        (
            "W18 drivers that die while rows beside that part are written again",
            "drivers_that_carry_rows_over_are_killed",
        ),
        ("W18 rows beside a stream, without keys", "without_keys_it_has_to_be_accepted"),
    ];
    let row = |(what, test)| Row { what, cells: vec![Cell::Shown("yes", Evidence { test, cases: &[] })] };
    Table {
        title: "Scans",
        about: "What Pinot's own Spark connector (1.5) loses, doubles, leaves open or does not do, and scans and writes here get right.",
        columns: vec!["tested"],
        rows: ROWS.map(row).into(),
    }
}

/// The text of the page.
fn page() -> String {
    let mut text = "# Compatibility\n\nWhat works with which release of Pinot. Every cell is a test that passes; \
                    `xtask/src/compatibility.rs` has their names and\nmakes this page.\n"
        .to_owned();
    for table in tables() {
        let _ = write!(text, "\n## {}\n\n{}\n\n| |", table.title, table.about);
        for column in &table.columns {
            let _ = write!(text, " {column} |");
        }
        let _ = writeln!(text, "\n| --- |{}", " --- |".repeat(table.columns.len()));
        for row in &table.rows {
            let _ = write!(text, "| {} |", row.what);
            for cell in &row.cells {
                let (Cell::Shown(shown, _) | Cell::Without(shown)) = cell;
                text.push_str(if shown.is_empty() { "" } else { " " });
                text.push_str(shown);
                text.push_str(" |");
            }
            text.push('\n');
        }
    }
    text
}

/// Writes the page.
pub(crate) fn write() -> Result<(), String> {
    fs::write(root().join(PAGE), page()).map_err(|error| format!("cannot write {PAGE}: {error}"))
}

/// Every cell has its test, and the page is that of the tables.
pub(crate) fn check(broken: &mut Vec<String>) {
    if fs::read_to_string(root().join(PAGE)).unwrap_or_default() != page() {
        broken.push(format!("{PAGE} is not what its tables say: `cargo xtask compatibility` writes it"));
    }
    let mut files = Vec::new();
    collect(&root().join("crates"), &mut files);
    let sources: Vec<String> = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    for table in tables() {
        for row in &table.rows {
            if row.cells.len() != table.columns.len() {
                broken.push(format!("{PAGE}: `{}` has not as many cells as the table has columns", row.what));
            }
            let shown = row.cells.iter().filter_map(|cell| if let Cell::Shown(_, it) = cell { Some(it) } else { None });
            for Evidence { test, cases } in shown {
                let Some(source) = sources.iter().find(|source| has_test(source, test)) else {
                    broken.push(format!("{PAGE}: `{}` names the test {test}, which does not exist", row.what));
                    continue;
                };
                for case in cases.iter().filter(|case| !source.contains(&format!("\"{case}\""))) {
                    broken.push(format!("{PAGE}: `{}` names the case {case}, which {test} does not have", row.what));
                }
            }
        }
    }
}

/// The function is there, directly behind an attribute that makes it a test.
fn has_test(source: &str, name: &str) -> bool {
    let is_it = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|line| line.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    let lines: Vec<&str> = source.lines().collect();
    lines.windows(2).any(|pair| {
        let attribute = pair[0].trim_start();
        is_it(pair[1]) && (attribute.starts_with("#[test]") || attribute.starts_with("#[tokio::test"))
    })
}
