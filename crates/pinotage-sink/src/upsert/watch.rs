//! How far a table that forgets keys has come.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use pinotage_client::Query;
use pinotage_common::{Error, Result};
use serde_json::Value as Json;
use tokio::runtime::Handle;

use super::stream::ask;
use super::{TimeToLive, UpsertTable};
use crate::Target;

/// The rule of rows that come when servers may have forgotten their keys.
pub const OUTSIDE_TTL: &str = "outside-ttl";

/// How often the table is asked while rows come.
const EVERY: Duration = Duration::from_secs(10);

/// The greatest comparison value of a table that forgets keys, and of the rows that a job has for it: what is too far behind is
/// refused while it is read. Only loading decides ([`publish`](crate::publish::publish) looks again), and until then the stream goes
/// on: so rows that are nearer to the end of their time than a margin are refused as well.
pub(crate) struct Watch {
    target: Target,
    runtime: Handle,
    ttl: TimeToLive,
    /// Rows further behind than this are refused.
    span: f64,
    /// The bits of the greatest value so far.
    greatest: AtomicU64,
    /// The table has answered.
    is_known: AtomicBool,
    /// When it was asked.
    asked: Mutex<Option<Instant>>,
}

impl Watch {
    /// Nobody is asked yet. `margin` is in percent of the time to live.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a margin that leaves nothing.
    pub(crate) fn new(target: Target, runtime: Handle, ttl: TimeToLive, margin: u8) -> Result<Self> {
        check_margin(margin)?;
        let span = ttl.span * f64::from(100 - margin) / 100.0;
        let greatest = AtomicU64::new(f64::NEG_INFINITY.to_bits());
        Ok(Self { target, runtime, ttl, span, greatest, is_known: AtomicBool::new(false), asked: Mutex::default() })
    }

    /// For each row that comes too late, its place and why; rows of which `counts` says no are not looked at, and the others may be
    /// the greatest for all that come behind them.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` as [`UpsertTable::greatest`]; those of the brokers, when the table was never asked before.
    pub(crate) fn late(
        &self,
        table: &UpsertTable,
        rows: &RecordBatch,
        counts: impl Fn(usize) -> bool,
    ) -> Result<Vec<(u32, String)>> {
        let Some(values) = table.compared(rows)? else { return Ok(Vec::new()) };
        let counted = || (0..rows.num_rows()).filter(|row| counts(*row)).map(|row| (row, values.value(row)));
        let Some(own) = counted().map(|(_, value)| value).reduce(f64::max) else { return Ok(Vec::new()) };
        self.ask_now_and_then()?;
        let greatest = self.note(own);
        let late = counted().filter(|(_, value)| *value < greatest - self.span);
        let message = |(row, value)| {
            let text = format!(
                "{value} is {} behind the greatest value, and servers forget keys {} behind it (`upsertConfig.{}`, less `sink.upsert.ttlMargin`)",
                greatest - value,
                self.ttl.span,
                self.ttl.option
            );
            (row as u32, text)
        };
        Ok(late.map(message).collect())
    }

    /// A value that the job has rows of. Returns the greatest so far.
    pub(crate) fn note(&self, value: f64) -> f64 {
        let greater = |known: u64| (value > f64::from_bits(known)).then(|| value.to_bits());
        match self.greatest.fetch_update(Ordering::AcqRel, Ordering::Acquire, greater) {
            Ok(_) => value,
            Err(known) => f64::from_bits(known),
        }
    }

    /// The comparison column.
    pub(crate) fn column(&self) -> &str {
        &self.ttl.column
    }

    /// Asks for the first time, or after a while. Whoever comes meanwhile does with what is known.
    fn ask_now_and_then(&self) -> Result<()> {
        let is_known = self.is_known.load(Ordering::Acquire);
        let mut asked = match self.asked.try_lock() {
            Ok(asked) => asked,
            Err(TryLockError::WouldBlock) if is_known => return Ok(()),
            Err(_) => self.asked.lock().unwrap_or_else(PoisonError::into_inner),
        };
        if asked.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        match self.runtime.block_on(greatest(&self.target, &self.ttl)) {
            Ok(found) => drop(self.note(found)),
            // Loading asks again, and says what it does not get to know.
            Err(_) if is_known => {}
            Err(error) => return Err(error),
        }
        self.is_known.store(true, Ordering::Release);
        *asked = Some(Instant::now());
        Ok(())
    }
}

/// Refuses a margin that leaves nothing of a time to live.
///
/// # Errors
///
/// `invalid-config`
pub fn check_margin(percent: u8) -> Result<()> {
    match percent {
        0..100 => Ok(()),
        _ => Err(Error::invalid_config(format!("{percent} percent of a time to live leave nothing of it"))
            .with("option", "sink.upsert.ttlMargin")
            .action("choose 0 to 99")),
    }
}

/// The greatest comparison value of all rows that servers have, those that do not count too; negative infinity of none.
pub(crate) async fn greatest(target: &Target, ttl: &TimeToLive) -> Result<f64> {
    let table = target.table_type.of(&target.table);
    let sql = format!("SELECT MAX(\"{}\") FROM \"{table}\"", ttl.column);
    let query = Query { query_options: "skipUpsert=true".into(), ..Query::new(sql) };
    let rows = ask(target, &query, "to see which keys servers may have forgotten").await?;
    let Some(value) = rows.first().and_then(|row| row.first()) else { return Ok(f64::NEG_INFINITY) };
    number(value).ok_or_else(|| {
        Error::unexpected(format!("expected the greatest value of a column, found {value}"))
            .with("table", target.key())
            .with("column", &ttl.column)
    })
}

