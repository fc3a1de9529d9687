//! What the documents of a table say about its upserts.

use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, DataType, FieldType, PinotVersion, Schema, StoredType, TableConfig};
use serde_json::Value as Json;

/// How a table decides which row of a primary key counts.
///
/// # Pinot equivalent
///
/// `UpsertConfig` and `UpsertContext`
#[derive(Debug, Clone)]
pub struct UpsertTable {
    /// Rows of a key replace each other whole, or column by column.
    pub mode: UpsertMode,
    /// `primaryKeyColumns` of the schema.
    pub primary_key: Vec<String>,
    /// The columns whose greater value wins, the time column by default. Without any the later row wins.
    pub comparison: Vec<String>,
    /// The column that marks rows that delete their key.
    pub delete_column: Option<String>,
    /// Servers forget a key that is further behind the greatest comparison value than this.
    pub metadata_ttl: Option<f64>,
    /// Servers forget a deleted key that is further behind than this.
    pub deleted_keys_ttl: Option<f64>,
    /// Servers keep on disk which rows count; `None` where they decide that themselves.
    pub snapshot: Option<bool>,
    /// A consuming segment does not keep a row that lost when it came. Which row wins is the same.
    pub drop_out_of_order: bool,
    /// The column in which a consuming segment marks such rows.
    pub out_of_order_column: Option<String>,
    /// How servers hash keys; which keys are equal depends on it only with `UUID`.
    pub hash_function: String,
    /// All columns of the schema, in its order, with what becomes of them in partial upserts.
    pub columns: Vec<UpsertColumn>,
}

/// How a row takes the place of an older one of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpsertMode {
    /// Whole.
    Full,
    /// Each column by its [`Strategy`].
    Partial,
}

/// A column of an upsert table.
#[derive(Debug, Clone)]
pub struct UpsertColumn {
    /// The column.
    pub plan: ColumnPlan,
    /// How its values are merged, in a table with partial upserts and unless it is part of the key or compared.
    pub strategy: Option<Strategy>,
}

/// How the values of a column in two rows of a key become one.
///
/// # Pinot equivalent
///
/// `UpsertConfig.Strategy`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The newer value, unless it is null.
    Overwrite,
    /// The newer value; a null becomes the column's default value.
    ForceOverwrite,
    /// The older value, unless it is null.
    Ignore,
    /// The sum.
    Increment,
    /// The values of both, the older first.
    Append,
    /// The distinct values of both, sorted.
    Union,
    /// The greater value.
    Max,
    /// The smaller value.
    Min,
}

impl Strategy {
    const ALL: [(&'static str, Self); 8] = [
        ("OVERWRITE", Self::Overwrite),
        ("FORCE_OVERWRITE", Self::ForceOverwrite),
        ("IGNORE", Self::Ignore),
        ("INCREMENT", Self::Increment),
        ("APPEND", Self::Append),
        ("UNION", Self::Union),
        ("MAX", Self::Max),
        ("MIN", Self::Min),
    ];

    fn parse(text: &str, version: PinotVersion) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == text);
        let (name, strategy) = known.ok_or_else(|| {
            Error::unsupported(format!("`{text}` is no strategy of partial upserts that is known here"))
                .action("use OVERWRITE, FORCE_OVERWRITE, IGNORE, INCREMENT, APPEND, UNION, MAX or MIN")
        })?;
        let is_there = match strategy {
            Self::Max | Self::Min => version.upsert_keeps_extremes(),
            Self::ForceOverwrite => version.upsert_forces_overwrite(),
            _ => true,
        };
        if !is_there {
            return Err(Error::unsupported(format!("Pinot {version} does not have the strategy {name}")));
        }
        Ok(strategy)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, strategy)| *strategy == self).map_or("", |(name, _)| name)
    }

    /// Pinot's merger of this strategy fails with values of other columns.
    fn takes(self, plan: &ColumnPlan) -> bool {
        let field = &plan.field;
        let stored = field.data_type.stored();
        match self {
            Self::Overwrite | Self::ForceOverwrite | Self::Ignore => true,
            // 1 + 1 is no BOOLEAN, and Pinot's merger adds no BIG_DECIMAL.
            Self::Increment => {
                field.single_value
                    && matches!(stored, StoredType::Int | StoredType::Long | StoredType::Float | StoredType::Double)
                    && field.data_type != DataType::Boolean
                    && !matches!(field.field_type, FieldType::DateTime | FieldType::Complex)
            }
            Self::Append => !field.single_value,
            Self::Union => !field.single_value && stored != StoredType::Bytes,
            Self::Max | Self::Min => field.single_value && !matches!(stored, StoredType::Bytes),
        }
    }
}

