//! How a job spec's controllers are spoken to.

use std::path::Path;

use pinotage_client::{Address, Auth, Connection, KeyStore, Timeouts, Tls, TrustStore};
use pinotage_common::{Result, TimeSpan};

use super::push::controllers;
use super::spec::{PinotClusterSpec, SegmentGenerationJobSpec};
use super::uri::Place;

/// What the command line says about controllers.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The one controller, whatever the job spec says: also for documents of the table at a controller of the job spec.
    pub controller: Option<Address>,
    /// Who asks, for a job spec without `authToken`.
    pub auth: Auth,
    /// Who runs the job.
    pub runs: Runs,
}

/// Who runs a job spec.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Runs {
    /// Our own engine.
    #[default]
    Here,
    /// Another engine, by [`Loaded::for_engine`](super::Loaded::for_engine).
    Elsewhere,
}

impl Given {
    /// Puts the controller in the place of those of the job spec.
    pub(super) fn direct(&self, spec: &mut SegmentGenerationJobSpec) {
        let Some(controller) = &self.controller else { return };
        let others = controllers(spec);
        let documents =
            spec.table_spec.iter_mut().flat_map(|table| [&mut table.schema_uri, &mut table.table_config_uri]);
        for uri in documents.flatten() {
            let path = others.iter().find_map(|other| uri.strip_prefix(other.as_str()));
            if let Some(path) = path.filter(|path| path.starts_with('/')) {
                *uri = format!("{controller}{path}");
            }
        }
        spec.pinot_cluster_specs = Some(vec![PinotClusterSpec { controller_uri: Some(controller.to_string()) }]);
    }
}

/// How controllers are spoken to, also for the documents of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    auth: Auth,
    tls: Tls,
    timeouts: Timeouts,
}

impl Access {
    pub(super) fn try_new(spec: &SegmentGenerationJobSpec, auth: Auth, working: &Path) -> Result<Self> {
        let mut access = Self { auth, ..Self::default() };
        if let Some(token) = spec.auth_token.as_ref().filter(|token| !token.expose().trim().is_empty()) {
            access.auth = Auth::Header { name: "Authorization".into(), value: token.clone() };
        }
        let Some(tls) = &spec.tls_spec else { return Ok(access) };
        let place = |option: &'static str, text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.map(|text| Place::local(option, text, working)).transpose()
        };
        access.tls.trust_store = place("tlsSpec.trustStorePath", &tls.trust_store_path)?
            .map(|path| TrustStore { path, password: tls.trust_store_password.clone() });
        access.tls.key_store = place("tlsSpec.keyStorePath", &tls.key_store_path)?.map(|path| KeyStore {
            path,
            key_path: None,
            password: tls.key_store_password.clone(),
            key_password: None,
            alias: None,
        });
        let given =
            |millis: Option<i64>| Some(millis?.clamp(0, i64::from(u32::MAX)) as u64).filter(|millis| *millis > 0);
        let timeouts = &mut access.timeouts;
        if let Some(millis) = given(tls.connect_timeout) {
            timeouts.connect = TimeSpan::millis(millis);
        }
        if let Some(read) = given(tls.read_timeout).map(TimeSpan::millis) {
            // Pinot's is the longest silence, ours are for a whole answer and a whole upload.
            timeouts.request = timeouts.request.max(read);
            timeouts.transfer = timeouts.transfer.max(read);
        }
        Ok(access)
    }

    /// The connection to a controller, or to the server of a document.
    pub(super) fn connection(&self, option: &'static str, address: &str) -> Result<Connection> {
        let address = Address::parse(address).map_err(|error| error.with("option", option))?;
        let Self { auth, tls, timeouts } = self.clone();
        Ok(Connection { auth, tls, timeouts, ..Connection::new(address) })
    }
}
