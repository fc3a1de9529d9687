//! Which bytes servers have loaded, in their own words.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use pinotage_client::{Address, ServerAdmin};
use pinotage_common::{Error, ErrorKind, Result};

use crate::Target;
use crate::publish::PushObserver;

/// How long a server may take to answer. Admin ports are often behind a firewall, which swallows questions.
const LIMIT: Duration = Duration::from_secs(10);

/// How many servers are asked at once.
const QUESTIONS: usize = 16;

/// The checksums of the segments that a server has loaded, by name; none when it cannot be asked.
pub(crate) type Loaded = BTreeMap<String, Option<BTreeMap<String, u64>>>;

/// The servers of a table.
pub(crate) struct Servers<'a> {
    target: &'a Target,
    observer: &'a dyn PushObserver,
    /// None for those that cannot be asked.
    known: BTreeMap<String, Option<ServerAdmin>>,
}

impl<'a> Servers<'a> {
    pub(crate) fn new(target: &'a Target, observer: &'a dyn PushObserver) -> Self {
        Self { target, observer, known: BTreeMap::new() }
    }

    /// Asks servers what they have loaded. Who cannot be asked is noted, and not asked again.
    pub(crate) async fn loaded(&mut self, servers: &BTreeSet<&str>) -> Loaded {
        let target = self.target;
        let questions = servers.iter().map(|&name| {
            let known = self.known.get(name).cloned();
            async move {
                let answer = match known {
                    Some(None) => Ok(None),
                    Some(Some(admin)) => ask(target, admin).await.map(Some),
                    None => match admin(target, name).await {
                        Ok(admin) => ask(target, admin).await.map(Some),
                        Err(error) => Err(error),
                    },
                };
                (name.to_owned(), answer)
            }
        });
        let answers: Vec<_> = stream::iter(questions).buffer_unordered(QUESTIONS).collect().await;
        let mut loaded = Loaded::new();
        for (name, answer) in answers {
            let (admin, crcs) = match answer {
                Ok(Some((admin, crcs))) => (Some(admin), Some(crcs)),
                Ok(None) => (None, None),
                Err(error) => {
                    self.observer.unconfirmed(&name, &error);
                    (None, None)
                }
            };
            self.known.insert(name.clone(), admin);
            loaded.insert(name, crcs);
        }
        loaded
    }
}

/// The admin port of a server, as the controller knows it.
async fn admin(target: &Target, name: &str) -> Result<ServerAdmin> {
    if target.controller.address().to_string().starts_with("https:") {
        // Controllers only tell the ports that speak plain HTTP, and our password is not for everybody on the way.
        return Err(Error::unsupported("servers of a cluster with TLS do not tell where they can be asked"));
    }
    let instance = target.controller.instance(name).await?;
    let port = instance.admin_port.ok_or_else(|| Error::not_found("the controller does not tell the admin port"))?;
    let host = if instance.host.contains(':') { format!("[{}]", instance.host) } else { instance.host };
    Ok(ServerAdmin::new(target.controller.http(), Address::parse(&format!("http://{host}:{port}"))?))
}

async fn ask(target: &Target, admin: ServerAdmin) -> Result<(ServerAdmin, BTreeMap<String, u64>)> {
    let table = target.table_type.of(&target.table);
    match tokio::time::timeout(LIMIT, admin.crcs(&table)).await {
        Ok(crcs) => Ok((admin, crcs?)),
        Err(_) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("no answer from {} within {} s", admin.address(), LIMIT.as_secs()),
        )),
    }
}
