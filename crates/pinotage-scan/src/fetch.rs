//! Where the archive of a segment comes from: the deep store, the controller, or a server that has it.

use std::path::Path;

use pinotage_client::ServerAdmin;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_store::Location;

use crate::scanner::Inner;
use crate::split::DirectSegment;

/// Nobody but servers has the archive.
pub(crate) fn is_only_peers(url: &str) -> bool {
    url.is_empty() || url.starts_with("peer:")
}

impl Inner {
    /// Writes a segment's archive to a file. `typed` is the table's name with its type and database.
    pub(crate) async fn fetch(&self, typed: &str, segment: &DirectSegment, archive: &Path) -> Result<()> {
        let mut failure = None;
        if !is_only_peers(&segment.url) {
            match self.fetch_stored(segment, archive).await {
                Err(error) if error.kind() == ErrorKind::NotFound => failure = Some(error),
                fetched => return fetched,
            }
        }
        for server in &segment.replicas {
            let fetched = match self.admin(server).await {
                Ok(admin) => admin.download_segment(typed, &segment.name, archive).await.map(drop),
                Err(error) => Err(error),
            };
            match fetched {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!(server, segment = segment.name, %error, "cannot get the segment from a server");
                    failure.get_or_insert(error);
                }
            }
        }
        let error = Error::new(ErrorKind::Unavailable, "nobody has the segment's archive any more")
            .action("read the table again: the segment may have been deleted since; if not, push it again");
        Err(match failure {
            Some(failure) => error.caused_by(failure),
            None => error,
        })
    }

    async fn fetch_stored(&self, segment: &DirectSegment, archive: &Path) -> Result<()> {
        if is_controllers(&segment.url, self.table.name(), &segment.name) {
            // By the address that we know: the one in the record need not be reachable from here.
            let table = self.controller().http().qualified(self.table.name());
            return self.controller().download_segment(&table, &segment.name, archive).await.map(drop);
        }
        let limit = segment.size_bytes.map_or(u64::MAX, |bytes| bytes.saturating_mul(2));
        let location = Location::parse(&segment.url)?;
        self.store.get(&location, archive, limit, &pinotage_store::quiet).await.map(drop)
    }

    /// The admin port of a server.
    pub(crate) async fn admin(&self, server: &str) -> Result<ServerAdmin> {
        let instance = self.controller().instance(server).await?;
        let port = instance.admin_port.ok_or_else(|| {
            Error::unsupported("the cluster does not tell the server's admin port").with("server", server)
        })?;
        let address = self.controller().address().sibling(&instance.host, port)?;
        Ok(ServerAdmin::new(self.controller().http(), address))
    }
}

/// The archive is one that the controller keeps, and not somewhere else on the web.
fn is_controllers(url: &str, table: &str, segment: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.and_then(|rest| rest.split_once("/segments/")).is_some_and(|(host, path)| {
        let mut parts = path.split('/');
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let is = |part: Option<&str>, name: &str| part.is_some_and(|part| part == name || !plain(name));
        !host.contains('/') && is(parts.next(), table) && is(parts.next(), segment) && parts.next().is_none()
    })
}
