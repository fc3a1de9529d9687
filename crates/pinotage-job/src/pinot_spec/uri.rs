//! The URIs of a job spec.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use pinotage_common::{Error, Result};
use pinotage_store::Location;

/// What a URI points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file or folder of this machine, as an absolute path.
    Local(PathBuf),
    /// A document of a controller, or one file of a web server.
    Http(String),
    /// An object or a folder of an object store.
    Object(Location),
}

impl Place {
    /// Reads a URI; without a scheme it is a path, relative to the working directory.
    pub(super) fn parse(option: &'static str, text: &str, working: &Path) -> Result<Self> {
        let Some((scheme, rest)) = scheme(text) else { return Ok(Self::Local(working.join(text))) };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Self::Http(text.to_owned())),
            "file" => {
                let path = match rest.strip_prefix("//") {
                    // An authority of a `file:` URI is this machine or none.
                    Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
                    None => rest,
                };
                let path = percent_decode_str(path).decode_utf8().map_err(|error| {
                    Error::invalid_config(format!("`{text}` is no URI of a file in UTF-8"))
                        .with("option", option)
                        .caused_by(error)
                })?;
                match path.starts_with('/') {
                    true => Ok(Self::Local(PathBuf::from(path.as_ref()))),
                    false => Err(Error::invalid_config(format!("`{text}` names no absolute path"))
                        .with("option", option)
                        .action("write `file:///folder/file`, or a path without `file:`")),
                }
            }
            "hdfs" => Err(Error::unsupported("HDFS cannot be read or written without a JVM")
                .with("option", option)
                .action("copy the files to a disk or an object store first, for example with `hdfs dfs -get`")),
            _ if Location::is_uri(text) => {
                Ok(Self::Object(Location::parse(text).map_err(|error| error.with("option", option))?))
            }
            scheme => Err(Error::invalid_config(format!("expected two slashes after `{scheme}:`"))
                .with("option", option)
                .action(format!("write `{scheme}://…`, or `./` before a path with a colon"))),
        }
    }

    /// A local path.
    pub(super) fn local(option: &'static str, text: &str, working: &Path) -> Result<PathBuf> {
        match Self::parse(option, text, working)? {
            Self::Local(path) => Ok(path),
            Self::Http(_) | Self::Object(_) => Err(Error::invalid_config(format!("`{text}` is not on this machine"))
                .with("option", option)
                .action("name a file of this machine")),
        }
    }

    /// Files or a folder of them, here or in a store.
    pub(super) fn files(option: &'static str, text: &str, working: &Path) -> Result<Location> {
        match Self::parse(option, text, working)? {
            Self::Local(path) => Location::local(&path),
            Self::Http(uri) => Location::parse(&uri),
            Self::Object(at) => Ok(at),
        }
        .map_err(|error| error.with("option", option))
    }
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_paths_are_told_apart() {
        let parse = |text| Place::parse("inputDirURI", text, Path::new("/jobs"));
        for (text, path) in [
            ("examples/batch", "/jobs/examples/batch"),
            ("/data/a b", "/data/a b"),
            ("file:/data", "/data"),
            ("file:///data/a%20b", "/data/a b"),
            ("file://localhost/data", "/data"),
        ] {
            assert_eq!(parse(text).unwrap(), Place::Local(path.into()), "{text}");
        }
        assert_eq!(parse("http://c:9000/x").unwrap(), Place::Http("http://c:9000/x".into()));
        assert_eq!(parse("s3a://b/k").unwrap(), Place::Object(Location::parse("s3://b/k").unwrap()));
        for (text, expected) in
            [("s3:k", "`s3:`"), ("adl://b/k", "container"), ("hdfs:///x", "JVM"), ("file:x", "absolute")]
        {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("inputDirURI"), "{error}");
        }
    }
}
