//! Which segments are read, by whom, with which filter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use pinotage_client::TableType;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{Predicate, Pushed, TableConfig};

use crate::boundary::Boundary;
use crate::choice::{Facts, choose};
use crate::cost;
use crate::fetch::is_only_peers;
use crate::keyed::{keyed_splits, valid_splits};
use crate::options::{MissingSegments, Nulls, Reader, ScanOptions};
use crate::partitioning::{ByPartition, Partitioning};
use crate::prune::Known;
use crate::query;
use crate::reasons::{against_direct, against_servers, indexed};
use crate::scanner::Inner;
use crate::split::{Split, Work, direct_splits, server_splits};
use crate::table::Table;
use crate::top::Top;
use crate::view::{HalfView, SegmentView};

/// Where rows have to wait, a request asks for so many seconds of them at most.
const AT_ONCE_SECONDS: u64 = 2;

/// What the answer of a request may be expected to have where it comes as a single message: both sides hold all of it, the
/// server as objects first.
const WHOLE_ANSWER_BYTES: u64 = 16 << 20;

/// A request for less is more work than it saves time, however many readers there are.
const MIN_REQUEST_BYTES: u64 = 4 << 20;

/// What is to be read of a table.
#[derive(Debug, Clone, Default)]
pub struct ScanRequest {
    /// The columns, in this order; `None` is all of the schema. May be empty: the batches then only count rows. `$segmentName`
    /// and `$docId` say where a row lies.
    pub columns: Option<Vec<String>>,
    /// Which rows; `None` is all.
    pub predicate: Option<Predicate>,
    /// How many rows are enough; any may be chosen.
    pub limit: Option<u64>,
    /// Whether each split is to have rows of one partition.
    pub by_partition: ByPartition,
    /// How many splits are wanted at least, as far as each is still worth a request; 0 leaves it to the size of answers.
    pub parallelism: usize,
}

/// Which segments of a table are read for a request, by whom, with which filter: one consistent view of the table.
#[derive(Debug, Clone)]
pub struct ScanPlan {
    /// The table's name without a type.
    pub table: String,
    /// The columns of the batches.
    pub schema: SchemaRef,
    /// Each half of the table that rows come from.
    pub halves: Vec<HalfPlan>,
    /// What can be read by itself, in any order and at any place.
    pub splits: Vec<Split>,
    /// Every row that comes passes the request's predicate. Otherwise it has to be checked again.
    pub exact: bool,
    /// The number of rows that come, when the cluster's records tell.
    pub exact_rows: Option<u64>,
    /// No more rows than this can come, when the cluster's records tell.
    pub max_rows: Option<u64>,
    /// How many rows are enough.
    pub limit: Option<u64>,
    /// What a person should know, such as segments that are left out.
    pub warnings: Vec<String>,
    /// The segments whose rows are left out because no server has loaded them (`missingSegments: skip`).
    pub missing: Vec<String>,
    /// What decides which [partition](Split::partition) a split is of, if each is of one.
    pub partitioning: Option<Partitioning>,
    pub(crate) nulls: Nulls,
    /// Each answer of a server has only its first rows of an order.
    pub(crate) top: Option<Top>,
    /// All splits as servers would read them; nothing when they should not, or cannot.
    pub(crate) server_splits: Option<Vec<Split>>,
}

/// How one half of a table is read.
#[derive(Debug, Clone)]
pub struct HalfPlan {
    /// Which half.
    pub table_type: TableType,
    /// Who reads it.
    pub reader: Reader,
    /// Why.
    pub reason: String,
    /// Which rows count: the request's predicate and the time where the halves meet.
    pub predicate: Option<Predicate>,
    /// What of it servers are told.
    pub filter: Option<Pushed>,
    /// The number of segments that are read.
    pub segments: usize,
    /// The segments whose rows are the same whenever they are read, with their CRCs: not those that are still growing, and
    /// none of a table in which other segments decide which rows count. Those that are missing are among them.
    pub lasting: BTreeMap<String, u64>,
    /// The number of segments that cannot have such rows.
    pub pruned: usize,
    /// About how many rows will come.
    pub expected_rows: u64,
    /// About how many bytes an answer with these rows has.
    pub expected_bytes: u64,
    /// Why servers cannot give the rows as they are.
    pub(crate) against_servers: Option<String>,
    /// Deleted rows of an upsert table do not count.
    pub(crate) deletes: bool,
}

