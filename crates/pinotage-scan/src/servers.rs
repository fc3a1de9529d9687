//! The servers of a cluster, by instance id: where each is, and how it is asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use pinotage_client::{Blocks, Controller, Instance, Protocol, QueryServers, ServerAddress, ServerQuery};
use pinotage_common::{ErrorKind, Result};

use crate::options::{ScanOptions, Transport};

/// The servers of a cluster.
#[derive(Debug)]
pub(crate) struct Servers {
    controller: Controller,
    queries: QueryServers,
    transport: Transport,
    tls: bool,
    netty_tls_port: u16,
    addresses: Mutex<HashMap<String, ServerAddress>>,
}

impl Servers {
    pub(crate) fn new(controller: &Controller, options: &ScanOptions) -> Result<Self> {
        Ok(Self {
            controller: controller.clone(),
            queries: QueryServers::new(controller.http())?,
            transport: options.transport,
            tls: options.server_tls.unwrap_or(controller.address().is_https()),
            netty_tls_port: options.netty_tls_port,
            addresses: Mutex::default(),
        })
    }

    /// Asks a server.
    pub(crate) async fn submit(&self, server: &str, query: &ServerQuery) -> Result<Blocks> {
        let address = self.address(server).await?;
        self.queries.submit(&address, query).await
    }

    /// One of these servers answers with a single message.
    pub(crate) async fn answer_at_once(&self, servers: impl IntoIterator<Item = &str>) -> Result<bool> {
        if self.transport != Transport::Auto {
            return Ok(self.transport == Transport::Netty);
        }
        let at_once = async |server| match self.address(server).await {
            Ok(address) => Ok(address.protocol == Protocol::Netty),
            // Whoever asks it will say so.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
        Ok(try_join_all(servers.into_iter().map(at_once)).await?.contains(&true))
    }

    /// A server that does not answer may have come back at another port.
    pub(crate) fn forget(&self, server: &str) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(server);
    }

    async fn address(&self, server: &str) -> Result<ServerAddress> {
        let known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).get(server).cloned();
        if let Some(address) = known {
            return Ok(address);
        }
        let address = self.of(&self.controller.instance(server).await?)?;
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.insert(server.to_owned(), address.clone());
        Ok(address)
    }

    fn of(&self, instance: &Instance) -> Result<ServerAddress> {
        match self.transport {
            Transport::Auto if instance.grpc_port.is_some() => ServerAddress::grpc(instance, self.tls),
            Transport::Grpc => ServerAddress::grpc(instance, self.tls),
            Transport::Auto | Transport::Netty => {
                ServerAddress::netty(instance, self.tls.then_some(self.netty_tls_port))
            }
        }
    }
}
