//! A table as a sink, resolved: what tasks need to know of it, without asking anybody.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use pinotage_client::Controller;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::{Delivery, Sink as _};
use pinotage_job::{SinkJob, check_ingestion};
use pinotage_sink::bootstrap;
use pinotage_sink::publish::PushObserver;
use pinotage_sink::writer::{Destination, PinotSink, TableDestination};
use pinotage_sink::{Target, check_table};
use pinotage_spec::{ColumnPlan, PinotVersion, Rollup, Schema, TableConfig, arrow_field};
use pinotage_transform::{ConformOptions, Conversion, Destined};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::threads::Threads;

/// The form of descriptions.
const FORM: u32 = 1;

/// What travels to tasks.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    form: u32,
    /// As they were given.
    options: String,
    schema: Json,
    table: Json,
    pinot: String,
}

/// A table that rows go to.
pub(crate) struct Table {
    pub(crate) job: SinkJob,
    options: String,
    pub(crate) schema: Schema,
    pub(crate) config: TableConfig,
    pub(crate) version: PinotVersion,
    pub(crate) columns: Vec<ColumnPlan>,
    /// For what is to be asked of it alone: partitions, promises.
    pub(crate) sink: PinotSink,
    // Last: the sink lets go of them first.
    pub(crate) threads: Arc<Threads>,
}

impl Table {
    /// Asks the controller.
    pub(crate) fn resolve(options: &str) -> Result<Self> {
        let job = SinkJob::parse(options)?;
        let threads = Threads::shared()?;
        let target = target(&job)?;
        let io = threads.io()?;
        let found = io.block_on(bootstrap::documents(&target))?;
        let missing = |what: &str| {
            Error::not_found(format!("the cluster has no {what} of this name"))
                .with("table", target.key())
                .action("correct the name, or create the table first")
        };
        let config = found.table.ok_or_else(|| missing("table"))?;
        let schema = found.schema.ok_or_else(|| missing("schema"))?;
        let version = io.block_on(release(&target.controller))?;
        let schema = Schema::from_document(schema)?;
        let config = TableConfig::from_document(config)?;
        Self::checked(job, options, (schema, config, version), threads)
    }

