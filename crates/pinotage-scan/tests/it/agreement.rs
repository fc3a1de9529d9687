//! Servers, direct reading and the broker give the same rows.

use arrow::array::Array;
use pinotage_scan::{Reader, ScanOptions, ScanRequest, Transport};
use pinotage_spec::{CompareOp, Predicate, TextPattern, Value};
use serde_json::json;

use crate::support::{Fixture, Place, WORDS, broker_ids, by, ids, noise, over, read, seed};

/// Compares all columns, as far as servers of the release can send them.
async fn all_columns(place: Place, nulls: bool, readers: &[ScanOptions]) {
    let name = format!("all_columns_{nulls}");
    let Some(fixture) = Fixture::new(place, &name, 3, 700, nulls, json!({})) else { return };
    let expected = fixture.expected();
    for reader in readers {
        let scanner = fixture.scanner(reader.clone()).await;
        let (plan, found) = read(&scanner, &ScanRequest::default()).await.unwrap();
        assert_eq!((plan.exact, plan.exact_rows), (true, Some(2_100)));
        assert_eq!(found.num_rows(), 2_100);
        for (at, field) in plan.schema.fields().iter().enumerate() {
            let expected = expected.column_by_name(field.name()).unwrap();
            assert_eq!(found.column(at), expected, "{place:?}, {reader:?}: {}", field.name());
            assert_eq!(field.is_nullable(), nulls);
        }
        assert!(!nulls || found.column_by_name("s").unwrap().null_count() > 100);
        // Nothing but the number of rows.
        let nothing = ScanRequest { columns: Some(vec![]), ..ScanRequest::default() };
        assert_eq!(read(&scanner, &nothing).await.unwrap().1.num_rows(), 2_100);
        let some = ScanRequest { limit: Some(10), ..ScanRequest::default() };
        assert!(read(&scanner, &some).await.unwrap().1.num_rows() >= 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_read_as_it_was_stored() {
    let all = [by(Reader::Server), over(Transport::Netty), by(Reader::Direct), by(Reader::Auto)];
    all_columns(Place::Modern, true, &all).await;
    all_columns(Place::Modern, false, &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_read_from_the_oldest_release() {
    let all = [by(Reader::Server), over(Transport::Netty), by(Reader::Direct), by(Reader::Auto)];
    all_columns(Place::Oldest, false, &all).await;
    // Its servers send no nulls.
    all_columns(Place::Oldest, true, &[by(Reader::Direct), by(Reader::Auto)]).await;
}

/// A literal for a column: mostly a value that occurs.
fn literal(column: &str, at: u64) -> Value {
    let small = |range: u64| (noise(at, 101) % range) as i64 - (range / 2) as i64;
    match column {
        "id" => Value::Long((noise(at, 102) % 2_100) as i64),
        "i" => Value::Int(small(24) as i32),
        "l" => Value::Long(small(60) * 1_000_000_007),
        "f" => Value::Float(small(44) as f32 / 4.0),
        "d" => Value::Double(small(44) as f64 / 8.0),
        "n" => Value::BigDecimal(format!("{}.5", small(24)).parse().unwrap()),
        "b" => Value::Int((noise(at, 103) % 2) as i32),
        "s" | "r" | "ms" => Value::String(WORDS[noise(at, 104) as usize % WORDS.len()].into()),
        "x" => Value::Bytes((noise(at, 105) as u16 % 10).to_be_bytes().to_vec()),
        "mi" => Value::Int(small(10) as i32),
        "t" => Value::Long(1_700_000_000_000 + small(12) * 1_000),
        "day" => Value::Int(18_999 + (noise(at, 106) % 5) as i32),
        other => panic!("{other}"),
    }
}

const COLUMNS: [&str; 13] = ["id", "i", "l", "f", "d", "n", "b", "s", "r", "x", "mi", "ms", "t"];

/// A pattern drawn from a number: mostly pieces of what is stored.
fn pattern(seed: u64) -> TextPattern {
    let pick = |salt, range: usize| noise(seed, salt) as usize % range;
    let word = |salt| -> String {
        let text = WORDS[pick(salt, WORDS.len())];
        let (from, len) = (pick(salt + 1, text.chars().count() + 1), pick(salt + 2, 4));
        let text: String =
            if pick(salt + 3, 3) > 0 { text.chars().skip(from).take(len).collect() } else { text.into() };
        if pick(salt + 4, 8) == 0 { text.to_uppercase() } else { text }
    };
    let wild = ["%", "_", "%_", "", "__%", "\\"];
    match pick(0, 6) {
        0 => TextPattern::prefix(&word(10)),
        1 => TextPattern::suffix(&word(10)),
        2 => TextPattern::contains(&word(10)),
        3 => TextPattern::like(&word(10)),
        _ => {
            let wild = |salt| wild[pick(salt, wild.len())];
            TextPattern::like(&format!("{}{}{}{}{}", wild(1), word(10), wild(2), word(20), wild(3)))
        }
    }
}

/// A condition drawn from a number.
pub(crate) fn draw(seed: u64, depth: u32) -> Predicate {
    let pick = |salt, range: u64| noise(seed, salt) % range;
    if depth > 0 && pick(1, 3) > 0 {
        let parts = || (0..2 + pick(2, 2)).map(|at| draw(noise(seed, 50 + at), depth - 1)).collect();
        return match pick(3, 5) {
            0 | 1 => Predicate::And(parts()),
            2 | 3 => Predicate::Or(parts()),
            _ => Predicate::Not(Box::new(draw(noise(seed, 60), depth - 1))),
        };
    }
    let column = if pick(4, 10) == 0 { "day" } else { COLUMNS[pick(5, COLUMNS.len() as u64) as usize] };
    let ops = [CompareOp::Eq, CompareOp::NotEq, CompareOp::Lt, CompareOp::LtEq, CompareOp::Gt, CompareOp::GtEq];
    match pick(6, 10) {
        8 | 9 => {
            Predicate::Like { column: ["s", "r", "ms"][pick(9, 3) as usize].into(), pattern: pattern(noise(seed, 90)) }
        }
        0 => Predicate::IsNull(column.into()),
        1 => Predicate::IsNotNull(column.into()),
        2 | 3 => Predicate::In {
            column: column.into(),
            values: (0..1 + pick(7, 3)).map(|at| literal(column, noise(seed, 70 + at))).collect(),
        },
        _ => Predicate::Compare {
            column: column.into(),
            op: ops[pick(8, 6) as usize],
            value: literal(column, noise(seed, 80)),
        },
    }
}

/// Sorted ids are the same; the message has the first that are not.
fn same(found: &[i64], expected: &[i64], context: &str) {
    let without = |a: &[i64], b: &[i64]| -> Vec<i64> {
        a.iter().filter(|id| b.binary_search(id).is_err()).take(10).copied().collect()
    };
    let (more, less) = (without(found, expected), without(expected, found));
    assert!(
        found == expected,
        "{} rows instead of {}, too many {more:?}, missing {less:?}: {context}",
        found.len(),
        expected.len()
    );
}

async fn same_rows(place: Place, nulls: bool, conditions: u64) {
    let name = format!("same_rows_{nulls}");
    let Some(fixture) = Fixture::new(place, &name, 3, 700, nulls, json!({})) else { return };
    let (server, direct) = (fixture.scanner(by(Reader::Server)).await, fixture.scanner(by(Reader::Direct)).await);
    let netty = fixture.scanner(over(Transport::Netty)).await;
    let seed = seed();
    let (mut exact, mut some) = (0, 0);
    for number in 0..conditions {
        let predicate = draw(noise(seed, number), 3);
        let (_, by_direct) = ids(&direct, Some(&predicate)).await.unwrap();
        let (plan, by_server) = ids(&server, Some(&predicate)).await.unwrap();
        let (_, by_netty) = ids(&netty, Some(&predicate)).await.unwrap();
        let context = format!("{place:?}, nulls {nulls}, seed {seed}, condition {number}: {predicate}");
        same(&by_netty, &by_server, &format!("Netty and gRPC, {context}"));
        if plan.exact {
            same(&by_server, &by_direct, &context);
            exact += 1;
        } else {
            assert!(by_direct.iter().all(|id| by_server.binary_search(id).is_ok()), "{context}");
        }
        some += usize::from(!by_direct.is_empty() && by_direct.len() < fixture.rows.len());
        if let Some(pushed) =
            predicate.pushed(&fixture.schema, &|_| nulls, &|_| false).unwrap().filter(|pushed| pushed.exact)
        {
            let handling = if nulls { "SET enableNullHandling=true; " } else { "" };
            let sql = format!("{handling}SELECT id FROM {name} WHERE {} LIMIT 100000", pushed.filter);
            let (cluster, text) = (fixture.cluster, sql.clone());
            let by_broker = tokio::task::spawn_blocking(move || broker_ids(cluster, &text)).await.unwrap();
            same(&by_broker, &by_direct, &format!("{context}: {sql}"));
        }
    }
    assert!(exact > conditions / 3 && some > conditions as usize / 4, "{exact} exact, {some} with some rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn random_conditions_pass_the_same_rows_everywhere() {
    same_rows(Place::Modern, true, 120).await;
    same_rows(Place::Modern, false, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_conditions_pass_the_same_rows_on_the_oldest_release() {
    same_rows(Place::Oldest, false, 80).await;
}
