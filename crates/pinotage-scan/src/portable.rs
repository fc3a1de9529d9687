//! Splits as documents: planned in one process and read in another one, which asks nobody what the table is.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Schema as ArrowSchema;
use pinotage_client::{Controller, TableType};
use pinotage_common::{Error, Result};
use pinotage_spec::{PinotVersion, Predicate, Schema, TableConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::options::{Nulls, Reader};
use crate::plan::{HalfPlan, ScanPlan};
use crate::query;
use crate::scanner::Scanner;
use crate::split::{Split, Work};
use crate::table::Table;

/// What of a table config reading depends on. Others may hold passwords, such as those of streams.
const CONFIG_KEYS: [&str; 7] =
    ["tableName", "tableType", "segmentsConfig", "tableIndexConfig", "fieldConfigList", "upsertConfig", "dedupConfig"];

/// What of `tableIndexConfig` stays behind.
const STREAM_KEY: &str = "streamConfigs";

/// A table as it was when a scan of it was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableDocument {
    name: String,
    version: String,
    schema: Json,
    halves: Vec<(TableType, Json)>,
}

/// A split of a plan, with all of the plan that its reading depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SplitDocument {
    columns: Vec<String>,
    exact: bool,
    limit: Option<u64>,
    max_rows: Option<u64>,
    nulls: Nulls,
    table_type: TableType,
    reader: Reader,
    predicate: Option<Json>,
    against_servers: Option<String>,
    deletes: bool,
    /// The segments of the split whose rows stay the same.
    lasting: BTreeMap<String, u64>,
    expected_bytes: u64,
    work: Work,
}

impl Table {
    /// The table for another process.
    pub fn document(&self) -> TableDocument {
        TableDocument {
            name: self.name().to_owned(),
            version: self.version.to_string(),
            schema: self.schema().json().clone(),
            halves: self.halves().iter().map(|(half, config)| (*half, without_secrets(config.json()))).collect(),
        }
    }

    /// The table that another process asked for.
    ///
    /// # Errors
    ///
    /// Those of reading schema and configs.
    pub fn from_document(controller: &Controller, document: TableDocument) -> Result<Self> {
        let half = |(half, config)| Ok((half, TableConfig::from_document(config)?));
        Ok(Self::of(
            controller.clone(),
            PinotVersion::parse(&document.version)?,
            document.name,
            Schema::from_document(document.schema)?,
            document.halves.into_iter().map(half).collect::<Result<_>>()?,
        ))
    }
}

fn without_secrets(config: &Json) -> Json {
    let kept = |key: &str| Some((key.to_owned(), config.get(key)?.clone()));
    let mut kept: Map<String, Json> = CONFIG_KEYS.into_iter().filter_map(kept).collect();
    if let Some(index) = kept.get_mut("tableIndexConfig").and_then(Json::as_object_mut) {
        index.remove(STREAM_KEY);
    }
    Json::Object(kept)
}

impl ScanPlan {
    /// A split of the plan for another process. What aggregations and orders ask of servers is not in it: they are asked for
    /// again of what [`Scanner::planned`] gives.
    pub fn document(&self, split: &Split) -> SplitDocument {
        let half = self.half(split);
        let lasting = split.segments().filter_map(|name| Some((name.to_owned(), *half.lasting.get(name)?)));
        SplitDocument {
            columns: self.schema.fields().iter().map(|field| field.name().clone()).collect(),
            exact: self.exact,
            limit: self.limit,
            max_rows: self.max_rows,
            nulls: self.nulls,
            table_type: half.table_type,
            reader: half.reader,
            predicate: half.predicate.as_ref().map(Predicate::to_document),
            against_servers: half.against_servers.clone(),
            deletes: half.deletes,
            lasting: lasting.collect(),
            expected_bytes: split.expected_bytes,
            work: split.work.clone(),
        }
    }
}

impl Scanner {
    /// The plan that another process made, as far as it is about one split: its only one. Nobody is asked.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` or `invalid-config` for a document that is not of this table.
    pub fn planned(&self, document: SplitDocument) -> Result<ScanPlan> {
        let table = self.table();
        let full = table.arrow_schema(document.nulls);
        let field = |name: &String| match query::virtual_field(name) {
            Some(field) => Ok(field),
            None => full.field_with_name(name).cloned().map_err(|_| {
                Error::schema_mismatch("the table has no such column").with("table", table.name()).with("column", name)
            }),
        };
        let schema = ArrowSchema::new(document.columns.iter().map(field).collect::<Result<Vec<_>>>()?);
        let predicate = document.predicate.map(|it| Predicate::from_document(&it, table.schema())).transpose()?;
        let nullable = |column: &str| table.is_nullable(column, document.nulls);
        let pushed = predicate.as_ref().map(|it| it.pushed(table.schema(), &nullable, &|it| table.has_fst(it)));
        let split = Split { half: 0, work: document.work, expected_bytes: document.expected_bytes, partition: None };
        let half = HalfPlan {
            table_type: document.table_type,
            reader: document.reader,
            reason: "planned elsewhere".into(),
            predicate,
            filter: pushed.transpose()?.flatten(),
            segments: split.segments().count(),
            lasting: document.lasting,
            pruned: 0,
            expected_rows: 0,
            expected_bytes: document.expected_bytes,
            against_servers: document.against_servers,
            deletes: document.deletes,
        };
        Ok(ScanPlan {
            table: table.name().to_owned(),
            schema: Arc::new(schema),
            halves: vec![half],
            server_splits: matches!(split.work, Work::Server(_)).then(|| vec![split.clone()]),
            splits: vec![split],
            exact: document.exact,
            exact_rows: None,
            max_rows: document.max_rows,
            limit: document.limit,
            warnings: Vec::new(),
            missing: Vec::new(),
            nulls: document.nulls,
            top: None,
            partitioning: None,
        })
    }
}