impl ScanPlan {
    /// Looks at the cluster and decides. Nothing is read of the segments, but for one question to the deep store whether it
    /// lets us in.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for columns that the table does not have; `unavailable` when a segment is on no server and cannot
    /// be read directly; `unsupported` when nobody can read the table exactly; those of asking the cluster.
    pub(crate) async fn make(inner: &Inner, request: &ScanRequest) -> Result<Self> {
        let Inner { table, options, .. } = inner;
        let full = table.arrow_schema(options.nulls);
        let schema = match &request.columns {
            None => Arc::clone(&full),
            Some(columns) => {
                let field = |name: &String| match query::virtual_field(name) {
                    Some(field) => Ok(field),
                    None => full.field_with_name(name).cloned().map_err(|_| unknown(table, name)),
                };
                Arc::new(arrow::datatypes::Schema::new(columns.iter().map(field).collect::<Result<Vec<_>>>()?))
            }
        };
        if let Some(predicate) = &request.predicate {
            // Also finds literals of a wrong type before anybody is asked.
            predicate.pushed(table.schema(), &|_| false, &|_| false)?;
        }
        let mut plan = Self {
            table: table.name().to_owned(),
            schema,
            halves: Vec::new(),
            splits: Vec::new(),
            exact: true,
            exact_rows: Some(0),
            max_rows: Some(0),
            limit: request.limit,
            warnings: Vec::new(),
            missing: Vec::new(),
            partitioning: None,
            nulls: options.nulls,
            top: None,
            server_splits: Some(Vec::new()),
        };
        let mut views = Vec::new();
        for (half, config) in table.halves() {
            views.push((*half, config, HalfView::take(&table.controller, table.name(), *half).await?));
        }
        let mut boundary = None;
        if let [(TableType::Offline, config, offline), (TableType::Realtime, ..)] = views.as_mut_slice() {
            (*offline, boundary) = Boundary::ask(table, offline.clone(), config).await?;
            if boundary.is_none() {
                if !offline.segments.is_empty() {
                    plan.warnings.push(format!(
                        "the {} segments of {} are left out, as brokers leave them out: none has a time where the halves could meet",
                        offline.segments.len(),
                        TableType::Offline.of(table.name()),
                    ));
                }
                views.remove(0);
            }
        }
        for (half, config, view) in views {
            let limits = boundary.as_ref().map(|boundary| match half {
                TableType::Offline => boundary.offline(),
                TableType::Realtime => boundary.realtime(),
            });
            plan.add(inner, request, HalfInput { half, config, view, limits }).await?;
        }
        Ok(plan)
    }