impl UpsertTable {
    /// Reads the documents of a table; nothing if it has no upserts.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what Pinot would not take or would fail at with the first row; `unsupported` for what this release
    /// of Pinot does not do, or does by a class of the user's own.
    pub fn read(schema: &Schema, table: &TableConfig, version: PinotVersion) -> Result<Option<Self>> {
        if !table.is_upsert() {
            return Ok(None);
        }
        let config = &table.json()["upsertConfig"];
        let mode = match config["mode"].as_str() {
            Some("PARTIAL") => UpsertMode::Partial,
            Some("FULL") => UpsertMode::Full,
            other => {
                return Err(option("mode", format!("expected FULL or PARTIAL, found {}", other.unwrap_or_default())));
            }
        };
        refuse_classes(config)?;
        let primary_key = schema.primary_key_columns().to_vec();
        if primary_key.is_empty() {
            return Err(Error::invalid_config("a table with upserts needs a primary key")
                .with("schema", schema.name())
                .action("add `primaryKeyColumns` to the schema"));
        }
        let comparison = comparison(config, table, version)?;
        let delete_column = text(config, "deleteRecordColumn");
        if delete_column.is_some() && !version.upsert_deletes() {
            return Err(Error::unsupported(format!("Pinot {version} keeps rows that a delete column marks"))
                .with("option", "upsertConfig.deleteRecordColumn")
                .action("take the option out of the table config, or use Pinot 1.0 or later"));
        }
        let single = |columns: &[String], what: &str| -> Result<()> {
            for column in columns {
                if !schema.field(column).is_some_and(|field| field.single_value) {
                    return Err(Error::invalid_config(format!(
                        "expected {what} to be a single-value column of the schema"
                    ))
                    .with("column", column));
                }
            }
            Ok(())
        };
        single(&primary_key, "every primary key column")?;
        single(&comparison, "a comparison column")?;
        single(delete_column.as_slice(), "the delete column")?;
        let columns = columns(schema, table, config, mode, &primary_key, &comparison, version)?;
        let read = Self {
            mode,
            metadata_ttl: ttl(config, "metadataTTL")?.filter(|_| version.upsert_deletes()),
            deleted_keys_ttl: ttl(config, "deletedKeysTTL")?.filter(|_| version.upsert_deletes()),
            snapshot: snapshot(config),
            drop_out_of_order: config["dropOutOfOrderRecord"].as_bool() == Some(true),
            out_of_order_column: text(config, "outOfOrderRecordColumn"),
            hash_function: text(config, "hashFunction").unwrap_or_else(|| "NONE".into()),
            primary_key,
            comparison,
            delete_column,
            columns,
        };
        read.check()?;
        Ok(Some(read))
    }

    fn check(&self) -> Result<()> {
        let data_type = |name: &str| self.column(name).map(|column| column.plan.field.data_type);
        for name in &self.comparison {
            // Alone it would be cast to `Comparable`, which an array is not; among several Pinot wraps it.
            if self.comparison.len() == 1 && data_type(name) == Some(DataType::Bytes) {
                return Err(
                    option("comparisonColumns", "Pinot cannot compare by a BYTES column alone").with("column", name)
                );
            }
        }
        if let Some(name) = &self.delete_column
            && !matches!(
                data_type(name),
                Some(
                    DataType::Boolean
                        | DataType::String
                        | DataType::Int
                        | DataType::Long
                        | DataType::Float
                        | DataType::Double
                )
            )
        {
            return Err(option("deleteRecordColumn", "expected a BOOLEAN, STRING or number").with("column", name));
        }
        if self.metadata_ttl.or(self.deleted_keys_ttl).is_some() {
            let number = |name: &String| {
                data_type(name).is_some_and(|kind| !matches!(kind.stored(), StoredType::String | StoredType::Bytes))
            };
            if self.comparison.len() != 1 || !self.comparison.iter().all(number) {
                return Err(option("metadataTTL", "a time to live needs one comparison column, of numbers"));
            }
            if self.metadata_ttl.is_some() && self.snapshot == Some(false) {
                return Err(option("metadataTTL", "a time to live needs snapshots (`\"snapshot\": \"ENABLE\"`)"));
            }
        }
        if self.mode == UpsertMode::Partial && self.hash_function == "UUID" {
            return Err(Error::unsupported("partial upserts with keys hashed as UUID cannot be merged ahead: keys that differ in case are one there")
                .with("option", "upsertConfig.hashFunction")
                .action("load the rows through the table's stream"));
        }
        Ok(())
    }

