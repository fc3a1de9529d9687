//! The second reading of a comparison takes the buckets that differ, and no row too few.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    ArrayRef, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampSecondArray,
};
use pinotage_engine::{BucketBy, ReconcileOptions, Reconciliation, RowFormat, TableSource, reconcile, write_file};

const DAY: i64 = 86_400_000;
const ROWS: i64 = 3_000;

/// Writes rows: their number, a time of any type, and a text.
fn write(path: &Path, time: ArrayRef, texts: &[Option<String>], numbers: &[i32]) {
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("n", Arc::new(Int32Array::from(numbers.to_vec())) as ArrayRef, true),
        ("at", time, true),
        ("text", Arc::new(StringArray::from(texts.to_vec())), true),
    ]);
    let batch = batch.unwrap();
    let schema = batch.schema();
    write_file(path, &schema, RowFormat::Parquet, [Ok(batch)].into_iter()).unwrap();
}

/// What is found, and how many rows the second reading gave.
fn compare(folder: &Path, by: BucketBy) -> (Reconciliation, u64) {
    let rows = AtomicU64::new(0);
    let options = ReconcileOptions {
        columns: None,
        filter: Some("n >= 0 OR n < 0".into()),
        by: Some(by),
        keys: vec!["n".into()],
        limit: 10,
        cancel: Arc::default(),
    };
    let source = |name: &str| TableSource::Local(folder.join(name));
    let found = reconcile(&source("a.parquet"), &source("b.parquet"), &options, &|more| {
        rows.fetch_add(more, Ordering::Relaxed);
    });
    (found.unwrap(), rows.into_inner() - 2 * ROWS as u64)
}

#[test]
fn only_buckets_that_differ_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let numbers: Vec<i32> = (0..ROWS as i32).collect();
    let texts: Vec<Option<String>> = (0..ROWS).map(|n| (n % 10 != 3).then(|| format!("it's {}", n % 10))).collect();
    // A row a second, from before 1970; every hundredth has no time.
    let millis = |n: i64| (n % 100 != 50).then(|| (n - 1_000) * 1000);
    let times = |of: &dyn Fn(i64) -> i64| (0..ROWS).map(|n| millis(n).map(of)).collect::<Vec<_>>();
    let forms: [ArrayRef; 4] = [
        Arc::new(TimestampMillisecondArray::from(times(&|it| it)).with_timezone("UTC")),
        Arc::new(TimestampSecondArray::from(times(&|it| it / 1000))),
        Arc::new(TimestampMicrosecondArray::from(times(&|it| it * 1000 + 999))),
        Arc::new(Int64Array::from(times(&|it| it))),
    ];
    for form in forms {
        // Numbers 1234 and 250 are of buckets 200 and -800 s.
        let mut changed = texts.clone();
        changed[1234] = Some("changed".into());
        changed[250] = None;
        let source: ArrayRef = Arc::new(TimestampMillisecondArray::from(times(&|it| it)));
        write(&path.join("a.parquet"), source, &texts, &numbers);
        write(&path.join("b.parquet"), Arc::clone(&form), &changed, &numbers);
        let (found, again) = compare(path, BucketBy::Steps("at".into(), 100_000));
        let (different, rows) = (found.different.len(), found.differences.len());
        // The number 250 is without a time.
        assert_eq!((different, rows, found.more), (2, 2, false), "{:?}: {found:?}", form.data_type());
        assert_eq!(again, 2 * (99 + 30), "{:?}", form.data_type());
        let (found, again) = compare(path, BucketBy::Value("text".into()));
        // The texts 0 and 4, the new one and null.
        assert_eq!((found.different.len(), found.differences.len()), (4, 2), "{found:?}");
        assert_eq!(again, 2 * 3 * 300, "{:?}", form.data_type());
        let (found, again) = compare(path, BucketBy::Steps("n".into(), 50));
        assert_eq!((found.different.len(), found.differences.len(), again), (2, 2, 2 * 2 * 50));
    }

    // Days beside milliseconds.
    let days: Vec<i32> = (0..ROWS as i32).map(|n| n / 100 - 10).collect();
    let mut changed = texts.clone();
    changed[0] = Some("changed".into());
    let source: ArrayRef =
        Arc::new(TimestampMillisecondArray::from(days.iter().map(|day| i64::from(*day) * DAY).collect::<Vec<_>>()));
    write(&path.join("a.parquet"), source, &texts, &numbers);
    write(&path.join("b.parquet"), Arc::new(Date32Array::from(days)), &changed, &numbers);
    let (found, again) = compare(path, BucketBy::Steps("at".into(), DAY as u64));
    assert_eq!((found.different.len(), found.differences.len(), again), (1, 1, 200), "{found:?}");
}