    /// Takes a description up.
    pub(crate) fn of(description: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            form: u32,
        }
        let senseless = |error| Error::invalid_data("the description of a sink makes no sense").caused_by(error);
        let Form { form } = serde_json::from_str(description).map_err(senseless)?;
        if form != FORM {
            return Err(Error::unsupported(format!(
                "a sink was described in form {form}, and this version reads {FORM}"
            ))
            .action("use one version for all tasks of a job"));
        }
        let described: Description = serde_json::from_str(description).map_err(senseless)?;
        let job = SinkJob::parse(&described.options)?;
        let schema = Schema::from_document(described.schema)?;
        let config = TableConfig::from_document(described.table)?;
        let version = PinotVersion::parse(&described.pinot)?;
        Self::checked(job, &described.options, (schema, config, version), Threads::shared()?)
    }

    fn checked(
        job: SinkJob,
        options: &str,
        (schema, config, version): (Schema, TableConfig, PinotVersion),
        threads: Arc<Threads>,
    ) -> Result<Self> {
        check_table(config.json())?;
        check_ingestion(&config)?;
        let columns = ColumnPlan::resolve_for(&schema, &config, version)?;
        let refused = |option: &'static str, reason: &str, action: &str| {
            Err(Error::unsupported(reason).with("option", option).action(action))
        };
        if Rollup::resolve(&schema, &config)?.is_some() {
            return refused(
                "ingestionConfig.aggregationConfigs",
                "a table that aggregates while rows come in cannot be written by an engine",
                "aggregate in the engine, or in queries",
            );
        }
        if config.is_refresh() {
            return refused(
                "segmentIngestionType",
                "a REFRESH table is wholly what its job makes, and this sink only adds to it",
                "make the table APPEND",
            );
        }
        let sink = PinotSink::try_new(
            (schema.clone(), config.clone(), version),
            job.staging.clone(),
            job.sink.segment.sealing(),
            // Segments that are built for a cluster are archives; nothing goes to the folder.
            Destination::Folder { path: PathBuf::new(), archives: true },
            threads.pool()?,
        )?;
        let sink = sink.with_shared_partitions();
        Ok(Self { job, options: options.to_owned(), schema, config, version, columns, sink, threads })
    }

    pub(crate) fn description(&self) -> Result<String> {
        let description = Description {
            form: FORM,
            options: self.options.clone(),
            schema: self.schema.json().clone(),
            table: self.config.json().clone(),
            pinot: self.version.to_string(),
        };
        serde_json::to_string(&description)
            .map_err(|error| Error::unexpected("cannot describe the sink").caused_by(error))
    }

    /// The canonical columns, as the schema has them.
    pub(crate) fn arrow_schema(&self) -> ArrowSchema {
        let tracked = |name: &str| self.columns.iter().any(|column| column.field.name == name && column.tracks_nulls);
        ArrowSchema::new(self.schema.fields().map(|field| arrow_field(field, tracked(&field.name))).collect::<Vec<_>>())
    }

    /// What makes rows of these columns rows of the table.
    pub(crate) fn conversion(&self, rows: &SchemaRef) -> Result<Conversion> {
        let options = ConformOptions {
            time_zone: self.job.time_zone,
            strict: self.job.strict,
            timestamp_loss_is_error: false,
            nearest_float: false,
            keep_dictionaries: true,
        };
        let destined = Destined {
            schema: &self.schema,
            table: &self.config,
            columns: &self.columns,
            version: self.version,
            options,
        };
        Conversion::try_new(&destined, rows)
    }

    /// The partition of each row; -1 for rows that the table does not take.
    pub(crate) fn partitions(&self, rows: &SchemaRef, batch: &RecordBatch) -> Result<Option<Vec<i32>>> {
        let converted = self.conversion(rows)?.convert(batch)?;
        let Some(partitions) = self.sink.partitions(&converted.batch)? else { return Ok(None) };
        if converted.filtered > 0 || converted.made > 0 {
            return Err(Error::unsupported(
                "rows are filtered or unnested, so that rows of a batch are not rows of the table",
            )
            .action("spread rows in another way: any task may write any row"));
        }
        let mut all = vec![-1; batch.num_rows()];
        let bad: std::collections::BTreeSet<usize> = converted.bad.iter().map(|value| value.row as usize).collect();
        let good = (0..batch.num_rows()).filter(|row| !bad.contains(row));
        for (row, partition) in good.zip(partitions) {
            all[row] = partition as i32;
        }
        Ok(Some(all))
    }

    pub(crate) fn promises(&self) -> Delivery {
        self.sink.delivery()
    }

    /// The sink that segments leave through.
    pub(crate) fn committing(&self, observer: Arc<dyn PushObserver + Send + Sync>) -> Result<PinotSink> {
        let to = TableDestination {
            target: target(&self.job)?,
            config: self.config.json().clone(),
            options: self.job.sink.push.clone(),
            observer,
            runtime: self.threads.io()?,
        };
        let sink = PinotSink::try_new(
            (self.schema.clone(), self.config.clone(), self.version),
            self.job.staging.clone(),
            self.job.sink.segment.sealing(),
            Destination::Table(Box::new(to)),
            self.threads.pool()?,
        )?;
        Ok(sink.with_shared_partitions())
    }

    fn probe(&self, name: &str) -> Result<PathBuf> {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match is_name {
            true => Ok(self.job.staging.join(format!(".probe-{name}"))),
            false => {
                Err(Error::invalid_config(format!("`{name}` is no name for a probe"))
                    .action("use letters, digits and `-`"))
            }
        }
    }

    /// Puts a text into staging.
    pub(crate) fn write_probe(&self, name: &str, text: &str) -> Result<()> {
        let (folder, path) = (&self.job.staging, self.probe(name)?);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .and_then(|()| std::fs::File::open(&path)?.sync_all())
            .map_err(|error| Error::io(error, "cannot write to staging", &path).with("option", "staging"))
    }

    /// The text of a probe, which may be on another host.
    pub(crate) fn read_probe(&self, name: &str) -> Result<String> {
        let path = self.probe(name)?;
        std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => not_shared(&path),
            _ => Error::io(error, "cannot read from staging", &path).with("option", "staging"),
        })
    }

    pub(crate) fn remove_probe(&self, name: &str) -> Result<()> {
        let path = self.probe(name)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(error, "cannot remove from staging", &path))
            }
            _ => Ok(()),
        }
    }
}

fn not_shared(path: &Path) -> Error {
    Error::invalid_config("what one task has put into staging another one does not see: it is not shared storage")
        .with("option", "staging")
        .with("file", path.display())
        .action("name a folder of a file system that all hosts of the job have, at the same path")
}

fn target(job: &SinkJob) -> Result<Target> {
    let controller = Controller::new(&job.connection)?;
    Ok(match job.beside_stream() {
        true => Target::realtime(controller, &job.sink.table),
        false => Target::offline(controller, &job.sink.table),
    })
}

/// The release of a cluster, by its controller; old ones do not tell.
async fn release(controller: &Controller) -> Result<PinotVersion> {
    let versions = controller.versions().await?;
    let version = ["pinot-controller", "pinot-common"].iter().find_map(|part| versions.get(*part));
    version.map_or(Ok(PinotVersion::OLDEST), |text| PinotVersion::parse(text))
}

/// The error of rows that are more than may be bad.
pub(crate) fn too_many(limit: impl std::fmt::Display, first: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("more than {limit} bad rows, the first of this batch: {first}"))
        .action("correct these rows, or raise `limits.errors`; the job goes on behind its last checkpoint")
}
