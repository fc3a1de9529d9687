//! The arguments of `spark-submit`.

use std::path::Path;

use pinotage_common::{Error, Result};
use pinotage_store::Location;

use super::{SPARK_RUNNER, SparkScript};
use crate::Plan;
use crate::file::DeployMode;

/// What Spark itself takes for a sign of secrets in names (`spark.redaction.regex`).
const SECRET_WORDS: [&str; 5] = ["secret", "password", "token", "accesskey", "access.key"];

/// Beginnings of names whose values a session takes after the driver has started.
const OF_SESSION: [&str; 4] = ["spark.hadoop.", "spark.sql.", "spark.datasource.", "spark.redaction."];

/// Whether a name says that its value is nobody's business.
pub(super) fn says_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Refuses a setting that others must not see and that is needed before the driver has started.
pub(super) fn check_hidden(name: &str) -> Result<()> {
    match OF_SESSION.iter().any(|beginning| name.starts_with(beginning)) {
        true => Ok(()),
        false => Err(Error::unsupported("this setting would be an argument of `spark-submit`, which others see")
            .with("option", format!("engine.spark.conf.{name}"))
            .action("put it into `conf/spark-defaults.conf` of Spark")),
    }
}

impl SparkScript {
    /// The arguments that make `spark-submit` run a script, which stands in the file `script`, by the connector's `jar`.
    pub fn arguments(&self, plan: &Plan, jar: &Path, script: &Path) -> Vec<String> {
        let engine = &plan.file.engine.spark;
        let mut arguments = vec!["--class".to_owned(), SPARK_RUNNER.to_owned()];
        let mut add = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
        add("--name", &plan.file.name);
        engine.master.iter().for_each(|master| add("--master", master));
        engine.deploy_mode.iter().for_each(|mode| add("--deploy-mode", mode.name()));
        self.conf.iter().for_each(|(name, value)| add("--conf", &format!("{name}={value}")));
        let place = |jar: &String| match Location::is_uri(jar) {
            true => jar.clone(),
            false => plan.base.join(jar).display().to_string(),
        };
        if !engine.jars.is_empty() {
            add("--jars", &engine.jars.iter().map(place).collect::<Vec<_>>().join(","));
        }
        if !engine.packages.is_empty() {
            add("--packages", &engine.packages.join(","));
        }
        if engine.deploy_mode == Some(DeployMode::Cluster) {
            add("--files", &script.display().to_string());
        }
        arguments.extend([jar, script].map(|path| path.display().to_string()));
        arguments
    }
}