    /// A column of the table.
    pub fn column(&self, name: &str) -> Option<&UpsertColumn> {
        self.columns.iter().find(|column| column.plan.field.name == name)
    }
}

fn text(config: &Json, key: &str) -> Option<String> {
    config[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn option(key: &'static str, message: impl Into<String>) -> Error {
    Error::invalid_config(message).with("option", format!("upsertConfig.{key}"))
}

/// Who wins is not for us to say where a class of the user's own decides.
fn refuse_classes(config: &Json) -> Result<()> {
    for key in ["partialUpsertMergerClass", "metadataManagerClass"] {
        if let Some(class) =
            text(config, key).filter(|class| !class.starts_with("org.apache.pinot.segment.local.upsert."))
        {
            return Err(Error::unsupported("a class of its own decides which rows of this table count")
                .with("option", format!("upsertConfig.{key}"))
                .with("class", class)
                .action("load the rows through the table's stream"));
        }
    }
    Ok(())
}

/// `comparisonColumn` is Pinot 0.11's, and still taken; `comparisonColumns` came with 1.0, and older releases overlook it.
fn comparison(config: &Json, table: &TableConfig, version: PinotVersion) -> Result<Vec<String>> {
    let one = text(config, "comparisonColumn");
    let several: Vec<String> = match &config["comparisonColumns"] {
        Json::Array(names) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    match (one, several.is_empty()) {
        (Some(_), false) => {
            Err(option("comparisonColumns", "expected one of `comparisonColumn` and `comparisonColumns`, found both"))
        }
        (Some(one), true) => Ok(vec![one]),
        (None, true) => Ok(table.time_column().map(str::to_owned).into_iter().collect()),
        (None, false) if version.upsert_deletes() => Ok(several),
        (None, false) => Err(Error::unsupported(format!(
            "Pinot {version} overlooks `comparisonColumns` and would compare by the time column"
        ))
        .with("option", "upsertConfig.comparisonColumns")
        .action("name one column in `comparisonColumn`")),
    }
}

fn ttl(config: &Json, key: &'static str) -> Result<Option<f64>> {
    match &config[key] {
        Json::Null => Ok(None),
        value => match value.as_f64().filter(|ttl| *ttl >= 0.0) {
            Some(ttl) => Ok(Some(ttl).filter(|ttl| *ttl > 0.0)),
            None => Err(option(key, format!("expected a number that is not negative, found {value}"))),
        },
    }
}

fn snapshot(config: &Json) -> Option<bool> {
    match config["snapshot"].as_str() {
        Some("ENABLE") => Some(true),
        Some("DISABLE") => Some(false),
        _ => config["enableSnapshot"].as_bool().filter(|enabled| *enabled),
    }
}

fn columns(
    schema: &Schema,
    table: &TableConfig,
    config: &Json,
    mode: UpsertMode,
    primary_key: &[String],
    comparison: &[String],
    version: PinotVersion,
) -> Result<Vec<UpsertColumn>> {
    let plans = ColumnPlan::resolve(schema, table)?;
    if mode == UpsertMode::Full {
        return Ok(plans.into_iter().map(|plan| UpsertColumn { plan, strategy: None }).collect());
    }
    if !schema.column_based_null_handling() && !table.null_handling_enabled() {
        return Err(option("mode", "partial upserts need nulls to be kept").action(
            "set `enableColumnBasedNullHandling` in the schema, or `nullHandlingEnabled` in the table config",
        ));
    }
    let default = match text(config, "defaultPartialUpsertStrategy") {
        None => Strategy::Overwrite,
        Some(name) => Strategy::parse(&name, version)?,
    };
    let named = config["partialUpsertStrategies"].as_object();
    if let Some(wrong) = named
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .find(|name| schema.field(name).is_none() || primary_key.contains(name) || comparison.contains(name))
    {
        return Err(option(
            "partialUpsertStrategies",
            "expected a column that is neither part of the key nor compared",
        )
        .with("column", wrong));
    }
    let mut columns = Vec::with_capacity(plans.len());
    for plan in plans {
        let name = &plan.field.name;
        let strategy = if primary_key.contains(name) || comparison.contains(name) {
            None
        } else {
            let own = named.and_then(|named| named.get(name)).and_then(Json::as_str);
            let strategy = own.map_or(Ok(default), |own| Strategy::parse(own, version));
            let strategy = strategy.map_err(|error| error.with("column", name))?;
            if !strategy.takes(&plan) {
                let kind = if plan.field.single_value { "" } else { "multi-value " };
                return Err(option(
                    "partialUpsertStrategies",
                    format!("{} cannot merge a {kind}{} column", strategy.name(), plan.field.data_type),
                )
                .with("column", name)
                .action("give the column another strategy"));
            }
            Some(strategy)
        };
        columns.push(UpsertColumn { plan, strategy });
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: Json, version: &str) -> Result<UpsertTable> {
        let field = |name: &str, kind: &str| json!({"name": name, "dataType": kind});
        let list = json!({"name": "list", "dataType": "LONG", "singleValueField": false});
        let schema = Schema::from_document(json!({
            "schemaName": "t", "primaryKeyColumns": ["k"], "enableColumnBasedNullHandling": true,
            "dimensionFieldSpecs": [field("k", "LONG"), field("n", "INT"), field("s", "STRING"), field("b", "BYTES"),
                field("gone", "BOOLEAN"), field("d", "BIG_DECIMAL"), list],
            "dateTimeFieldSpecs": [{"name": "t", "dataType": "LONG", "format": "EPOCH", "granularity": "1:MILLISECONDS"}],
        }))
        .unwrap();
        let table = json!({"tableName": "t", "segmentsConfig": {"timeColumnName": "t"}, "upsertConfig": config});
        let table = TableConfig::from_document(table).unwrap();
        UpsertTable::read(&schema, &table, PinotVersion::parse(version).unwrap()).map(Option::unwrap)
    }

    #[test]
    fn what_is_not_said_has_pinots_defaults() {
        let table = read(json!({"mode": "FULL"}), "1.5.1").unwrap();
        assert_eq!((table.mode, table.comparison.as_slice()), (UpsertMode::Full, &["t".to_owned()][..]));
        assert_eq!((table.primary_key.as_slice(), table.delete_column), (&["k".to_owned()][..], None));
        assert_eq!((table.metadata_ttl, table.snapshot, table.hash_function.as_str()), (None, None, "NONE"));
        let config = json!({"mode": "PARTIAL", "partialUpsertStrategies": {"n": "INCREMENT", "list": "UNION"},
            "deleteRecordColumn": "gone", "metadataTTL": 10, "deletedKeysTTL": 5.5, "snapshot": "ENABLE"});
        let table = read(config, "1.5.1").unwrap();
        let strategy = |name| table.column(name).unwrap().strategy;
        assert_eq!([strategy("n"), strategy("list")], [Some(Strategy::Increment), Some(Strategy::Union)]);
        assert_eq!([strategy("s"), strategy("k"), strategy("t")], [Some(Strategy::Overwrite), None, None]);
        assert_eq!((table.metadata_ttl, table.deleted_keys_ttl, table.snapshot), (Some(10.0), Some(5.5), Some(true)));
        // Pinot 0.11's name of it.
        assert_eq!(read(json!({"mode": "FULL", "comparisonColumn": "n"}), "0.11.0").unwrap().comparison, ["n"]);
    }

    #[test]
    fn what_a_release_does_not_do_is_refused() {
        for (config, too_old, first) in [
            (json!({"mode": "FULL", "deleteRecordColumn": "gone"}), "0.12.1", "1.0.0"),
            (json!({"mode": "FULL", "comparisonColumns": ["n", "t"]}), "0.12.1", "1.0.0"),
            (json!({"mode": "PARTIAL", "partialUpsertStrategies": {"n": "MAX"}}), "0.11.0", "0.12.0"),
            (json!({"mode": "PARTIAL", "partialUpsertStrategies": {"n": "FORCE_OVERWRITE"}}), "1.3.0", "1.4.0"),
        ] {
            assert_eq!(
                read(config.clone(), too_old).unwrap_err().kind(),
                pinotage_common::ErrorKind::Unsupported,
                "{config}"
            );
            read(config, first).unwrap();
        }
    }

    #[test]
    fn what_pinot_would_fail_at_is_refused() {
        let partial = |strategies: Json| json!({"mode": "PARTIAL", "partialUpsertStrategies": strategies});
        for (config, words) in [
            (json!({"mode": "SOMETIMES"}), "FULL or PARTIAL"),
            (json!({"mode": "FULL", "metadataManagerClass": "com.example.Mine"}), "class of its own"),
            (json!({"mode": "PARTIAL", "partialUpsertMergerClass": "com.example.Mine"}), "class of its own"),
            (json!({"mode": "FULL", "comparisonColumns": ["gone from the schema"]}), "comparison column"),
            (json!({"mode": "FULL", "comparisonColumns": ["b"]}), "BYTES"),
            (json!({"mode": "FULL", "comparisonColumns": ["list"]}), "single-value"),
            (json!({"mode": "FULL", "comparisonColumns": ["n"], "comparisonColumn": "t"}), "found both"),
            (json!({"mode": "FULL", "deleteRecordColumn": "b"}), "BOOLEAN"),
            (json!({"mode": "FULL", "metadataTTL": -1}), "not negative"),
            (json!({"mode": "FULL", "metadataTTL": 1, "snapshot": "DISABLE"}), "snapshots"),
            (json!({"mode": "FULL", "metadataTTL": 1, "comparisonColumns": ["n", "t"]}), "one comparison column"),
            (json!({"mode": "FULL", "metadataTTL": 1, "comparisonColumns": ["s"]}), "of numbers"),
            (json!({"mode": "PARTIAL", "hashFunction": "UUID"}), "UUID"),
            (partial(json!({"n": "SOMEHOW"})), "SOMEHOW"),
            (partial(json!({"k": "MAX"})), "neither part of the key"),
            (partial(json!({"t": "MAX"})), "neither part of the key"),
            (partial(json!({"nowhere": "MAX"})), "neither part of the key"),
            (partial(json!({"s": "INCREMENT"})), "INCREMENT cannot merge"),
            (partial(json!({"gone": "INCREMENT"})), "INCREMENT cannot merge"),
            (partial(json!({"d": "INCREMENT"})), "INCREMENT cannot merge"),
            (partial(json!({"n": "APPEND"})), "APPEND cannot merge"),
            (partial(json!({"list": "MAX"})), "MAX cannot merge a multi-value"),
            (partial(json!({"b": "MIN"})), "MIN cannot merge"),
            (json!({"mode": "PARTIAL", "defaultPartialUpsertStrategy": "MAX"}), "MAX cannot merge"),
        ] {
            let error = read(config.clone(), "1.5.1").unwrap_err();
            assert!(error.message().contains(words), "{config}: {error}");
        }
    }

    #[test]
    fn the_shorter_time_to_live_counts() {
        use arrow::array::{ArrayRef, Int64Array, RecordBatch};
        let times: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![Some(100), Some(90), None]));
        let rows = RecordBatch::try_from_iter_with_nullable([("t", times, true)]).unwrap();
        let table = read(json!({"mode": "FULL", "metadataTTL": 10}), "1.5.1").unwrap();
        assert_eq!(table.greatest(&rows).unwrap(), Some(100.0));
        // A null is the column's default value.
        assert_eq!(table.compared(&rows).unwrap().unwrap().values().as_ref(), [100.0, 90.0, i64::MIN as f64]);
        assert_eq!(table.time_to_live().unwrap().option, "metadataTTL");
        assert!(table.check_remembers().is_err());
        // Deletions are forgotten only where rows delete.
        let both = json!({"mode": "FULL", "metadataTTL": 10, "deletedKeysTTL": 5});
        assert_eq!(read(both.clone(), "1.5.1").unwrap().time_to_live().unwrap().span, 10.0);
        let deletes = |mut config: Json| {
            config["deleteRecordColumn"] = json!("gone");
            read(config, "1.5.1").unwrap()
        };
        assert_eq!(deletes(both).time_to_live().unwrap().option, "deletedKeysTTL");
        let table = deletes(json!({"mode": "FULL", "deletedKeysTTL": 11}));
        assert_eq!(table.time_to_live().unwrap().span, 11.0);
        assert!(table.check_remembers().is_ok());
        // Pinot 0.11 forgets no keys.
        for version in ["1.5.1", "0.11.0"] {
            let ttl = if version == "1.5.1" { 0 } else { 10 };
            let table = read(json!({"mode": "FULL", "metadataTTL": ttl}), version).unwrap();
            assert_eq!((table.time_to_live(), table.greatest(&rows).unwrap()), (None, None));
        }
    }
}