    async fn add(&mut self, inner: &Inner, request: &ScanRequest, input: HalfInput<'_>) -> Result<()> {
        let Inner { table, options, store, servers, .. } = inner;
        let HalfInput { half, config, view, limits } = input;
        let limited = limits.is_some();
        let predicate = Predicate::all(limits.into_iter().chain(request.predicate.clone()));
        let typed = half.of(table.name());
        let all = view.segments;
        let upsert = config.is_upsert();
        let segments: Vec<SegmentView> = all
            .iter()
            .filter(|segment| segment.rows() != Some(0))
            .filter(|segment| {
                let known =
                    Known { schema: table.schema(), time_column: config.time_column(), metadata: &segment.metadata };
                predicate.as_ref().is_none_or(|predicate| known.may_pass(predicate))
            })
            .cloned()
            .collect();
        let read: BTreeSet<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let looked_at = predicate.as_ref().map(Predicate::columns).unwrap_or_default();
        let fields = || table.schema().fields().filter(|field| read.contains(field.name.as_str()));
        let share = predicate.as_ref().map_or(1.0, cost::share);
        let row_bytes = cost::row_bytes(fields());
        let rows: u64 = segments.iter().map(|segment| cost::rows(&segment.metadata)).sum();
        let expected_rows = (rows as f64 * share) as u64;
        let facts = Facts {
            against_servers: against_servers(table, options, fields()),
            against_direct: against_direct(table, config, &segments, store).await,
            upsert,
            without_server: segments.iter().filter(|segment| segment.replicas.is_empty()).count(),
            only_on_servers: segments.iter().filter(|segment| is_only_on_servers(segment)).count(),
            expected_bytes: expected_rows.saturating_mul(row_bytes),
            unindexed_filter: request.predicate.is_some() && !indexed(table, config, &looked_at),
        };
        let (reader, mut reason) = choose(options.reader, &typed, &facts)?;
        if upsert && reader == Reader::Direct {
            reason.push_str("; servers read the partitions that have rows in growing segments, or get some meanwhile");
        }
        let nullable = |column: &str| table.is_nullable(column, options.nulls);
        let fst = |column: &str| table.has_fst(column);
        let filter = predicate.as_ref().map(|predicate| predicate.pushed(table.schema(), &nullable, &fst));
        let filter = filter.transpose()?.flatten();
        let keyed = upsert || config.is_dedup();
        // Of tables with keys, requests are for all partitions of a server.
        if !keyed && table.halves().len() == 1 {
            let (wanted, predicate) = (request.by_partition, predicate.as_ref());
            self.partitioning = Partitioning::of(wanted, table.schema(), config, &nullable, predicate, &segments);
        }
        // What is only much to send may still be little to answer. A filter without an index is much work either way.
        let small_answers = options.reader == Reader::Auto
            && !keyed
            && facts.against_servers.is_none()
            && !facts.unindexed_filter
            && facts.without_server == 0;
        let others = (reader == Reader::Direct && small_answers).then(|| segments.clone());
        // The partitions of an upsert table stay whole.
        let to_server = |segment: &SegmentView| reader == Reader::Server || (segment.only_on_servers && !upsert);
        let (by_server, direct): (Vec<_>, Vec<_>) = segments.into_iter().partition(to_server);
        if !by_server.is_empty()
            && let Some(reason) = &facts.against_servers
        {
            return Err(Error::unsupported(format!("{} segments are only on servers, and {reason}", by_server.len()))
                .with("table", &typed)
                .action("set `nulls: default` if nulls may be read as default values"));
        }
        let lasting = by_server.iter().chain(&direct).filter(|segment| !keyed && !segment.only_on_servers);
        let lasting =
            lasting.filter_map(|segment| Some((segment.metadata.name.clone(), segment.metadata.crc?))).collect();
        let by_server = self.on_servers(by_server, &typed, options)?;
        let count = by_server.len() + direct.len();
        // The filter that only some releases evaluate exactly is checked again wherever the rows come from.
        if (!by_server.is_empty() || upsert) && predicate.is_some() {
            self.exact &= filter.as_ref().is_some_and(|filter| filter.exact);
        }
        let rows_known = by_server.iter().chain(&direct).map(SegmentView::rows).sum::<Option<u64>>();
        self.exact_rows = match (self.exact_rows, rows_known) {
            (Some(before), Some(rows)) if predicate.is_none() && !limited && !keyed => Some(before + rows),
            _ => None,
        };
        self.max_rows = self.max_rows.zip(rows_known).map(|(before, rows)| before + rows);
        if upsert && !config.is_upsert_consistent() && all.iter().any(|segment| segment.only_on_servers) {
            self.warnings.push(format!(
                "{typed} has no `upsertConfig.consistencyMode`: rows that are updated at the moment of reading may come twice or not at all, as in Pinot's own queries"
            ));
        }
        let number = self.halves.len();
        let bytes =
            |segment: &SegmentView| ((cost::rows(&segment.metadata) as f64 * share) as u64).saturating_mul(row_bytes);
        // An answer comes at once: the smaller it is, the steadier is the rate.
        let at_once =
            options.rows_per_second.map(|rate| rate.saturating_mul(AT_ONCE_SECONDS).saturating_mul(row_bytes));
        let wanted = match request.parallelism {
            0 => u64::MAX,
            splits => (facts.expected_bytes / splits as u64).max(MIN_REQUEST_BYTES),
        };
        let max_bytes = options.request_size.bytes().min(at_once.unwrap_or(u64::MAX)).min(wanted);
        let replicas: BTreeSet<&str> =
            by_server.iter().flat_map(|segment| &segment.replicas).map(String::as_str).collect();
        let message_bytes = if servers.answer_at_once(replicas).await? { WHOLE_ANSWER_BYTES } else { u64::MAX };
        let partitioning = self.partitioning.as_ref();
        let by_server = if keyed {
            keyed_splits(number, by_server, upsert.then_some(&all), message_bytes, bytes)?
        } else {
            server_splits(number, by_server, max_bytes.min(message_bytes), partitioning, bytes)
        };
        let whole = match others {
            Some(others) => Some(server_splits(number, others, max_bytes, partitioning, bytes)),
            None => (reader == Reader::Server).then(|| by_server.clone()),
        };
        self.server_splits = self.server_splits.take().zip(whole).map(|(before, more)| [before, more].concat());
        self.splits.extend(by_server);
        if upsert {
            self.splits.extend(valid_splits(number, direct, &all, bytes)?);
        } else {
            self.splits.extend(direct_splits(number, direct, partitioning, bytes));
        }
        self.halves.push(HalfPlan {
            table_type: half,
            reader,
            reason,
            predicate,
            filter,
            segments: count,
            lasting,
            pruned: all.len() - count,
            expected_rows,
            expected_bytes: facts.expected_bytes,
            against_servers: facts.against_servers,
            deletes: config.delete_record_column().is_some(),
        });
        Ok(())
    }

