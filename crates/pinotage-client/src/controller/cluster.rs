//! Who is part of the cluster: controllers, brokers, servers, tenants.

use pinotage_common::Result;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value as Json;

use super::Controller;
use crate::names::TableType;

/// A controller, broker, server or minion.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.controller.api.resources.Instance`, as `GET /instances/{name}` answers
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its id in the ideal state, such as `Server_10.0.0.7_8098`.
    #[serde(rename = "instanceName")]
    pub name: String,
    /// The host, without the prefix that old clusters give it.
    #[serde(rename = "hostName", deserialize_with = "host")]
    pub host: String,
    /// The port of its main protocol: HTTP, or Netty of a server.
    #[serde(deserialize_with = "port")]
    pub port: Option<u16>,
    /// The port of a server's gRPC query service.
    #[serde(default, deserialize_with = "port")]
    pub grpc_port: Option<u16>,
    /// The port of a server's REST API. Pinot 0.11 tells it too.
    #[serde(default, deserialize_with = "port")]
    pub admin_port: Option<u16>,
    /// It takes part.
    #[serde(default)]
    pub enabled: bool,
    /// Its tenants, such as `DefaultTenant_OFFLINE`.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
}

/// A broker of a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerInstance {
    /// Its id.
    #[serde(rename = "instanceName")]
    pub name: String,
    /// The host, without the prefix that old clusters give it.
    #[serde(deserialize_with = "host")]
    pub host: String,
    /// The port of its REST API.
    #[serde(deserialize_with = "port")]
    pub port: Option<u16>,
    /// The port of its gRPC service; Pinot 1.4 and later.
    #[serde(default, deserialize_with = "port")]
    pub grpc_port: Option<u16>,
}

/// Who serves the halves of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableInstances {
    /// Ids of brokers.
    pub brokers: Vec<String>,
    /// Ids of servers.
    pub servers: Vec<String>,
}

/// The names of all tenants, without the suffixes of tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Tenants {
    /// Those of servers.
    #[serde(default)]
    pub server_tenants: Vec<String>,
    /// Those of brokers.
    #[serde(default)]
    pub broker_tenants: Vec<String>,
}

#[derive(Deserialize)]
struct Instances {
    instances: Vec<String>,
}

#[derive(Deserialize)]
struct InstancesOfHalves {
    #[serde(default)]
    brokers: Vec<InstancesOfHalf>,
    // Pinot says `server` for all of them.
    #[serde(default, alias = "servers")]
    server: Vec<InstancesOfHalf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstancesOfHalf {
    table_type: String,
    instances: Vec<String>,
}

impl Controller {
    /// The ids of all instances: `GET /instances`.
    pub async fn instances(&self) -> Result<Vec<String>> {
        Ok(self.ask::<Instances>("list the instances", &["instances"], &[]).await?.instances)
    }

    /// One instance: `GET /instances/{i}`.
    ///
    /// # Errors
    ///
    /// `not-found`.
    pub async fn instance(&self, name: &str) -> Result<Instance> {
        self.ask("get the instance", &["instances", name], &[]).await
    }

    /// The live brokers of a table: `GET /v2/brokers/tables/{t}`.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn brokers(&self, table: &str) -> Result<Vec<BrokerInstance>> {
        self.ask("list the table's brokers", &["v2", "brokers", "tables", table], &[("state", "ONLINE")]).await
    }

    /// Who serves one half of a table: `GET /tables/{t}/instances`.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such table.
    pub async fn table_instances(&self, table: &str, table_type: TableType) -> Result<TableInstances> {
        let halves: InstancesOfHalves =
            self.ask("list the table's instances", &["tables", table, "instances"], &[]).await?;
        let of = |halves: Vec<InstancesOfHalf>| -> Vec<String> {
            let ours = |half: &InstancesOfHalf| half.table_type.eq_ignore_ascii_case(table_type.name());
            halves.into_iter().filter(ours).flat_map(|half| half.instances).collect()
        };
        Ok(TableInstances { brokers: of(halves.brokers), servers: of(halves.server) })
    }

    /// Lets the controllers do one of their regular tasks for a table now, such as `RetentionManager`:
    /// `GET /periodictask/run`. The work goes on after the answer.
    ///
    /// # Errors
    ///
    /// `not-found` when there is no such task.
    pub async fn run_periodic_task(&self, task: &str, table: &str, table_type: TableType) -> Result<()> {
        let query = [("taskname", task), ("tableName", table), ("type", table_type.name())];
        let call = self.get("run a task of the controllers", &["periodictask", "run"], &query)?;
        self.http.send(&call).await.map(drop)
    }

    /// All tenants: `GET /tenants`.
    pub async fn tenants(&self) -> Result<Tenants> {
        self.ask("list the tenants", &["tenants"], &[]).await
    }
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let host = String::deserialize(deserializer)?;
    let prefixes = ["Server_", "Broker_", "Controller_", "Minion_"];
    Ok(prefixes.iter().find_map(|prefix| host.strip_prefix(prefix)).map(str::to_owned).unwrap_or(host))
}

/// A port as a number or as text; −1 means none.
fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let value = Option::<Json>::deserialize(deserializer)?;
    let number = match &value {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_i64(),
    };
    match number {
        Some(..=0) => Ok(None),
        Some(number) => u16::try_from(number).map(Some).map_err(|_| de::Error::custom("expected a port")),
        None => Err(de::Error::custom("expected a port")),
    }
}

fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_any_release_are_read() {
        let read = |text| serde_json::from_str::<Instance>(text).unwrap();
        let old = read(
            r#"{"instanceName":"Server_h_8098","hostName":"Server_h","enabled":true,"port":"8098","tags":null,"grpcPort":-1}"#,
        );
        assert_eq!((old.host.as_str(), old.port, old.grpc_port, old.admin_port), ("h", Some(8098), None, None));
        let new = read(
            r#"{"instanceName":"Server_h_8098","hostName":"h","port":8098,"grpcPort":8090,"adminPort":8097,"x":1}"#,
        );
        assert_eq!((new.port, new.grpc_port, new.admin_port), (Some(8098), Some(8090), Some(8097)));
        assert!(serde_json::from_str::<Instance>(r#"{"instanceName":"S","hostName":"h","port":70000}"#).is_err());
    }
}
