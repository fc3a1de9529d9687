//! A table that is read: what it has, and plans of its scans.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use pinotage_client::Controller;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_job::ConnectionText;
use pinotage_scan::{
    Aggregate, AggregateRequest, ByPartition, OrderKey, ScanOptions, ScanPlan, ScanRequest, Scanner, SplitDocument,
    Table, TableDocument,
};
use pinotage_sink::writer::Partitioning;
use pinotage_spec::Predicate;
use pinotage_store::{Store, StoreOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::decimals::Decimals;
use crate::groups;
use crate::partitioner;
use crate::pushdown::{Pushdown, pushdown};
use crate::scan_options::TableOptions;
use crate::threads::Threads;

/// A table, and whoever reads it in this process.
pub(crate) struct ReadTable {
    pub(crate) scanner: Scanner,
    /// What another process needs to read it.
    pub(crate) origin: Origin,
    pub(crate) decimals: Decimals,
    // Last: readers let go of them first.
    pub(crate) threads: Arc<Threads>,
}

/// Where a table is and how it is read, for other processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Origin {
    connection: ConnectionText,
    table: TableDocument,
    options: ScanOptions,
    decimals: BTreeMap<String, String>,
}

/// What is to be read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Request {
    columns: Option<Vec<String>>,
    /// Conditions of which the engine relies on it that rows pass.
    exact: Vec<Json>,
    /// Conditions that the engine checks again.
    rechecked: Vec<Json>,
    limit: Option<u64>,
    aggregate: Option<AggregateRequest>,
    first: Option<First>,
    by_partition: ByPartition,
    /// How many splits are wanted, as far as each is worth a request.
    parallelism: usize,
}

/// The first rows of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct First {
    pub(crate) order: Vec<OrderKey>,
    pub(crate) rows: u64,
}

/// What is read, by whom.
pub(crate) struct ReadPlan {
    pub(crate) plan: Arc<ScanPlan>,
    /// The columns of what comes.
    pub(crate) schema: SchemaRef,
    /// Servers aggregate.
    pub(crate) aggregated: bool,
    /// Servers give the first rows of each of their answers.
    pub(crate) ordered: bool,
    /// As it is explained.
    pub(crate) text: String,
    /// What all splits have in common.
    pub(crate) origin: Origin,
    /// What decides which partition a split is of, if each is of one.
    pub(crate) partitioner: Option<Vec<String>>,
    pub(crate) splits: Vec<Planned>,
}

/// A split as others see it.
pub(crate) struct Planned {
    pub(crate) part: Part,
    pub(crate) hosts: Vec<String>,
    pub(crate) expected_bytes: u64,
    pub(crate) partition: Option<u32>,
}

/// A split, without its table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) split: SplitDocument,
    pub(crate) aggregate: Option<AggregateRequest>,
    pub(crate) first: Option<First>,
}

impl ReadTable {
    /// Asks the controller.
    pub(crate) fn open(options: &str) -> Result<Self> {
        let TableOptions { connection, table, scan, decimals } = TableOptions::parse(options)?;
        let threads = Threads::shared()?;
        let controller = Controller::new(&connection.open()?)?;
        let table = threads.io()?.block_on(Table::open(&controller, &table))?;
        let origin = Origin { connection, table: table.document(), options: scan, decimals };
        Self::of(origin, table, threads)
    }

    fn of(origin: Origin, table: Table, threads: Arc<Threads>) -> Result<Self> {
        let decimals = Decimals::parse(&origin.decimals, table.schema())?;
        let scanner = Scanner::new(table, Store::new(StoreOptions::default())?, origin.options.clone())?;
        Ok(Self { scanner, origin, decimals, threads })
    }

