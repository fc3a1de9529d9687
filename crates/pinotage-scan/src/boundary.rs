//! Where the halves of a hybrid table meet: OFFLINE rows up to a time, REALTIME rows after it.

use pinotage_client::{Broker, Query, TableType, TimeBoundary};
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
            let boundary = told.map(|(told, instant)| Self::read(table, &after, config, told, instant)).transpose();
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

    fn read(
        table: &Table,
        offline: &HalfView,
        config: &TableConfig,
        told: TimeBoundary,
        instant: Option<i64>,
    ) -> Result<Self> {
        let TimeBoundary { time_column: column, time_value: text } = told;
        let field = table.schema().field(&column).ok_or_else(|| {
            Error::schema_mismatch("the halves of the table meet at a column that the schema does not have")
                .with("column", &column)
        })?;
        let latest = latest(offline, field);
        let value = match field.data_type {
            DataType::Timestamp => match (instant, latest) {
                (Some(instant), Some(latest)) if instant <= latest => Some(Value::Long(instant)),
                (None, Some(latest)) => timestamp(&text, latest - step(config, field)),
                _ => None,
            },
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

/// What the table's brokers say; of a TIMESTAMP the instant, too, if they tell.
async fn told(table: &Table) -> Result<Option<(TimeBoundary, Option<i64>)>> {
    let mut failure = None;
    for broker in table.controller.brokers(table.name()).await? {
        let Some(port) = broker.port else { continue };
        let address = table.controller.address().sibling(&broker.host, port)?;
        let broker = Broker::new(table.controller.http(), address);
        match broker.time_boundary(table.name()).await {
            Ok(None) => return Ok(None),
            Ok(Some(told)) => {
                let field = table.schema().field(&told.time_column);
                let instant = match field.is_some_and(|field| field.data_type == DataType::Timestamp) {
                    true => instant(&broker, &told.time_value).await,
                    false => None,
                };
                return Ok(Some((told, instant)));
            }
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

/// A broker writes a TIMESTAMP in its own time zone, which it does not tell: it is asked what it would read of the text.
async fn instant(broker: &Broker, text: &str) -> Option<i64> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let is_time = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:. T".contains(&byte));
    let query = Query { sql: format!("SELECT fromTimestamp('{text}')"), ..Query::default() };
    let answer = if is_time { broker.query(&query).await.ok()? } else { return None };
    answer.result_table?.rows.first()?.first()?.as_i64()
}

/// Where the broker does not read the text: it has to be the time that follows from the segments, but for a zone's distance.
fn timestamp(text: &str, expected: i64) -> Option<Value> {
    let distance = parse_timestamp(text, chrono_tz::UTC)?.checked_sub(expected)?;
    (distance.abs() <= FURTHEST_ZONE && distance % ZONE_STEP == 0).then_some(Value::Long(expected))
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
        let at = parse_timestamp("2024-01-02 03:04:05.678", chrono_tz::UTC).unwrap();
        assert_eq!(timestamp("2024-01-02 03:04:05.678", at), Some(Value::Long(at)));
        // Chatham is 13 h 45 min ahead.
        assert_eq!(timestamp("2024-01-02 16:49:05.678", at), Some(Value::Long(at)));
        assert_eq!(timestamp("2024-01-02 03:05:05.678", at), None);
        assert_eq!(timestamp("2024-01-03 03:04:05.678", at), None);
    }
}
