//! Windows of event time: rows of a window go to one segment, which is sealed when the window is over.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use pinotage_common::{Error, Result};
use pinotage_spec::{FieldSpec, PinotVersion, Schema, TableConfig};
use pinotage_transform::times;

use crate::upsert::{UpsertMode, UpsertTable};

/// The option, for errors.
const OPTION: &str = "sink.segment.eventTimeWindow";

/// Open windows of a task: with one more the earliest is sealed.
pub(super) const MAX_OPEN: usize = 128;

/// How rows are put together by their time.
#[derive(Debug, Clone)]
pub struct EventTime {
    /// The length of a window; windows begin at multiples of it since 1970.
    pub window: Duration,
    /// The column with the time; none for the table's time column.
    pub column: Option<String>,
    /// How long after its end rows of a window may come. Without it so long as a window where nobody says how far the time is, and no
    /// time where an engine does.
    pub lateness: Option<Duration>,
}

impl EventTime {
    /// Whether rows of a table can be put together so.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a column that has no times, and for windows of no length; `unsupported` for tables with partial upserts.
    pub fn check(&self, schema: &Schema, table: &TableConfig) -> Result<()> {
        Self::check_upserts(UpsertTable::read(schema, table, PinotVersion::NEWEST)?.as_ref())?;
        Windows::of(self, schema, table, false).map(drop)
    }

    /// Rows that are merged are merged with all of their key.
    pub(super) fn check_upserts(upserts: Option<&UpsertTable>) -> Result<()> {
        if upserts.is_some_and(|upserts| upserts.mode == UpsertMode::Partial) {
            return Err(Error::unsupported("rows of a partial upsert stay together, whatever their time")
                .with("option", OPTION)
                .action("leave it out"));
        }
        Ok(())
    }
}

/// The windows of a table.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    field: FieldSpec,
    width_millis: i64,
    lateness_millis: i64,
    /// An engine says how far the time is; otherwise the latest row does.
    is_told: bool,
    /// How far the time is.
    time: Option<i64>,
}

impl Windows {
    pub(super) fn of(by: &EventTime, schema: &Schema, table: &TableConfig, is_told: bool) -> Result<Self> {
        let refused = |message: String| Error::invalid_config(message).with("option", OPTION);
        let name = by.column.as_deref().or_else(|| table.time_column()).ok_or_else(|| {
            refused("the table has no time column".into()).action("name a column: `sink.segment.eventTimeColumn`")
        })?;
        let field = schema.fields().find(|field| field.name == name && field.date_time.is_some()).ok_or_else(|| {
            refused(format!("`{name}` is no date-time column of the schema"))
                .action("name one of its `dateTimeFieldSpecs`: `sink.segment.eventTimeColumn`")
        })?;
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let width_millis = millis(by.window);
        if width_millis == 0 {
            return Err(refused("expected windows of at least a millisecond".into()).action("set it to `1d` or so"));
        }
        let lateness_millis = by.lateness.map_or(if is_told { 0 } else { width_millis }, millis);
        Ok(Self { field: field.clone(), width_millis, lateness_millis, is_told, time: None })
    }

    /// The begin of a window that was kept, if it is one of these.
    pub(super) fn known(&self, begin: Option<i64>) -> Option<i64> {
        begin.filter(|begin| begin.rem_euclid(self.width_millis) == 0)
    }

    /// How far the time is, in milliseconds since 1970.
    pub(super) fn tell(&mut self, millis: i64) {
        self.time = self.time.max(Some(millis));
    }

    /// Nothing of the window is to come any more.
    pub(super) fn is_over(&self, begin: i64) -> bool {
        let end = begin.saturating_add(self.width_millis).saturating_add(self.lateness_millis);
        // Watermarks say that everything up to them has come.
        self.time.is_some_and(|time| time.saturating_add(1) >= end)
    }

    /// The rows of each window, by its begin. Those without a time, and those of windows that are over, go together.
    pub(super) fn parts(&mut self, batch: RecordBatch) -> Result<Vec<(Option<i64>, RecordBatch)>> {
        let column = batch.column_by_name(&self.field.name).ok_or_else(|| {
            Error::schema_mismatch("rows lack the column with their time").with("column", &self.field.name)
        })?;
        let times = times(&self.field, column);
        let begin = |time: i64| time.div_euclid(self.width_millis).saturating_mul(self.width_millis);
        let mut rows: BTreeMap<Option<i64>, Vec<u32>> = BTreeMap::new();
        // Rows of a window come one behind the other, as a rule.
        let mut row = 0;
        for run in times.chunk_by(|one, next| one.map(begin) == next.map(begin)) {
            let window = run[0].map(begin).filter(|begin| !self.is_over(*begin));
            rows.entry(window).or_default().extend(row..row + run.len() as u32);
            row += run.len() as u32;
        }
        if !self.is_told
            && let Some(latest) = times.iter().flatten().max()
        {
            self.tell(*latest);
        }
        if let (Some(window), 1) = (rows.keys().next().copied(), rows.len()) {
            return Ok(vec![(window, batch)]);
        }
        let taken = |(window, rows): (Option<i64>, Vec<u32>)| {
            let part = take_record_batch(&batch, &UInt32Array::from(rows))
                .map_err(|error| Error::unexpected("cannot take rows of a batch apart").caused_by(error))?;
            Ok((window, part))
        };
        rows.into_iter().map(taken).collect()
    }
}
