//! Aggregation at ingestion: `ingestionConfig.aggregationConfigs` and `tableIndexConfig.aggregateMetrics`.

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::column_plan::DictionaryRule;
use crate::star_tree::DEFAULT_LOG2M;
use crate::{ColumnPlan, DataType, FieldSpec, FieldType, Schema, StoredType, TableConfig};

/// How the values of rows become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollupFunction {
    /// How many rows have a value.
    Count,
    /// Their sum.
    Sum,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
    /// A HyperLogLog of two to the power of so many registers.
    DistinctCountHll {
        /// The logarithm of the number of registers.
        log2m: u8,
    },
}

/// A metric that is computed of all rows with the same dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupMetric {
    /// The metric.
    pub column: String,
    /// The column of the rows that it is computed of; `None` is `COUNT(*)`.
    pub source: Option<String>,
    /// How.
    pub function: RollupFunction,
}

/// What a table sums up while rows come in.
///
/// # Pinot equivalent
///
/// The value aggregators of `MutableSegmentImpl`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// Every metric of the schema.
    pub metrics: Vec<RollupMetric>,
    /// Rows with the same dimensions and times become one. Otherwise each stays a row, with what its own values give.
    pub merges: bool,
}

const OPTION: &str = "ingestionConfig.aggregationConfigs";

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid_config(message.into()).with("option", OPTION)
}

impl Rollup {
    /// What the documents of a table say; `None` when rows stay as they are.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what a controller refuses, `unsupported` for functions that are not there.
    pub fn resolve(schema: &Schema, table: &TableConfig) -> Result<Option<Self>> {
        let configs = table.json().pointer("/ingestionConfig/aggregationConfigs").and_then(Json::as_array);
        let configs = configs.map(Vec::as_slice).unwrap_or_default();
        if configs.is_empty() && !table.aggregates_metrics() {
            return Ok(None);
        }
        if !configs.is_empty() && table.aggregates_metrics() {
            return Err(invalid("`aggregateMetrics` and `aggregationConfigs` exclude each other")
                .action("leave out `tableIndexConfig.aggregateMetrics`"));
        }
        if table.is_upsert() || table.is_dedup() {
            return Err(invalid("a table with primary keys does not aggregate").action("leave one of them out"));
        }
        let plans = ColumnPlan::resolve(schema, table)?;
        let is_metric = |plan: &&ColumnPlan| plan.field.field_type == FieldType::Metric;
        let has_dictionary = |plan: &ColumnPlan| !matches!(plan.dictionary, DictionaryRule::Never);
        let merges = plans.iter().all(|plan| plan.field.single_value && is_metric(&plan) != has_dictionary(plan));
        if configs.is_empty() {
            // Rows that stay as they are need no sums.
            let summed = |plan: &ColumnPlan| RollupMetric {
                column: plan.field.name.clone(),
                source: Some(plan.field.name.clone()),
                function: RollupFunction::Sum,
            };
            let metrics: Vec<RollupMetric> = plans.iter().filter(is_metric).map(summed).collect();
            metrics.iter().try_for_each(|metric| metric.check(schema))?;
            return Ok(merges.then_some(Self { metrics, merges }));
        }
        let mut metrics: Vec<RollupMetric> = Vec::new();
        for config in configs {
            let text = |key: &str| config.get(key).and_then(Json::as_str);
            let (Some(column), Some(function)) = (text("columnName"), text("aggregationFunction")) else {
                return Err(invalid("expected `columnName` and `aggregationFunction` in every aggregation config"));
            };
            let metric = RollupMetric::parse(column, function).map_err(|error| error.with("column", column))?;
            if metrics.iter().any(|known| known.column == column) {
                return Err(invalid("a column is aggregated twice").with("column", column));
            }
            metric.check(schema)?;
            metrics.push(metric);
        }
        for plan in plans.iter().filter(is_metric) {
            let name = &plan.field.name;
            if !metrics.iter().any(|metric| metric.column == *name) {
                return Err(invalid("a table that aggregates must aggregate all its metrics")
                    .with("column", name)
                    .action("add an aggregation of the column, or make it a dimension"));
            }
            if has_dictionary(plan) {
                return Err(invalid("an aggregated column must have no dictionary")
                    .with("column", name)
                    .action("add it to `tableIndexConfig.noDictionaryColumns`"));
            }
        }
        Ok(Some(Self { metrics, merges }))
    }