    /// Every segment needs a server that has loaded it.
    fn on_servers(
        &mut self,
        segments: Vec<SegmentView>,
        typed: &str,
        options: &ScanOptions,
    ) -> Result<Vec<SegmentView>> {
        let (missing, there): (Vec<_>, Vec<_>) = segments.into_iter().partition(|segment| segment.replicas.is_empty());
        if missing.is_empty() {
            return Ok(there);
        }
        let names: Vec<&str> = missing.iter().map(SegmentView::name).collect();
        let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        match options.missing_segments {
            MissingSegments::Error => Err(Error::new(
                ErrorKind::Unavailable,
                format!("no server has loaded {} of the table's segments", names.len()),
            )
            .with("table", typed)
            .with("segments", shown)
            .action("start the servers that have them; `missingSegments: skip` reads the rest")),
            MissingSegments::Skip => {
                self.warnings.push(format!(
                    "rows are missing: no server has loaded {} segments of {typed}: {}",
                    names.len(),
                    names.join(", ")
                ));
                self.missing.extend(missing.into_iter().map(|segment| segment.metadata.name));
                Ok(there)
            }
        }
    }

    /// The same rows from servers alone, where servers pass exactly them. `auto` leaves it to servers to answer from much,
    /// unless they would have to go through all of it for a filter without an index.
    pub(crate) fn by_servers(&self) -> Option<Self> {
        let filtered =
            |half: &HalfPlan| half.predicate.is_none() || half.filter.as_ref().is_some_and(|filter| filter.exact);
        let splits = self.server_splits.clone().filter(|_| self.halves.iter().all(filtered))?;
        let mut plan = Self { splits, exact: true, ..self.clone() };
        for half in &mut plan.halves {
            if half.reader != Reader::Server {
                half.reader = Reader::Server;
                half.reason = "the answer is small".into();
            }
        }
        Some(plan)
    }

    /// The half that a split reads.
    pub fn half(&self, split: &Split) -> &HalfPlan {
        &self.halves[split.half]
    }

    /// The number of requests to servers.
    pub fn requests(&self) -> usize {
        self.splits.iter().filter(|split| matches!(split.work, Work::Server(_))).count()
    }
}

impl fmt::Display for ScanPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "table={}, columns=[{}]", self.table, columns.join(", "))?;
        for half in &self.halves {
            write!(f, ", {}: reader={} ({})", half.table_type, half.reader.name(), half.reason)?;
            write!(f, ", segments={}, pruned={}", half.segments, half.pruned)?;
            if let Some(predicate) = &half.predicate {
                write!(f, ", filter={predicate}")?;
            }
            write!(f, ", about {} rows in {} KiB", half.expected_rows, half.expected_bytes.div_ceil(1024))?;
        }
        write!(f, ", requests={}", self.requests())?;
        if let Some(Partitioning { column, config, .. }) = &self.partitioning {
            write!(f, ", partitions={}({column}, {})", config.function_name, config.num_partitions)?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        if let Some(Top { order, rows }) = &self.top {
            let order: Vec<String> = order.iter().map(ToString::to_string).collect();
            write!(f, ", each answer: order=[{}], limit={rows}", order.join(", "))?;
        }
        Ok(())
    }
}

/// Nobody but servers has it.
fn is_only_on_servers(segment: &SegmentView) -> bool {
    segment.only_on_servers || segment.metadata.download_url.as_deref().is_none_or(is_only_peers)
}

/// One half of a table on its way into a plan.
struct HalfInput<'a> {
    half: TableType,
    config: &'a TableConfig,
    view: HalfView,
    limits: Option<Predicate>,
}

fn unknown(table: &Table, column: &str) -> Error {
    let columns: Vec<&str> = table.schema().fields().map(|field| field.name.as_str()).collect();
    Error::schema_mismatch("the table has no such column")
        .with("table", table.name())
        .with("column", column)
        .action(format!("use one of its columns: {}", columns.join(", ")))
}
