//! Who reads: servers or this process.

use pinotage_common::{Error, ErrorKind, Result};

use crate::options::Reader;

/// A table's answer above this is read directly: servers have better to do.
pub(crate) const LARGE_BYTES: u64 = 64 << 20;

/// What is known of one half of a table before it is decided who reads it.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Why servers cannot give all of its rows as they are.
    pub(crate) against_servers: Option<String>,
    /// Why this process cannot read its segments.
    pub(crate) against_direct: Option<String>,
    /// Segments that no server has loaded.
    pub(crate) without_server: usize,
    /// Servers know which of its rows count; whoever reads its segments has to ask them.
    pub(crate) upsert: bool,
    /// Segments that only servers have, such as those that are still growing.
    pub(crate) only_on_servers: usize,
    /// The answer's expected bytes.
    pub(crate) expected_bytes: u64,
    /// There is a filter, and servers have no index for it.
    pub(crate) unindexed_filter: bool,
}

/// Who reads, and why.
///
/// # Errors
///
/// `unsupported` when nobody can read the table exactly, or not the reader that was asked for.
pub(crate) fn choose(wanted: Reader, table: &str, facts: &Facts) -> Result<(Reader, String)> {
    let refused = |reasons: &[&String], advice: &str| {
        let reasons: Vec<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
        Err(Error::new(ErrorKind::Unsupported, reasons.join("; "))
            .with("table", table)
            .with("reader", wanted.name())
            .action(advice))
    };
    match (wanted, &facts.against_servers, &facts.against_direct) {
        (Reader::Server, None, _) => Ok((Reader::Server, "asked for".into())),
        (Reader::Server, Some(reason), None) => refused(&[reason], "read with `reader=direct`"),
        (Reader::Direct, _, None) => Ok((Reader::Direct, "asked for".into())),
        (Reader::Direct | Reader::Auto, None, Some(reason)) => Ok((Reader::Server, reason.clone())),
        (_, Some(servers), Some(direct)) => {
            refused(&[servers, direct], "set `nulls: default` if nulls may be read as default values")
        }
        (Reader::Auto, Some(reason), None) => Ok((Reader::Direct, reason.clone())),
        (Reader::Auto, None, None) => Ok(if facts.upsert {
            (Reader::Server, "servers know which rows of an upsert table count".into())
        } else if facts.only_on_servers > 0 {
            (Reader::Server, format!("{} segments are only on servers", facts.only_on_servers))
        } else if facts.without_server > 0 {
            (Reader::Direct, format!("no server has loaded {} segments", facts.without_server))
        } else if facts.expected_bytes > LARGE_BYTES {
            (Reader::Direct, format!("about {} MiB are expected", facts.expected_bytes >> 20))
        } else if facts.unindexed_filter {
            (Reader::Direct, "servers have no index for the filter".into())
        } else {
            (Reader::Server, format!("only about {} KiB are expected", facts.expected_bytes.div_ceil(1024)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_the_rule_of_the_guide() {
        let auto = |facts: Facts| choose(Reader::Auto, "t", &facts).map(|(reader, _)| reader);
        let server = |text: &str| Facts { against_servers: Some(text.into()), ..Facts::default() };
        assert_eq!(auto(Facts::default()).unwrap(), Reader::Server);
        assert_eq!(auto(Facts { expected_bytes: LARGE_BYTES + 1, ..Facts::default() }).unwrap(), Reader::Direct);
        assert_eq!(auto(Facts { unindexed_filter: true, ..Facts::default() }).unwrap(), Reader::Direct);
        let growing =
            Facts { only_on_servers: 1, expected_bytes: u64::MAX, unindexed_filter: true, ..Facts::default() };
        assert_eq!(auto(growing).unwrap(), Reader::Server);
        let away = Facts { without_server: 1, ..Facts::default() };
        assert_eq!(auto(away).unwrap(), Reader::Direct);
        let large = || Facts { expected_bytes: u64::MAX, ..Facts::default() };
        assert_eq!(auto(Facts { upsert: true, ..large() }).unwrap(), Reader::Server);
        assert_eq!(auto(Facts { against_direct: Some("encrypted".into()), ..large() }).unwrap(), Reader::Server);
        assert_eq!(auto(server("no nulls")).unwrap(), Reader::Direct);
        let none = Facts { against_direct: Some("encrypted".into()), ..server("no nulls") };
        assert_eq!(auto(none).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(choose(Reader::Server, "t", &server("no nulls")).unwrap_err().message(), "no nulls");
        assert_eq!(choose(Reader::Direct, "t", &server("no nulls")).unwrap().0, Reader::Direct);
    }
}
