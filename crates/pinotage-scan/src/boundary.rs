//! Where the halves of a hybrid table meet: OFFLINE rows up to a time, REALTIME rows after it.

use pinotage_client::{Broker, TableType, TimeBoundary};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{CompareOp, DataType, DateTimeFormat, FieldSpec, Predicate, TableConfig, Value, parse_timestamp};

use crate::table::Table;
use crate::view::{HalfView, LOOKS, PAUSE, restless};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The furthest that a time zone is from UTC, and the step of their distances.
const FURTHEST_ZONE: i64 = 18 * HOUR;
const ZONE_STEP: i64 = HOUR / 4;

/// The time up to which OFFLINE rows count, in the time column's own form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Boundary {
    column: String,
    value: Value,
}

impl Boundary {
    /// Which OFFLINE rows count. A null time has the column's default value, for which a comparison would be unknown in a
    /// table that keeps nulls: brokers leave such rows out, too.
    pub(crate) fn offline(&self) -> Predicate {
        Predicate::Compare { column: self.column.clone(), op: CompareOp::LtEq, value: self.value.clone() }
    }

    /// Which REALTIME rows count.
    pub(crate) fn realtime(&self) -> Predicate {
        Predicate::Compare { column: self.column.clone(), op: CompareOp::Gt, value: self.value.clone() }
    }

    /// Asks the table's brokers, who decide, and gives the OFFLINE half for which they decided. No boundary when they know
    /// none: then they answer from the REALTIME half alone.
    ///
    /// A push after the look at the OFFLINE half moves the boundary past rows that are in no segment of that half. So the
    /// half has to be the same before and after the question, and the boundary within it.
    pub(crate) async fn ask(
        table: &Table,
        mut offline: HalfView,
        config: &TableConfig,
    ) -> Result<(HalfView, Option<Self>)> {
        for look in 1..=LOOKS {
            if offline.segments.is_empty() {
                return Ok((offline, None));
            }
            let told = told(table).await?;
            let after = HalfView::take(&table.controller, table.name(), TableType::Offline).await?;
            let boundary = told.map(|told| Self::read(table, &after, config, told)).transpose();
            let same = after.has_rows_of(&offline);
            offline = after;
            match boundary {
                Ok(boundary) if same => return Ok((offline, boundary)),
                Err(error) if look == LOOKS => return Err(error),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(restless(&TableType::Offline.of(table.name())))
    }

    fn read(table: &Table, offline: &HalfView, config: &TableConfig, told: TimeBoundary) -> Result<Self> {
        let TimeBoundary { time_column: column, time_value: text } = told;
        let field = table.schema().field(&column).ok_or_else(|| {
            Error::schema_mismatch("the halves of the table meet at a column that the schema does not have")
                .with("column", &column)
        })?;
        let latest = latest(offline, field);
        let value = match field.data_type {
            DataType::Timestamp => timestamp(&text, latest.map(|latest| latest - step(config, field))),
            DataType::Int | DataType::Long | DataType::String if is_within(&text, field, latest) => {
                Value::parse(field.data_type, &text).ok()
            }
            _ => None,
        };
        match value {
            Some(value) => Ok(Self { column, value }),
            None => Err(Error::new(
                ErrorKind::Unavailable,
                format!("the broker says that the halves of the table meet at `{text}`, which does not fit the segments"),
            )
            .with("table", table.name())
            .with("column", column)
            .action("try again in a minute, when the broker has seen the newest segments; or read each half by its name with type")),
        }
    }
}

/// What the table's brokers say.
async fn told(table: &Table) -> Result<Option<TimeBoundary>> {
    let mut failure = None;
    for broker in table.controller.brokers(table.name()).await? {
        let Some(port) = broker.port else { continue };
        let address = table.controller.address().sibling(&broker.host, port)?;
        match Broker::new(table.controller.http(), address).time_boundary(table.name()).await {
            Ok(told) => return Ok(told),
            Err(error) => failure = Some(error),
        }
    }
    let error = Error::new(ErrorKind::Unavailable, "no broker tells where the halves of the table meet")
        .with("table", table.name())
        .action("start a broker of the table's tenant and let its `/debug/timeBoundary` be asked; or read one half by its name with type");
    Err(match failure {
        Some(failure) => error.caused_by(failure),
        None => error,
    })
}

/// No broker puts the boundary after the latest time of the segments, unless it has not seen yet that some are gone.
fn is_within(text: &str, field: &FieldSpec, latest: Option<i64>) -> bool {
    let told = field.date_time.as_ref().and_then(|time| time.format.text_to_millis(text));
    told.zip(latest).is_some_and(|(told, latest)| told <= latest)
}

/// Brokers write a TIMESTAMP in their own time zone, which they do not tell: it has to be the time that follows from the
/// segments, but for a zone's distance.
fn timestamp(text: &str, expected: Option<i64>) -> Option<Value> {
    let told = text.parse::<i64>().ok().or_else(|| parse_timestamp(text, chrono_tz::UTC))?;
    let distance = told.checked_sub(expected?)?;
    (distance.abs() <= FURTHEST_ZONE && distance % ZONE_STEP == 0).then_some(Value::Long(expected?))
}

/// The latest time of the OFFLINE segments that queries see, in milliseconds.
fn latest(offline: &HalfView, field: &FieldSpec) -> Option<i64> {
    field.date_time.as_ref()?;
    let online = offline.segments.iter().filter(|segment| !segment.replicas.is_empty());
    online.filter_map(|segment| segment.metadata.end_millis).max()
}

/// How far before the latest time the halves meet.
///
/// # Pinot equivalent
///
/// `TimeBoundaryManager`: an hour for tables pushed hourly whose time is finer than days, else a day
fn step(config: &TableConfig, field: &FieldSpec) -> i64 {
    let days = field.date_time.as_ref().is_some_and(|time| match time.format {
        DateTimeFormat::Epoch { unit, .. } => unit.to_millis(1) == DAY,
        _ => false,
    });
    if config.is_hourly() && !days { HOUR } else { DAY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_in_an_unknown_zone_has_to_fit_the_segments() {
        let at = parse_timestamp("2024-01-02 03:04:05.678", chrono_tz::UTC);
        assert_eq!(timestamp("2024-01-02 03:04:05.678", at), at.map(Value::Long));
        // Chatham is 13 h 45 min ahead.
        assert_eq!(timestamp("2024-01-02 16:49:05.678", at), at.map(Value::Long));
        assert_eq!(timestamp("2024-01-02 03:05:05.678", at), None);
        assert_eq!(timestamp("2024-01-03 03:04:05.678", at), None);
        assert_eq!(timestamp("2024-01-02 03:04:05.678", None), None);
    }
}
