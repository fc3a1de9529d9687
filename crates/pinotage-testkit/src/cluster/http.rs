//! Plain HTTP of a test: nothing here is under test.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::{TlsFiles, User};

/// A client that is let in, or not.
pub struct Http {
    agent: Agent,
    authorization: Option<String>,
}

impl Http {
    /// Trusts the authority of a cluster with TLS; shows the client's certificate, and a user, if there is one.
    pub fn new(tls: Option<&TlsFiles>, certificate: bool, user: Option<&User>) -> Self {
        // The body of a refusal says why.
        let mut config = Agent::config_builder().http_status_as_error(false);
        if let Some(files) = tls {
            let ca = Certificate::from_pem(&read(&files.ca)).unwrap();
            let own = certificate.then(|| {
                let chain = [Certificate::from_pem(&read(&files.client)).unwrap()];
                ClientCert::new_with_certs(&chain, PrivateKey::from_pem(&read(&files.client_key)).unwrap())
            });
            let roots = RootCerts::new_with_certs(&[ca]);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).client_cert(own).build());
        }
        Self { agent: config.build().into(), authorization: user.map(User::authorization) }
    }

    /// What a GET of this URL answers, or why it does not.
    pub fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        answer(url, self.with_user(self.agent.get(url)).call())
    }

    /// What a DELETE of this URL answers, or why it does not.
    pub fn delete(&self, url: &str) -> Result<Vec<u8>, String> {
        answer(url, self.with_user(self.agent.delete(url)).call())
    }

    /// What a PATCH of this URL without a body answers, or why it does not.
    pub fn patch(&self, url: &str) -> Result<Vec<u8>, String> {
        answer(url, self.with_user(self.agent.patch(url)).send_empty())
    }

    /// What a POST to this URL answers, or why it does not.
    pub fn post(&self, url: &str, content_type: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        answer(url, self.with_user(self.agent.post(url)).header("Content-Type", content_type).send(body))
    }

    /// What a POST of JSON to this URL answers, or why it does not.
    pub fn post_json(&self, url: &str, body: &Json) -> Result<Vec<u8>, String> {
        self.post(url, "application/json", body.to_string().as_bytes())
    }

    /// What a PUT of JSON to this URL answers, or why it does not.
    pub fn put_json(&self, url: &str, body: &Json) -> Result<Vec<u8>, String> {
        let request = self.with_user(self.agent.put(url)).header("Content-Type", "application/json");
        answer(url, request.send(body.to_string().as_bytes()))
    }

    fn with_user<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization),
            None => request,
        }
    }
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap()
}

fn answer(url: &str, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Vec<u8>, String> {
    let fails = |error| format!("{url}: {error}");
    let mut response = response.map_err(fails)?;
    let body = response.body_mut().read_to_vec().map_err(fails)?;
    let status = response.status();
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{url} answers {status}: {}", String::from_utf8_lossy(&body)))
    }
}