/// Numbers come as such or, where JSON has none, as texts.
fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Null => Some(f64::NEG_INFINITY),
        Json::String(text) => match text.as_str() {
            "-Infinity" => Some(f64::NEG_INFINITY),
            "Infinity" => Some(f64::INFINITY),
            text => text.parse().ok().filter(|number: &f64| !number.is_nan()),
        },
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use pinotage_client::{Address, Connection, Controller};
    use pinotage_spec::{PinotVersion, Schema, TableConfig};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn table(upserts: Json) -> UpsertTable {
        let schema = Schema::from_document(json!({
            "schemaName": "t", "primaryKeyColumns": ["k"],
            "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}, {"name": "gone", "dataType": "BOOLEAN"}],
            "dateTimeFieldSpecs": [{"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:DAYS"}],
        }));
        let config = json!({"tableName": "t_REALTIME", "tableType": "REALTIME",
            "segmentsConfig": {"timeColumnName": "t"}, "upsertConfig": upserts});
        let config = TableConfig::from_document(config).unwrap();
        UpsertTable::read(&schema.unwrap(), &config, PinotVersion::NEWEST).unwrap().unwrap()
    }

    fn rows(times: &[i64]) -> RecordBatch {
        let times: ArrayRef = Arc::new(Int64Array::from(times.to_vec()));
        RecordBatch::try_from_iter([("t", times)]).unwrap()
    }

    /// Of a table that nobody can ask, with what it has told before.
    fn watch(table: &UpsertTable, runtime: &Handle, margin: u8, told: Option<f64>) -> Watch {
        let connection = Connection::new(Address::parse("127.0.0.1:1").unwrap());
        let target = Target::realtime(Controller::new(&connection).unwrap(), "t");
        let watch = Watch::new(target, runtime.clone(), table.time_to_live().unwrap(), margin).unwrap();
        if let Some(told) = told {
            watch.note(told);
            watch.is_known.store(true, Ordering::Release);
            *watch.asked.lock().unwrap() = Some(Instant::now());
        }
        watch
    }

    proptest! {
        /// Whatever comes in whatever order: accepted rows are within the time to live, less the margin, of all that was there
        /// when they came, and no others are refused.
        #[test]
        fn rows_are_refused_that_are_behind_what_is_known(
            batches in proptest::collection::vec(proptest::collection::vec((0..1000i64, any::<bool>()), 0..20), 0..10),
            told in proptest::option::of(0..1000i64),
            ttl in 1..500i64,
            margin in 0..100u8,
            deletes: bool,
        ) {
            let upserts = match deletes {
                false => json!({"mode": "FULL", "metadataTTL": ttl, "deletedKeysTTL": 1}),
                true => json!({"mode": "FULL", "metadataTTL": 1000, "deletedKeysTTL": ttl, "deleteRecordColumn": "gone"}),
            };
            let table = table(upserts);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let told = told.map_or(f64::NEG_INFINITY, |told| told as f64);
            let watch = watch(&table, runtime.handle(), margin, Some(told));
            let mut greatest = told;
            for batch in batches {
                let times: Vec<i64> = batch.iter().map(|row| row.0).collect();
                let found = watch.late(&table, &rows(&times), |row| batch[row].1).unwrap();
                let found: Vec<usize> = found.into_iter().map(|(row, _)| row as usize).collect();
                let counted: Vec<usize> = (0..batch.len()).filter(|row| batch[*row].1).collect();
                greatest = counted.iter().map(|row| times[*row] as f64).fold(greatest, f64::max);
                let bound = greatest - ttl as f64 * f64::from(100 - margin) / 100.0;
                let expected: Vec<usize> = counted.into_iter().filter(|row| (times[*row] as f64) < bound).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }

    /// Nothing is accepted before the table has said how far it is; later it may be silent for a while.
    #[test]
    fn a_table_that_never_answered_stops_the_job() {
        let table = table(json!({"mode": "FULL", "metadataTTL": 10}));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let silent = watch(&table, runtime.handle(), 0, None);
        silent.note(100.0);
        assert!(silent.late(&table, &rows(&[100]), |_| true).is_err());
        assert!(silent.late(&table, &rows(&[100]), |_| false).unwrap().is_empty(), "there was nothing to judge");
        let told = watch(&table, runtime.handle(), 0, Some(100.0));
        *told.asked.lock().unwrap() = None;
        let late = told.late(&table, &rows(&[90, 89]), |_| true).unwrap();
        assert_eq!(late.len(), 1);
        assert!(late[0].0 == 1 && late[0].1.contains("11 behind") && late[0].1.contains("metadataTTL"), "{late:?}");
        assert!(check_margin(100).is_err());
    }

    #[test]
    fn answers_of_brokers_are_read() {
        let read = |text: &str| number(&serde_json::from_str(text).unwrap());
        assert_eq!(read("1.7E12"), Some(1.7e12));
        assert_eq!(read("1700000000001"), Some(1_700_000_000_001.0));
        assert_eq!(read("\"-Infinity\""), Some(f64::NEG_INFINITY));
        assert_eq!(read("null"), Some(f64::NEG_INFINITY));
        assert_eq!(read("\"12.5\""), Some(12.5));
        assert_eq!((read("\"NaN\""), read("[]")), (None, None));
    }
}
