//! The header that says who asks.

use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pinotage_common::{Error, ErrorKind, Result, Secret};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::options::Auth;

/// A token file that is longer holds something else.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// The header of a request, and the secrets in it, which no answer may bring back to the light.
pub(super) struct Authorization {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    pub(super) secrets: Vec<Secret>,
}

/// The header as of now: a token file is read again each time.
pub(super) fn authorization(auth: &Auth) -> Result<Option<Authorization>> {
    let (name, value, mut secrets) = match auth {
        Auth::None => return Ok(None),
        Auth::Basic { user, password } => {
            if user.contains(':') {
                return Err(Error::invalid_config("a user's name cannot hold a colon").with("option", "auth.user"));
            }
            let encoded = STANDARD.encode(format!("{user}:{}", password.expose()));
            (AUTHORIZATION, format!("Basic {encoded}"), vec![password.clone(), Secret::new(encoded)])
        }
        Auth::Bearer { token } => (AUTHORIZATION, format!("Bearer {}", token.expose()), vec![token.clone()]),
        Auth::TokenFile { path, header, prefix } => {
            let token = read_token(path)?;
            let value = if prefix.is_empty() { token.clone() } else { format!("{prefix} {token}") };
            (header_name(header)?, value, vec![Secret::new(token)])
        }
        Auth::Header { name, value } => (header_name(name)?, value.expose().to_owned(), vec![value.clone()]),
    };
    let mut header = HeaderValue::from_str(&value).map_err(|_| {
        Error::invalid_config("the password or token has a line break or another character that no header can hold")
            .with("option", "auth")
    })?;
    header.set_sensitive(true);
    secrets.retain(|secret| !secret.expose().is_empty());
    Ok(Some(Authorization { name, value: header, secrets }))
}

fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::try_from(name)
        .map_err(|_| Error::invalid_config(format!("`{name}` cannot be the name of a header")).with("option", "auth"))
}

fn read_token(path: &Path) -> Result<String> {
    let failed = |error| Error::io(error, "cannot read the token file", path);
    let mut token = String::new();
    std::fs::File::open(path).map_err(failed)?.take(MAX_TOKEN_BYTES + 1).read_to_string(&mut token).map_err(failed)?;
    let bad = |kind, what: &str| Error::new(kind, format!("the token file {what}")).with("file", path.display());
    if token.len() as u64 > MAX_TOKEN_BYTES {
        return Err(bad(ErrorKind::InvalidConfig, "is longer than 64 KiB: it cannot be a token"));
    }
    match token.trim() {
        // A writer may be about to fill it.
        "" => Err(bad(ErrorKind::Unavailable, "is empty")),
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(auth: &Auth) -> String {
        authorization(auth).unwrap().unwrap().value.to_str().unwrap().to_owned()
    }

    #[test]
    fn headers_are_pinots() {
        let basic = Auth::Basic { user: "admin".into(), password: Secret::new("verysecret") };
        assert_eq!(value(&basic), "Basic YWRtaW46dmVyeXNlY3JldA==");
        assert_eq!(value(&Auth::Bearer { token: Secret::new("t") }), "Bearer t");
        assert_eq!(value(&Auth::Header { name: "X-Key".into(), value: Secret::new("as it is") }), "as it is");
        assert!(authorization(&Auth::None).unwrap().is_none());
    }

    #[test]
    fn a_token_file_is_read_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let auth = Auth::TokenFile { path: path.clone(), header: "Authorization".into(), prefix: "Bearer".into() };
        assert_eq!(authorization(&auth).err().unwrap().kind(), ErrorKind::NotFound);
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(value(&auth), "Bearer one");
        std::fs::write(&path, "two\n").unwrap();
        assert_eq!(value(&auth), "Bearer two");
        std::fs::write(&path, " \n").unwrap();
        assert_eq!(authorization(&auth).err().unwrap().kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn secrets_that_no_header_can_hold_are_not_shown() {
        let error = authorization(&Auth::Bearer { token: Secret::new("hunter\n2") }).err().unwrap();
        assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
    }
}
