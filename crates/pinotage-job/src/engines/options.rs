//! What a job file says to other engines alone.

use std::collections::BTreeMap;

use pinotage_client::{Address, Auth, Connection, Proxy, Timeouts, Tls};
use pinotage_common::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// A connector of Flink.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlinkConnector {
    /// The columns as `CREATE TABLE` of Flink's SQL has them, with a watermark if there is to be one: ``id BIGINT, `at` TIMESTAMP_LTZ(3)``.
    pub columns: String,
    /// What stands behind `WITH`: `connector`, and its options.
    #[schemars(with = "BTreeMap<String, String>")]
    pub options: BTreeMap<String, serde_json::Value>,
}

/// A reader of Spark.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SparkReader {
    /// What stands behind `spark.read.format`: `jdbc`, `delta`, `iceberg`, `pinotage` or any other that is on Spark's class path.
    pub format: String,
    /// The columns, as `spark.read.schema` takes them: `id BIGINT, at TIMESTAMP`. Default: the format knows.
    #[serde(default)]
    pub columns: Option<String>,
    /// The options of the format; `path` is what `load` is given.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub options: BTreeMap<String, serde_json::Value>,
}

/// How other engines run a job.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Engines {
    /// With `--engine flink`.
    pub flink: FlinkSession,
    /// With `--engine spark`.
    pub spark: SparkEngine,
}

/// A session cluster of Flink, and how its REST interface is reached. Flink itself asks nobody who comes; what stands before it may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FlinkSession {
    /// The REST address of a JobManager, `host:port` or a URL. Default: `localhost:8081`; `--flink` of the command comes first.
    pub job_manager: Option<Address>,
    /// Who asks. Default: nobody in particular.
    pub auth: Auth,
    /// Whose certificates are trusted, and our own.
    pub tls: Tls,
    /// An HTTP proxy between here and the cluster. Default: none; the environment's `HTTP_PROXY` is not looked at.
    pub proxy: Option<Proxy>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl FlinkSession {
    /// The connection, to another address if one is given.
    ///
    /// # Errors
    ///
    /// Those of the default address.
    pub fn connection(&self, address: Option<Address>) -> Result<Connection> {
        let own = || self.job_manager.clone().map_or_else(|| Address::parse("localhost:8081"), Ok);
        Ok(Connection {
            auth: self.auth.clone(),
            tls: self.tls.clone(),
            proxy: self.proxy.clone(),
            timeouts: self.timeouts.clone(),
            ..Connection::new(address.map_or_else(own, Ok)?)
        })
    }
}

/// How Spark runs a job.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SparkEngine {
    /// The command `spark-submit`. Default: `bin/spark-submit` of `SPARK_HOME`, else the first one of the path.
    pub submit: Option<String>,
    /// As `spark-submit --master`: `local[4]`, `spark://host:7077`, `yarn`, `k8s://…`. Default: what Spark's own files say.
    pub master: Option<String>,
    /// Where the driver runs: `client`, beside this command, or `cluster`. Default: what Spark's own files say.
    pub deploy_mode: Option<DeployMode>,
    /// Spark's configuration. What is written as `${env:NAME}` or `${file:PATH}`, or whose name says that it is secret, is no argument of
    /// the command that others see.
    #[schemars(with = "BTreeMap<String, String>")]
    pub conf: BTreeMap<String, serde_json::Value>,
    /// Further jars for driver and executors: paths, relative to the job file, or URIs.
    pub jars: Vec<String>,
    /// The same by their names in Maven's repositories: `org.apache.spark:spark-avro_2.13:4.2.0`.
    pub packages: Vec<String>,
    /// What the rows take the place of: `table`, `partitions` (those that the rows have) or a range of the time column in SQL,
    /// `day >= 19000 AND day < 19001`. Default: rows are added to an APPEND table; a REFRESH table is always replaced.
    pub overwrite: Option<String>,
}

/// Where the driver of a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeployMode {
    /// In a process of the command.
    Client,
    /// On a machine of the cluster.
    Cluster,
}

impl DeployMode {
    /// As `spark-submit` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Cluster => "cluster",
        }
    }
}
