//! What servers aggregate is what the rows come to.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;
use pinotage_common::ErrorKind;
use pinotage_scan::{
    Aggregate, AggregateRequest, Nulls, Reader, ScanOptions, ScanPlan, ScanRequest, Scanner, Transport,
};
use pinotage_spec::Predicate;
use serde_json::json;

use crate::agreement::draw;
use crate::support::{Fixture, Place, by, noise, read};

/// The numbers of each group.
type Groups = BTreeMap<Vec<String>, Vec<Option<i64>>>;

fn numbers(array: &ArrayRef) -> Vec<Option<i64>> {
    cast(array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().iter().collect()
}

fn merge(aggregate: &Aggregate, before: &mut Option<i64>, value: Option<i64>) {
    *before = match (aggregate, *before, value) {
        (_, known, None) | (_, None, known) => known,
        (Aggregate::Min(_), Some(a), Some(b)) => Some(a.min(b)),
        (Aggregate::Max(_), Some(a), Some(b)) => Some(a.max(b)),
        (_, Some(a), Some(b)) => Some(a.wrapping_add(b)),
    };
}

/// Adds rows to groups: the keys of each, and what each brings to each aggregate.
fn group(groups: &mut Groups, request: &AggregateRequest, keys: &[ArrayRef], values: &[Vec<Option<i64>>], rows: usize) {
    let options = FormatOptions::new().with_null("NULL");
    let keys: Vec<_> = keys.iter().map(|key| ArrayFormatter::try_new(key.as_ref(), &options).unwrap()).collect();
    for row in 0..rows {
        let group = groups.entry(keys.iter().map(|key| format!("{:?}", key.value(row).to_string())).collect());
        let group = group.or_insert_with(|| vec![None; request.aggregates.len()]);
        for ((aggregate, before), values) in request.aggregates.iter().zip(group).zip(values) {
            merge(aggregate, before, values[row]);
        }
    }
}

/// From the rows that are read.
async fn expected(scanner: &Scanner, rows: &ScanRequest, request: &AggregateRequest) -> Groups {
    let (_, batch) = read(scanner, &ScanRequest { columns: None, ..rows.clone() }).await.unwrap();
    let column = |name: &String| Arc::clone(batch.column_by_name(name).unwrap());
    let keys: Vec<ArrayRef> = request.group_by.iter().map(column).collect();
    let values = |aggregate: &Aggregate| match aggregate {
        Aggregate::Rows => vec![Some(1); batch.num_rows()],
        Aggregate::Count(name) => {
            let column = column(name);
            (0..batch.num_rows()).map(|row| Some(i64::from(column.is_valid(row)))).collect()
        }
        Aggregate::Min(name) | Aggregate::Max(name) | Aggregate::Sum(name) => numbers(&column(name)),
    };
    let values: Vec<_> = request.aggregates.iter().map(values).collect();
    let mut groups = Groups::new();
    group(&mut groups, request, &keys, &values, batch.num_rows());
    groups
}

/// From servers, where they answer exactly.
async fn answered(scanner: &Scanner, rows: &ScanRequest, request: &AggregateRequest) -> Option<Groups> {
    let mut columns = request.group_by.clone();
    columns.extend(request.aggregates.iter().filter_map(|aggregate| match aggregate {
        Aggregate::Rows => None,
        Aggregate::Count(name) | Aggregate::Min(name) | Aggregate::Max(name) | Aggregate::Sum(name) => {
            Some(name.clone())
        }
    }));
    columns.dedup();
    let plan: ScanPlan = scanner.plan(&ScanRequest { columns: Some(columns), ..rows.clone() }).await.unwrap();
    let plan = Arc::new(scanner.aggregated(&plan, request)?);
    let mut groups = Groups::new();
    for split in plan.splits() {
        let batches: Vec<_> = scanner.aggregate(&plan, split).try_collect().await.unwrap();
        for batch in batches {
            let (keys, values) = batch.columns().split_at(request.group_by.len());
            let values: Vec<_> = values.iter().map(numbers).collect();
            group(&mut groups, request, keys, &values, batch.num_rows());
        }
    }
    // Of no rows at all nothing is said.
    groups.retain(|_, numbers| !request.group_by.is_empty() || numbers.iter().any(|it| it.is_some_and(|it| it != 0)));
    Some(groups)
}

/// A question drawn from a number.
fn question(seed: u64) -> AggregateRequest {
    let pick = |salt, range: usize| noise(seed, salt) as usize % range;
    let of = |names: &[&str], salt| names[pick(salt, names.len())].to_owned();
    let mut group_by = Vec::new();
    for at in 0..pick(1, 3) as u64 {
        let key = of(&["i", "l", "b", "s", "r", "x", "t", "day"], 2 + at);
        if !group_by.contains(&key) {
            group_by.push(key);
        }
    }
    let aggregate = |at: u64| match pick(10 + at, 5) {
        0 => Aggregate::Rows,
        1 => Aggregate::Count(of(&["i", "l", "s", "d", "n"], 20 + at)),
        2 => Aggregate::Min(of(&["i", "l", "t", "day"], 20 + at)),
        3 => Aggregate::Max(of(&["i", "l", "t", "day"], 20 + at)),
        _ => Aggregate::Sum(of(&["i", "l", "day"], 20 + at)),
    };
    AggregateRequest { group_by, aggregates: (0..pick(5, 4) as u64).map(aggregate).collect() }
}

async fn same_numbers(place: Place, kept: bool, nulls: Nulls, questions: u64) {
    let name = format!("same_numbers_{kept}_{nulls:?}");
    let Some(fixture) = Fixture::new(place, &name, 3, 700, kept, json!({})) else { return };
    let options = |reader| ScanOptions { nulls, ..by(reader) };
    let (server, direct) =
        (fixture.scanner(options(Reader::Server)).await, fixture.scanner(options(Reader::Direct)).await);
    let netty = fixture.scanner(ScanOptions { transport: Transport::Netty, ..options(Reader::Server) }).await;
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("PINOTAGE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed);
    eprintln!("seed {seed}: run again with PINOTAGE_SEED={seed}");
    let mut asked = 0;
    for number in 0..questions {
        let request = question(noise(seed, number));
        let predicate: Option<Predicate> = (number % 3 > 0).then(|| draw(noise(seed, 1_000 + number), 2));
        let rows = ScanRequest { predicate, ..ScanRequest::default() };
        let Some(found) = answered(&server, &rows, &request).await else { continue };
        asked += 1;
        let by_netty = answered(&netty, &rows, &request).await;
        assert_eq!(by_netty.as_ref(), Some(&found), "Netty and gRPC, {place:?}, seed {seed}, question {number}");
        let mut expected = expected(&direct, &rows, &request).await;
        if request.group_by.is_empty() {
            expected.retain(|_, numbers| numbers.iter().any(|it| it.is_some_and(|it| it != 0)));
        }
        assert_eq!(
            found, expected,
            "{place:?}, {kept} {nulls:?}, seed {seed}, question {number}: {request:?} of {rows:?}"
        );
    }
    assert!(asked > questions / 4, "{asked} of {questions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_aggregate_what_the_rows_come_to() {
    same_numbers(Place::Modern, true, Nulls::Sql, 120).await;
    same_numbers(Place::Modern, true, Nulls::Default, 60).await;
    same_numbers(Place::Modern, false, Nulls::Sql, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_the_oldest_release_aggregate_what_the_rows_come_to() {
    same_numbers(Place::Oldest, false, Nulls::Sql, 120).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_groups_than_servers_take_are_an_error() {
    let Some(fixture) = Fixture::new(Place::Modern, "many_groups", 1, 100, false, json!({})) else { return };
    for transport in [Transport::Grpc, Transport::Netty] {
        let scanner = fixture.scanner(ScanOptions { max_groups: 10, transport, ..by(Reader::Server) }).await;
        let rows = ScanRequest { columns: Some(vec!["id".into()]), ..ScanRequest::default() };
        let plan = scanner.plan(&rows).await.unwrap();
        let request = AggregateRequest { group_by: vec!["id".into()], aggregates: vec![] };
        let plan = Arc::new(scanner.aggregated(&plan, &request).unwrap());
        let answer = scanner.aggregate(&plan, &plan.splits()[0]).try_collect::<Vec<_>>().await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::ResourceExhausted, "{transport:?}");
    }
}
