//! The first rows of an order, as servers give them, are those of all rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::{SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::Int64Type;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pinotage_scan::{Nulls, OrderKey, Reader, ScanOptions, ScanPlan, ScanRequest, Scanner, Transport};
use pinotage_spec::Predicate;
use serde_json::{Value as Json, json};

use crate::agreement::draw;
use crate::support::{FIRST_DAY, Fixture, Place, by, noise, over, read, row, seed};

/// An order drawn from a number.
fn order(seed: u64) -> Vec<OrderKey> {
    let columns = ["id", "i", "l", "b", "t", "x", "day"];
    let mut order: Vec<OrderKey> = Vec::new();
    for at in 0..1 + noise(seed, 1) % 3 {
        let drawn = noise(seed, 10 + at);
        let column = columns[drawn as usize % columns.len()];
        if order.iter().all(|key| key.column != column) {
            let (descending, nulls_first) = (drawn & 1 << 20 > 0, drawn & 1 << 21 > 0);
            order.push(OrderKey { column: column.into(), descending, nulls_first });
        }
    }
    order
}

/// Its first rows.
fn first(batch: &RecordBatch, order: &[OrderKey], rows: usize) -> RecordBatch {
    let column = |key: &OrderKey| SortColumn {
        values: Arc::clone(batch.column_by_name(&key.column).unwrap()),
        options: Some(SortOptions { descending: key.descending, nulls_first: key.nulls_first }),
    };
    let columns: Vec<_> = order.iter().map(column).collect();
    take_record_batch(batch, &lexsort_to_indices(&columns, Some(rows)).unwrap()).unwrap()
}

fn keys(batch: &RecordBatch, order: &[OrderKey]) -> Vec<ArrayRef> {
    order.iter().map(|key| Arc::clone(batch.column_by_name(&key.column).unwrap())).collect()
}

/// The rows of a plan, none of them twice.
async fn rows_of(scanner: &Scanner, plan: ScanPlan) -> RecordBatch {
    let plan = Arc::new(plan);
    let splits = stream::iter(plan.splits.iter().map(|split| scanner.read(&plan, split)));
    let batches: Vec<RecordBatch> = splits.flatten_unordered(4).try_collect().await.unwrap();
    let all = concat_batches(&plan.schema, &batches).unwrap();
    let mut ids = all["id"].as_primitive::<Int64Type>().values().to_vec();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.num_rows(), "{plan}");
    all
}

async fn scanners(fixture: &Fixture, nulls: Nulls) -> (Scanner, Scanner) {
    let options = |reader| ScanOptions { nulls, ..by(reader) };
    (fixture.scanner(options(Reader::Server)).await, fixture.scanner(options(Reader::Direct)).await)
}

/// Compares the first rows by servers with those of all rows; `false` when servers are not asked.
pub(crate) async fn same(
    server: &Scanner,
    direct: &Scanner,
    rows: &ScanRequest,
    order: &[OrderKey],
    limit: usize,
) -> bool {
    let plan = server.plan(rows).await.unwrap();
    let splits = plan.splits.len();
    let Some(plan) = server.first_rows(&plan, order, limit as u64) else { return false };
    let text = format!("{plan}");
    let found = rows_of(server, plan).await;
    assert!(found.num_rows() <= limit * splits, "{text}");
    let (_, all) = read(direct, rows).await.unwrap();
    // Of rows with equal keys any may come.
    let (found, expected) = (first(&found, order, limit), first(&all, order, limit));
    assert_eq!(keys(&found, order), keys(&expected, order), "{text}");
    let place = |id: &i64| all["id"].as_primitive::<Int64Type>().values().iter().position(|it| it == id).unwrap();
    for (at, id) in found["id"].as_primitive::<Int64Type>().values().iter().enumerate() {
        assert_eq!(found.slice(at, 1), all.slice(place(id), 1), "{text}");
    }
    true
}

async fn same_first_rows(place: Place, kept: bool, nulls: Nulls, questions: u64) {
    let name = format!("first_rows_{kept}_{nulls:?}");
    let Some(fixture) = Fixture::new(place, &name, 3, 400, kept, json!({})) else { return };
    let (server, direct) = scanners(&fixture, nulls).await;
    let netty = fixture.scanner(ScanOptions { nulls, ..over(Transport::Netty) }).await;
    let seed = seed();
    let mut asked = 0;
    for number in 0..questions {
        let order = order(noise(seed, number));
        let predicate: Option<Predicate> = (number % 2 > 0).then(|| draw(noise(seed, 1_000 + number), 1));
        let limit = [1, 7, 50, 450, 5_000][noise(seed, 2_000 + number) as usize % 5];
        let columns = ["id", "s", "i", "l", "b", "t", "x", "day"].map(str::to_owned).to_vec();
        let request = ScanRequest { columns: Some(columns), predicate, ..ScanRequest::default() };
        if same(&server, &direct, &request, &order, limit).await {
            asked += 1;
            assert!(same(&netty, &direct, &request, &order, limit).await);
        }
    }
    assert!(asked > questions as usize / 3, "{asked} of {questions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_rows_by_servers_are_those_of_all_rows() {
    same_first_rows(Place::Modern, false, Nulls::Sql, 60).await;
    same_first_rows(Place::Modern, true, Nulls::Default, 40).await;
    same_first_rows(Place::Modern, true, Nulls::Sql, 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_rows_by_the_oldest_servers_are_those_of_all_rows() {
    same_first_rows(Place::Oldest, false, Nulls::Sql, 60).await;
}

/// What is stored for nulls stands before or between the values, and the bounds of segments have it.
#[tokio::test(flavor = "multi_thread")]
async fn stored_values_of_nulls_do_not_hide_rows() {
    let Some(fixture) = Fixture::new(Place::Modern, "first_rows_hidden", 0, 0, true, json!({})) else { return };
    let number = |id: u64, value: Option<i32>| -> Json {
        let mut row = row(id, FIRST_DAY, false);
        row["i"] = value.unwrap_or(i32::MIN).into();
        row["$nulls"] = if value.is_none() { json!(["i"]) } else { json!([]) };
        row
    };
    for (segment, value) in [(0, 100), (1, -100), (2, i32::MIN + 1)] {
        let first: Vec<Json> = (0..5).map(|at| number(segment * 20 + at, (at == 0).then_some(value))).collect();
        fixture.upload(&format!("first_rows_hidden_{segment}_nulls"), &first);
        let second: Vec<Json> = (5..10).map(|at| number(segment * 20 + at, Some(value + at as i32))).collect();
        fixture.upload(&format!("first_rows_hidden_{segment}_values"), &second);
    }
    fixture.cluster.await_online("first_rows_hidden_OFFLINE", 6);
    let (server, direct) = scanners(&fixture, Nulls::Sql).await;
    for limit in 1..=30 {
        for at in 0..4 {
            let order = [OrderKey { column: "i".into(), descending: at & 1 > 0, nulls_first: at & 2 > 0 }];
            let request = ScanRequest { columns: Some(vec!["id".into(), "i".into()]), ..ScanRequest::default() };
            assert!(same(&server, &direct, &request, &order, limit).await);
        }
    }
}
