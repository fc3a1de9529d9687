//! Errors of documents that name the nearest known key.

use pinotage_common::Error;

/// The known word that is most like a given one.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(word, known);
    known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

/// Keeps the parser's place, adds the nearest key.
pub(crate) fn document_error(document: &str, message: &str) -> Error {
    let summary = message.lines().next().unwrap_or(message);
    let error = Error::invalid_config(format!("cannot read {document}: {summary}"));
    let Some((_, rest)) = summary.split_once("unknown field `") else { return error };
    let (unknown, rest) = rest.split_once('`').unwrap_or((rest, ""));
    let known =
        rest.rsplit_once("expected one of ").or_else(|| rest.rsplit_once("expected ")).map_or(rest, |(_, known)| known);
    let keys = known.split(", ").flat_map(|keys| keys.split(" or ")).map(|key| key.trim_matches('`'));
    match nearest(unknown, keys).filter(|nearest| !nearest.is_empty()) {
        Some(nearest) => error.action(format!("write `{nearest}` instead of `{unknown}`, or remove the key")),
        None => error.action(format!("remove the key `{unknown}`")),
    }
}