    /// The table of a split. Whoever reads splits of it at the same time in this process shares connections, memory and cache.
    pub(crate) fn shared(origin: &Origin) -> Result<Arc<Self>> {
        static OPEN: LazyLock<Mutex<HashMap<String, Weak<ReadTable>>>> = LazyLock::new(Mutex::default);
        let key = serde_json::to_string(origin)
            .map_err(|error| Error::unexpected("a table can be written as JSON").caused_by(error))?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, table| table.strong_count() > 0);
        if let Some(table) = open.get(&key).and_then(Weak::upgrade) {
            return Ok(table);
        }
        let threads = Threads::shared()?;
        let controller = Controller::new(&origin.connection.open()?)?;
        let table = Table::from_document(&controller, origin.table.clone())?;
        let table = Arc::new(Self::of(origin.clone(), table, threads)?);
        open.insert(key, Arc::downgrade(&table));
        Ok(table)
    }

    /// The columns, as they come.
    pub(crate) fn arrow_schema(&self) -> SchemaRef {
        self.decimals.schema(&self.scanner.table().arrow_schema(self.scanner.options().nulls))
    }

    fn predicate(&self, document: &Json) -> Result<Predicate> {
        Predicate::from_document(document, self.scanner.table().schema())
    }

    /// What becomes of a condition. A literal that is no value of its column compares as a text, in the engine.
    pub(crate) fn pushdown(&self, condition: &str) -> Result<Pushdown> {
        let document: Json = serde_json::from_str(condition)
            .map_err(|error| Error::invalid_config("expected a condition as JSON").caused_by(error))?;
        let pushed = self.predicate(&document).and_then(|predicate| pushdown(&self.scanner, &predicate));
        match pushed {
            Err(error) if error.kind() == ErrorKind::InvalidConfig => Ok(Pushdown::No),
            pushed => pushed,
        }
    }

    /// Looks at the cluster and decides.
    pub(crate) fn plan(&self, request: &str) -> Result<ReadPlan> {
        let request: Request = serde_json::from_str(request)
            .map_err(|error| Error::invalid_config(format!("expected what is to be read: {error}")))?;
        let mut conditions = Vec::new();
        for document in &request.exact {
            let predicate = self.predicate(document)?;
            if pushdown(&self.scanner, &predicate)? != Pushdown::Exact {
                return Err(Error::unexpected("a condition is not passed as exactly as it was said")
                    .with("condition", &predicate)
                    .action("plan the query again: the table has changed"));
            }
            conditions.push(predicate);
        }
        for document in &request.rechecked {
            conditions.push(self.predicate(document)?);
        }
        let columns = match &request.aggregate {
            Some(aggregate) => Some(groups::columns(aggregate)),
            None => request.columns.clone(),
        };
        let limit = request.limit.filter(|_| request.rechecked.is_empty() && request.aggregate.is_none());
        let rows = ScanRequest {
            columns,
            predicate: Predicate::all(conditions),
            limit,
            by_partition: request.by_partition,
            parallelism: request.parallelism,
        };
        let plan = self.threads.io()?.block_on(self.scanner.plan(&rows))?;
        if !request.rechecked.is_empty() && request.aggregate.is_some() {
            return Err(Error::unexpected("rows that are checked again cannot be aggregated before"));
        }
        let Request { aggregate, first, .. } = request;
        if let Some(aggregate) = aggregate {
            let schema = aggregate_schema(&plan.schema, &aggregate)?;
            return Ok(match self.scanner.aggregated(&plan, &aggregate) {
                Some(by_servers) => {
                    let text = by_servers.to_string();
                    self.split_up(Arc::clone(by_servers.rows()), schema, text, Some(aggregate), None, true)
                }
                None => {
                    let text = plan.to_string();
                    self.split_up(Arc::new(plan), schema, text, Some(aggregate), None, false)
                }
            });
        }
        let first = first.filter(|_| request.rechecked.is_empty());
        let top = first.and_then(|first| {
            let plan = self.scanner.first_rows(&plan, &first.order, first.rows)?;
            Some((plan, first))
        });
        let (plan, first) = match top {
            Some((plan, first)) => (plan, Some(first)),
            None => (plan, None),
        };
        let (schema, text) = (self.decimals.schema(&plan.schema), plan.to_string());
        Ok(self.split_up(Arc::new(plan), schema, text, None, first, false))
    }

    fn split_up(
        &self,
        plan: Arc<ScanPlan>,
        schema: SchemaRef,
        text: String,
        aggregate: Option<AggregateRequest>,
        first: Option<First>,
        aggregated: bool,
    ) -> ReadPlan {
        let splits = plan.splits.iter().map(|split| Planned {
            part: Part { split: plan.document(split), aggregate: aggregate.clone(), first: first.clone() },
            hosts: split.servers().iter().filter_map(|server| host(server)).collect(),
            expected_bytes: split.expected_bytes,
            partition: split.partition,
        });
        let splits = splits.collect();
        let origin = self.origin.clone();
        let partitioner = plan.partitioning.as_ref().and_then(|it| {
            let by = Partitioning::Column { column: &it.column, config: &it.config, of_null: it.of_null };
            partitioner::parts(self.scanner.table().schema(), by)
        });
        ReadPlan { plan, schema, aggregated, ordered: first.is_some(), text, origin, partitioner, splits }
    }
}

/// `Server_<host>_<port>`
fn host(instance: &str) -> Option<String> {
    let (host, _) = instance.strip_prefix("Server_").unwrap_or(instance).rsplit_once('_')?;
    Some(host.to_owned())
}

/// The columns of groups, then the aggregates.
pub(crate) fn aggregate_schema(rows: &SchemaRef, request: &AggregateRequest) -> Result<SchemaRef> {
    let field = |name: &String| {
        rows.field_with_name(name)
            .cloned()
            .map_err(|_| Error::schema_mismatch("the table has no such column").with("column", name))
    };
    let mut fields = request.group_by.iter().map(field).collect::<Result<Vec<Field>>>()?;
    for aggregate in &request.aggregates {
        fields.push(match aggregate {
            Aggregate::Rows => Field::new("count(*)", DataType::Int64, false),
            Aggregate::Count(name) => Field::new(format!("count({name})"), DataType::Int64, false),
            Aggregate::Min(name) => Field::new(format!("min({name})"), field(name)?.data_type().clone(), true),
            Aggregate::Max(name) => Field::new(format!("max({name})"), field(name)?.data_type().clone(), true),
            Aggregate::Sum(name) => Field::new(format!("sum({name})"), DataType::Int64, true),
        });
    }
    Ok(Arc::new(ArrowSchema::new(fields)))
}