    /// The columns of the rows that metrics are computed of.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().filter_map(|metric| metric.source.as_deref())
    }
}

impl RollupMetric {
    /// `SUM(amount)`
    fn parse(column: &str, text: &str) -> Result<Self> {
        let bad =
            || invalid(format!("`{text}` is no aggregation of a column")).action("write for example `SUM(amount)`");
        let (name, arguments) = text.trim().strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(bad)?;
        let (argument, parameter) = match arguments.split_once(',') {
            Some((argument, parameter)) => (argument.trim(), Some(parameter.trim())),
            None => (arguments.trim(), None),
        };
        let quoted = argument.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let is_plain = argument.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'));
        let source = match (argument, quoted) {
            ("*", _) => None,
            (_, Some(quoted)) => Some(quoted.replace("\"\"", "\"")),
            ("", _) => return Err(bad()),
            (name, None) if is_plain && !name.starts_with(|c: char| c.is_ascii_digit()) => Some(name.to_owned()),
            _ => return Err(bad()),
        };
        let canonical = name.trim().replace('_', "").to_ascii_uppercase();
        let function = match (canonical.as_str(), parameter) {
            ("COUNT", None) => RollupFunction::Count,
            ("SUM", None) => RollupFunction::Sum,
            ("MIN", None) => RollupFunction::Min,
            ("MAX", None) => RollupFunction::Max,
            ("DISTINCTCOUNTHLL", parameter) => {
                let log2m = parameter.map_or(Some(DEFAULT_LOG2M), |text| text.trim_matches('\'').parse().ok());
                RollupFunction::DistinctCountHll {
                    log2m: log2m.filter(|log2m| (1..=24).contains(log2m)).ok_or_else(bad)?,
                }
            }
            ("COUNT" | "SUM" | "MIN" | "MAX", Some(_)) => return Err(bad()),
            _ => {
                return Err(Error::unsupported(format!("`{}` is not aggregated at ingestion here", name.trim()))
                    .with("option", OPTION)
                    .action(
                        "use COUNT, SUM, MIN, MAX or DISTINCTCOUNTHLL, or compute the column with GROUP BY in \
                         `transform.sql` and build with a table config without `aggregationConfigs`",
                    ));
            }
        };
        if source.is_none() && function != RollupFunction::Count {
            return Err(bad());
        }
        Ok(Self { column: column.to_owned(), source, function })
    }

    /// The metric can hold what it is to be.
    fn check(&self, schema: &Schema) -> Result<()> {
        let field = schema.field(&self.column).filter(|field| field.field_type == FieldType::Metric);
        let field = field.ok_or_else(|| {
            invalid("an aggregated column must be a metric of the schema").with("column", &self.column)
        })?;
        let fits = match self.function {
            RollupFunction::DistinctCountHll { .. } => field.data_type == DataType::Bytes,
            _ => matches!(
                field.data_type.stored(),
                StoredType::Int | StoredType::Long | StoredType::Float | StoredType::Double
            ),
        };
        let wanted = match self.function {
            RollupFunction::DistinctCountHll { .. } => "BYTES",
            _ => "INT, LONG, FLOAT or DOUBLE",
        };
        if !fits {
            return Err(invalid(format!("a column of type {} cannot be this aggregation", field.data_type))
                .with("column", &self.column)
                .action(format!("declare the column as {wanted}")));
        }
        let is_bytes = |field: &FieldSpec| field.data_type == DataType::Bytes;
        match self.source.as_deref().and_then(|source| schema.field(source)) {
            Some(source) if is_bytes(source) || !source.single_value => {
                Err(Error::unsupported("aggregation of a column with sketches, or with several values")
                    .with("option", OPTION)
                    .with("column", &source.name)
                    .action("aggregate a column with single values"))
            }
            _ => Ok(()),
        }
    }
}

