//! What servers aggregate is what the rows come to, and what brokers answer.

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
use pinotage_spec::{DataType as Type, Predicate};
use pinotage_testkit::cluster::Cluster;
use serde_json::{Value as Json, json};

use crate::agreement::draw;
use crate::support::{Fixture, Place, by, noise, read, seed};

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
    Some(some(groups, request))
}

/// From the broker. Nothing where a key's text is in its own time zone.
fn broker_answer(
    cluster: &Cluster,
    scanner: &Scanner,
    rows: &ScanRequest,
    request: &AggregateRequest,
) -> Option<Groups> {
    let table = scanner.table();
    let columns = table.arrow_schema(scanner.options().nulls);
    let nullable = |column: &str| columns.field_with_name(column).unwrap().is_nullable();
    let type_of = |column: &str| table.schema().field(column).unwrap().data_type;
    if request.group_by.iter().any(|key| type_of(key) == Type::Timestamp) {
        return None;
    }
    let of = |function: &str, name: &str| match (function, type_of(name)) {
        // A DOUBLE holds what so few rows come to.
        ("COUNT", _) | (_, Type::Int) => format!("{function}({name})"),
        _ => format!("{function}LONG({name})"),
    };
    let call = |aggregate: &Aggregate| match aggregate {
        Aggregate::Rows => "COUNT(*)".to_owned(),
        Aggregate::Count(name) => of("COUNT", name),
        Aggregate::Min(name) => of("MIN", name),
        Aggregate::Max(name) => of("MAX", name),
        Aggregate::Sum(name) => of("SUM", name),
    };
    let (keys, calls) = (&request.group_by, request.aggregates.iter().map(call));
    let selected: Vec<String> = keys.iter().cloned().chain(["COUNT(*)".to_owned()]).chain(calls).collect();
    let mut sql = format!("SELECT {} FROM {}", selected.join(", "), table.name());
    if columns.fields().iter().any(|field| field.is_nullable()) {
        // A server that is asked alone would otherwise answer with default values for groups of nulls.
        sql = format!("SET enableNullHandling=true; SET serverReturnFinalResult=false; {sql}");
    }
    if let Some(predicate) = &rows.predicate {
        let pushed = predicate.pushed(table.schema(), &nullable, &|_| false).unwrap().unwrap();
        sql.push_str(&format!(" WHERE {}", pushed.filter));
    }
    if !keys.is_empty() {
        sql.push_str(&format!(" GROUP BY {}", keys.join(", ")));
    }
    let answer = cluster.query(&format!("{sql} LIMIT 100000"));
    assert_eq!(answer["exceptions"], json!([]), "{sql}");
    let key = |key: &Json| match key {
        Json::Null => "NULL".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let number = |number: &Json| number.as_i64().or_else(|| number.as_f64().map(|number| number as i64));
    let group = |row: &Json| {
        let (found, numbers) = row.as_array().unwrap().split_at(keys.len());
        // Of no rows Pinot says its own.
        let some = numbers[0] != json!(0);
        let numbers = numbers[1..].iter().map(|it| number(it).filter(|_| some)).collect();
        (found.iter().map(|it| format!("{:?}", key(it))).collect(), numbers)
    };
    Some(answer["resultTable"]["rows"].as_array().into_iter().flatten().map(group).collect())
}

/// Compares servers, rows and the broker; `false` when servers are not asked.
pub(crate) async fn same(
    cluster: &Cluster,
    [server, direct]: [&Scanner; 2],
    rows: &ScanRequest,
    request: &AggregateRequest,
) -> bool {
    let Some(found) = answered(server, rows, request).await else { return false };
    let context = || format!("{}: {request:?} of {rows:?}", server.table().name());
    assert_eq!(found, some(expected(direct, rows, request).await, request), "{}", context());
    if let Some(answer) = broker_answer(cluster, server, rows, request) {
        assert_eq!(found, some(answer, request), "the broker: {}", context());
    }
    true
}

/// Of no rows at all nothing is said.
fn some(mut groups: Groups, request: &AggregateRequest) -> Groups {
    let said = |numbers: &Vec<Option<i64>>| numbers.iter().any(|it| it.is_some_and(|it| it != 0));
    groups.retain(|_, numbers| !request.group_by.is_empty() || said(numbers));
    groups
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
    let (seed, mut asked) = (seed(), 0);
    for number in 0..questions {
        let request = question(noise(seed, number));
        let predicate: Option<Predicate> = (number % 3 > 0).then(|| draw(noise(seed, 1_000 + number), 2));
        let rows = ScanRequest { predicate, ..ScanRequest::default() };
        if same(fixture.cluster, [&server, &direct], &rows, &request).await {
            asked += 1;
            let (found, by_netty) = (answered(&server, &rows, &request).await, answered(&netty, &rows, &request).await);
            assert_eq!(by_netty, found, "Netty and gRPC, {place:?}, seed {seed}, question {number}");
        }
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
