//! A table as a sink, resolved: what tasks need to know of it, without asking anybody.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use pinotage_client::Controller;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_connector::{BadRow, Clock as _, Delivery, Refused, Sink as _, SystemClock};
use pinotage_job::{SinkJob, check_ingestion};
use pinotage_sink::bootstrap;
use pinotage_sink::publish::PushObserver;
use pinotage_sink::upsert::{CreationTimes, StreamKey, StreamTable};
use pinotage_sink::writer::{Destination, PinotSink, Replacing, Sealing, Staging, TableDestination, Upload};
use pinotage_sink::{Target, check_table, check_uploadable};
use pinotage_spec::{ColumnPlan, DateTimeFormat, PinotVersion, Schema, TableConfig, arrow_field};
use pinotage_transform::{BadValue, ConformOptions, Conversion, Converted, Destined};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::staging::Place;
use crate::threads::Threads;
use crate::writer::bad_rows;

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
    /// Of a table that rows go to beside its stream.
    #[serde(default)]
    stream: Option<Stream>,
}

/// What was asked of a table's stream.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stream {
    key: StreamKey,
    times: CreationTimes,
}

/// What a sink is made from.
struct Documents {
    schema: Schema,
    config: TableConfig,
    version: PinotVersion,
    stream: Option<Stream>,
}

