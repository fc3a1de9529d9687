//! Rows into files: those of a query, or a table of a cluster as a folder that can be brought up to date.

mod folder;
mod part;
mod record;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_plan::ExecutionPlan;
use pinotage_common::{Error, Result};
use pinotage_scan::{ScanPlan, Split};

use crate::query::{Again, Answer, ScanExec, Session, TableSource, Warnings};
pub use write::{RowFormat, RowWriter, write_file};

/// What of a table is exported, and how.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// The columns, in this order; `None` is all of the schema.
    pub columns: Option<Vec<String>>,
    /// A condition of SQL on the table's columns, such as `day >= 19000 AND carrier = 'AA'`.
    pub filter: Option<String>,
    /// What the files are.
    pub format: RowFormat,
    /// The column whose values become folders `column=value` in place of standing in the files; only for a folder.
    pub partition_by: Option<String>,
    /// How many parts are read and written at a time.
    pub parallelism: usize,
    /// Becomes true when the export is to stop; what is complete then stays.
    pub cancel: Arc<AtomicBool>,
}

/// What came out of an export.
#[derive(Debug, Clone, Default)]
pub struct ExportSummary {
    /// Rows that were written by this run.
    pub rows: u64,
    /// Bytes of the files with them.
    pub bytes: u64,
    /// Files that were written by this run.
    pub files: usize,
    /// Files of earlier runs that are still right, and their rows.
    pub kept: (usize, u64),
    /// Files that were removed, because the table does not have what is in them any more.
    pub removed: usize,
    /// Segments whose rows are neither in what was written nor in what was kept, because no server has loaded them and
    /// `missingSegments: skip` leaves them out.
    pub missing: Vec<String>,
    /// What a person should know, such as that rows are missing, or that the table changed meanwhile.
    pub warnings: Vec<String>,
}

/// The export of a table of a cluster.
pub struct Export {
    session: Arc<Session>,
    table: String,
    sql: String,
    plan: Arc<dyn ExecutionPlan>,
    options: ExportOptions,
}

impl Export {
    /// Looks at the table and decides how it is read.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a filter that is no condition on rows, and for a table that is not one of a cluster;
    /// `schema-mismatch` for columns that it does not have; those of asking the cluster.
    pub fn open(source: &TableSource, options: ExportOptions) -> Result<Self> {
        let TableSource::Cluster { table, .. } = source else {
            return Err(Error::invalid_config("expected a table of a cluster, such as `pinot://host:9000/flights`")
                .action("rows of files and segments are written by `pinotage sql --to FILE`"));
        };
        let columns = match &options.columns {
            Some(columns) => columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", "),
            None => "*".into(),
        };
        let filter = options.filter.as_ref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
        let sql = format!("SELECT {columns} FROM \"table\"{filter}");
        let partitions = Some(options.parallelism.max(1));
        let session = Session::open(&[("table".into(), source.clone())], partitions, &options.cancel)?;
        let plan = session.plan(&sql)?;
        only_rows(&plan)?;
        if let Some(column) = &options.partition_by
            && plan.schema().index_of(column).is_err()
        {
            return Err(Error::schema_mismatch("the rows have no column to be divided by").with("column", column));
        }
        Ok(Self { session, table: table.clone(), sql, plan, options })
    }

    /// How the table is read; `None` when no row can pass the filter.
    pub fn plan(&self) -> Option<&ScanPlan> {
        scan(&self.plan).map(ScanExec::plan)
    }

    /// What a person should know so far. A summary has it, too.
    pub fn warnings(&self) -> &Warnings {
        self.session.warnings()
    }

    /// The columns of the rows.
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// Writes all rows into one file, which appears when it is complete. The order of rows is not defined. When segments are
    /// deleted or replaced meanwhile it starts over.
    ///
    /// # Errors
    ///
    /// Those of reading the table and of writing; then there is no file, or the old one.
    pub fn to_file(&self, path: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<ExportSummary> {
        let (mut plan, mut again) = (Arc::clone(&self.plan), Again::default());
        loop {
            let answer = self.session.answer(Arc::clone(&plan))?;
            match write_file(path, &self.schema(), self.options.format, counted(answer, progress)) {
                Ok((rows, bytes)) => {
                    let missing = scan(&plan).map(|scan| scan.plan().missing.clone()).unwrap_or_default();
                    let warnings = self.warnings().take();
                    return Ok(ExportSummary { rows, bytes, files: 1, missing, warnings, ..ExportSummary::default() });
                }
                Err(error) => plan = self.plan_again(error, &mut again)?,
            }
        }
    }

    /// Brings a folder up to date: one file or more a part of the table, and a record of what they hold. What is right already
    /// stays as it is, what the table does not have any more goes, what is missing is read. Run again after a stop or an error it
    /// goes on where it ended. When segments are deleted or replaced meanwhile, all but the files of the others starts over.
    ///
    /// # Errors
    ///
    /// `already-exists` for a folder with something else in it; `unavailable` while another export writes into the folder; those
    /// of reading the table and of writing; then complete files stay.
    pub fn to_folder(&self, path: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<ExportSummary> {
        folder::export(self, path, progress)
    }

    /// A new plan in place of one that is out of date; another error comes back.
    fn plan_again(&self, error: Error, again: &mut Again) -> Result<Arc<dyn ExecutionPlan>> {
        self.session.look_again(error, again)?;
        self.session.plan(&self.sql)
    }

    /// The rows of one split of a plan.
    fn rows(&self, plan: &Arc<dyn ExecutionPlan>, split: &Split) -> Result<Answer> {
        let plan = Arc::clone(plan).transform_up(|node| {
            Ok(match node.as_any().downcast_ref::<ScanExec>() {
                Some(scan) => Transformed::yes(Arc::new(scan.only(split.clone())) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(node),
            })
        });
        let plan = plan.data().map_err(|error| Error::unexpected("cannot plan a part").caused_by(error))?;
        self.session.answer(plan)
    }

    /// The segments whose rows last, with their CRCs, as the table is now.
    fn lasting_now(&self) -> Result<BTreeMap<String, u64>> {
        let plan = self.session.plan(&self.sql)?;
        Ok(scan(&plan).map(|scan| lasting(scan.plan())).unwrap_or_default())
    }
}

fn lasting(plan: &ScanPlan) -> BTreeMap<String, u64> {
    plan.halves.iter().flat_map(|half| half.lasting.clone()).collect()
}

fn scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&ScanExec> {
    match plan.as_any().downcast_ref::<ScanExec>() {
        Some(scan) => Some(scan),
        None => plan.children().into_iter().find_map(scan),
    }
}

/// A part can be read by itself only when nothing looks at more than one row.
fn only_rows(plan: &Arc<dyn ExecutionPlan>) -> Result<()> {
    let passes =
        ["FilterExec", "ProjectionExec", "CoalesceBatchesExec", "CooperativeExec", "PinotScanExec", "EmptyExec"];
    match passes.contains(&plan.name()) {
        true => plan.children().into_iter().try_for_each(only_rows),
        false => Err(Error::invalid_config(format!("the filter is not a condition on rows: it needs {}", plan.name()))
            .action("write a condition such as `day >= 19000`; `pinotage sql --to FILE` answers any query")),
    }
}

fn counted<'a>(
    batches: impl Iterator<Item = Result<RecordBatch>> + 'a,
    progress: &'a (dyn Fn(u64) + Sync),
) -> impl Iterator<Item = Result<RecordBatch>> + 'a {
    batches.inspect(|batch| {
        if let Ok(batch) = batch {
            progress(batch.num_rows() as u64);
        }
    })
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
