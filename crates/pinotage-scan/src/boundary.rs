//! Where the halves of a hybrid table meet: OFFLINE rows up to a time, REALTIME rows after it.

use pinotage_client::Broker;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{CompareOp, DataType, DateTimeFormat, FieldSpec, Predicate, TableConfig, Value, parse_timestamp};

use crate::table::Table;
use crate::view::HalfView;

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

    /// Asks the table's brokers, who decide. `None` when they know no boundary: then they answer from the REALTIME half
    /// alone.
    pub(crate) async fn ask(table: &Table, offline: &HalfView, config: &TableConfig) -> Result<Option<Self>> {
        let mut failure = None;
        for broker in table.controller.brokers(table.name()).await? {
            let Some(port) = broker.port else { continue };
            let address = table.controller.address().sibling(&broker.host, port)?;
            match Broker::new(table.controller.http(), address).time_boundary(table.name()).await {
                Ok(None) => return Ok(None),
                Ok(Some(told)) => {
                    let value = read(table, offline, config, &told.time_column, &told.time_value)?;
                    return Ok(Some(Self { column: told.time_column, value }));
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
}

fn read(table: &Table, offline: &HalfView, config: &TableConfig, column: &str, text: &str) -> Result<Value> {
    let field = table.schema().field(column).ok_or_else(|| {
        Error::schema_mismatch("the halves of the table meet at a column that the schema does not have")
            .with("column", column)
    })?;
    let millis = || latest(offline, field).map(|latest| latest - step(config, field));
    match field.data_type {
        DataType::Timestamp => timestamp(text, millis()),
        DataType::Int | DataType::Long | DataType::String => Value::parse(field.data_type, text).ok(),
        _ => None,
    }
    .ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, format!("the broker says that the halves of the table meet at `{text}`"))
            .with("table", table.name())
            .with("column", column)
            .action("try again in a minute, when the broker has seen the newest segments; or read each half by its name with type")
    })
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