/// A table that rows go to.
pub(crate) struct Table {
    pub(crate) job: SinkJob,
    options: String,
    pub(crate) place: Place,
    pub(crate) schema: Schema,
    pub(crate) config: TableConfig,
    pub(crate) version: PinotVersion,
    stream: Option<Stream>,
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
        let version = job.sink.pinot_version.map_or_else(|| io.block_on(release(&target.controller)), Ok)?;
        let mut documents = Documents {
            schema: Schema::from_document(schema)?,
            config: TableConfig::from_document(config)?,
            version,
            stream: None,
        };
        if job.beside_stream() {
            check_uploadable(documents.config.json())?;
            let table = StreamTable {
                target: &target,
                schema: &documents.schema,
                version,
                key: job.sink.upsert.stream_key.as_ref(),
                ties: job.sink.upsert.ties,
            };
            let (upload, times) = io.block_on(table.upload(true, SystemClock.now_millis()))?;
            documents.stream = Some(Stream { key: upload.key, times });
        }
        Self::checked(job, options, documents, threads)
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
        let documents = Documents {
            schema: Schema::from_document(described.schema)?,
            config: TableConfig::from_document(described.table)?,
            version: PinotVersion::parse(&described.pinot)?,
            stream: described.stream,
        };
        Self::checked(job, &described.options, documents, Threads::shared()?)
    }

    fn checked(job: SinkJob, options: &str, documents: Documents, threads: Arc<Threads>) -> Result<Self> {
        let Documents { schema, config, version, stream } = documents;
        match job.beside_stream() {
            false => check_table(config.json())?,
            true if stream.is_some() => drop(check_uploadable(config.json())?),
            true => return Err(Error::invalid_data("the description of a sink says nothing of its stream")),
        }
        check_ingestion(&config)?;
        let columns = ColumnPlan::resolve_for(&schema, &config, version)?;
        let documents = (schema.clone(), config.clone(), version);
        let place = Place::of(&job, threads.io()?)?;
        let how = (place.for_reading(), built(&job), job.sink.segment.sealing());
        let sink = made(documents, stream.clone(), how, &threads)?;
        let sink = sink.watching(&target(&job)?, threads.io()?, job.sink.upsert.ttl_margin)?;
        if let Some(ttl) = sink.time_to_live() {
            ttl.check_push(&job.sink.push)?;
        }
        let options = options.to_owned();
        Ok(Self { job, options, place, schema, config, version, stream, columns, sink, threads })
    }

    /// The sink of a task behind so many epochs, and a folder that has to live as long.
    pub(crate) fn writing(&self, epochs: u64, sealing: Sealing) -> Result<(PinotSink, Option<TempDir>)> {
        let mut stream = self.stream.clone();
        if let Some(stream) = &mut stream {
            stream.times.skip_epochs(epochs);
        }
        let documents = (self.schema.clone(), self.config.clone(), self.version);
        let (staging, folder) = self.place.for_writing()?;
        Ok((made(documents, stream, (staging, built(&self.job), sealing), &self.threads)?, folder))
    }

    pub(crate) fn description(&self) -> Result<String> {
        let description = Description {
            form: FORM,
            options: self.options.clone(),
            schema: self.schema.json().clone(),
            table: self.config.json().clone(),
            pinot: self.version.to_string(),
            stream: self.stream.clone(),
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

    /// Rows of the table, and what is wrong with the others.
    pub(crate) fn convert(&self, conversion: &Conversion, batch: &RecordBatch) -> Result<Converted> {
        conversion.convert_for(batch, &|rows| {
            let bad = |Refused { row, column, rule, message }| BadValue {
                row,
                column: column.unwrap_or_default(),
                rule,
                message,
                value: String::new(),
            };
            Ok(self.sink.refused(rows)?.into_iter().map(bad).collect())
        })
    }

    /// The partition of each row; -1 for rows that the table does not take.
    pub(crate) fn partitions(&self, rows: &SchemaRef, batch: &RecordBatch) -> Result<Option<Vec<i32>>> {
        let converted = self.convert(&self.conversion(rows)?, batch)?;
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

    /// The rows of a batch that a writer would not take.
    pub(crate) fn rejected(&self, rows: &SchemaRef, batch: &RecordBatch) -> Result<Vec<BadRow>> {
        Ok(bad_rows(self.convert(&self.conversion(rows)?, batch)?.bad, batch))
    }

    /// Milliseconds since 1970 of a number in the time column.
    pub(crate) fn time_millis(&self, value: i64) -> Result<i64> {
        let column = self.config.time_column().unwrap_or_default();
        let time = self.schema.field(column).and_then(|field| field.date_time.as_ref());
        match time.map(|time| &time.format) {
            Some(format @ (DateTimeFormat::Epoch { .. } | DateTimeFormat::Timestamp)) => {
                Ok(format.number_to_millis(value))
            }
            _ => Err(Error::unsupported("the time column holds texts, whose order is not that of times")
                .with("column", column)
                .action("overwrite the whole table")),
        }
    }

    pub(crate) fn promises(&self) -> Delivery {
        self.sink.delivery()
    }

    /// The sink that segments leave through, in place of others.
    pub(crate) fn committing(
        &self,
        replacing: Replacing,
        observer: Arc<dyn PushObserver + Send + Sync>,
    ) -> Result<PinotSink> {
        let to = TableDestination {
            target: target(&self.job)?,
            config: self.config.json().clone(),
            options: self.job.sink.push.clone(),
            observer,
            runtime: self.threads.io()?,
        };
        let documents = (self.schema.clone(), self.config.clone(), self.version);
        let to = Destination::Table(Box::new(to));
        let sealing = self.job.sink.segment.sealing().within(self.job.limits.memory.bytes());
        let how = (self.place.for_reading(), to, sealing);
        made(documents, self.stream.clone(), how, &self.threads)?.replacing(replacing)
    }
}

/// Segments that are built for a cluster are archives; nothing goes to the folder.
fn built(job: &SinkJob) -> Destination {
    Destination::Folder { path: PathBuf::new(), archives: Some(job.sink.archive_level) }
}

fn made(
    (schema, config, version): (Schema, TableConfig, PinotVersion),
    stream: Option<Stream>,
    (staging, to, sealing): (Staging, Destination, Sealing),
    threads: &Threads,
) -> Result<PinotSink> {
    let pool = threads.pool()?;
    let sink = match stream {
        None => PinotSink::try_new((schema, config, version), staging, sealing, to, pool)?,
        Some(Stream { key, times }) => {
            let upload = Upload { version, key };
            PinotSink::beside_stream((schema, config), staging, sealing, to, (upload, times), pool)?
        }
    };
    sink.rolling_up().map(PinotSink::with_shared_partitions)
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
        .action("correct these rows, or raise `limits.errors`; a job with checkpoints goes on behind the last one")
}