impl TableConfig {
    /// Metrics are summed up as rows come in: `tableIndexConfig.aggregateMetrics` of a REALTIME table. Pinot does nothing of
    /// that kind for OFFLINE ones.
    pub fn aggregates_metrics(&self) -> bool {
        let kind = self.json().get("tableType").and_then(Json::as_str);
        kind == Some("REALTIME") && self.index_flag("aggregateMetrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(functions: &[(&str, &str)], raw: &str) -> Result<Option<Rollup>> {
        let schema = Schema::from_json(
            r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "d", "dataType": "STRING"}], "metricFieldSpecs": [
                {"name": "m", "dataType": "DOUBLE"}, {"name": "h", "dataType": "BYTES"}]}"#,
        )?;
        let configs: Vec<Json> = functions
            .iter()
            .map(|(column, function)| serde_json::json!({"columnName": column, "aggregationFunction": function}))
            .collect();
        let raw: Vec<&str> = raw.split(',').filter(|name| !name.is_empty()).collect();
        let table = serde_json::json!({"tableName": "t", "tableType": "REALTIME",
            "tableIndexConfig": {"noDictionaryColumns": raw}, "ingestionConfig": {"aggregationConfigs": configs}});
        Rollup::resolve(&schema, &TableConfig::from_document(table)?)
    }

    #[test]
    fn functions_are_read_as_pinot_reads_them() {
        let found = resolve(&[("m", "sum( \"the price\" )"), ("h", "DISTINCT_COUNT_HLL(user, 4)")], "m,h");
        let metric = |column: &str, source: &str, function| RollupMetric {
            column: column.into(),
            source: Some(source.into()),
            function,
        };
        let metrics = vec![
            metric("m", "the price", RollupFunction::Sum),
            metric("h", "user", RollupFunction::DistinctCountHll { log2m: 4 }),
        ];
        assert_eq!(found.unwrap(), Some(Rollup { metrics, merges: true }));
        let found = resolve(&[("m", "COUNT(*)"), ("h", "distinctcounthll(user)")], "m,h,d").unwrap().unwrap();
        assert_eq!((found.merges, found.metrics[0].source.as_deref()), (false, None));
        assert_eq!(resolve(&[], "").unwrap(), None);
    }

    /// What Pinot sums up at ingestion and we do not yet.
    #[test]
    fn sketches_other_than_hll_are_refused_by_name() {
        for function in [
            "DISTINCTCOUNTHLLPLUS",
            "DISTINCTCOUNTULL",
            "DISTINCTCOUNTTHETASKETCH",
            "DISTINCTCOUNTCPCSKETCH",
            "DISTINCTCOUNTTUPLESKETCH",
            "SUMVALUESINTEGERSUMTUPLESKETCH",
            "DISTINCTCOUNTBITMAP",
            "PERCENTILETDIGEST",
            "PERCENTILEEST",
            "SUMPRECISION",
            "AVG",
            "MINMAXRANGE",
        ] {
            let error = resolve(&[("h", &format!("{function}(a)")), ("m", "SUM(a)")], "m,h").unwrap_err();
            assert_eq!(error.kind(), pinotage_common::ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains(function), "{error}");
        }
    }

    #[test]
    fn what_a_controller_refuses_is_refused() {
        for (functions, raw) in [
            (&[("m", "SUM(a)")][..], "m,h"),
            (&[("m", "SUM(a)"), ("h", "DISTINCTCOUNTHLL(a)")], "m"),
            (&[("m", "SUM(a)"), ("m", "SUM(a)"), ("h", "DISTINCTCOUNTHLL(a)")], "m,h"),
            (&[("m", "SUM(*)"), ("h", "DISTINCTCOUNTHLL(a)")], "m,h"),
            (&[("m", "a"), ("h", "DISTINCTCOUNTHLL(a)")], "m,h"),
            (&[("d", "SUM(a)"), ("m", "SUM(a)"), ("h", "DISTINCTCOUNTHLL(a)")], "m,h"),
            (&[("m", "SUM(a + 1)"), ("h", "DISTINCTCOUNTHLL(a)")], "m,h"),
            (&[("m", "PERCENTILETDIGEST(a)"), ("h", "DISTINCTCOUNTHLL(a)")], "m,h"),
            (&[("m", "DISTINCTCOUNTHLL(a)"), ("h", "DISTINCTCOUNTHLL(a)")], "m,h"),
        ] {
            assert!(resolve(functions, raw).is_err(), "{functions:?} {raw}");
        }
    }
}
