//! Parts of URLs, and URLs without some of them.

use std::borrow::Cow;

use serde_json::Value;

use super::super::column::{Cell, Kind};
use super::super::function::{Answer, Function, Row};
use super::uri::{Parts, Uri};
use super::{STRING, STRINGS, plain};

fn uri<'a>(row: &Row<'a>) -> Option<Uri<'a>> {
    Uri::parse(row.text(0))
}

/// A part of a URL; null where it has none, or is none.
fn part<'a>(row: Row<'a>, part: impl FnOnce(&Uri<'a>) -> Option<Cow<'a, str>>) -> Answer<'a> {
    Ok(Cell::perhaps(uri(&row).and_then(|uri| part(&uri)), Cell::Text))
}

/// `String.split` by one character: the empty parts at the end are left out.
fn split(text: &str, by: char) -> Vec<&str> {
    let mut parts: Vec<&str> = text.split(by).collect();
    while parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    // Nothing but separators has no part at all.
    if parts == [""] && !text.is_empty() {
        parts.clear();
    }
    parts
}

/// The labels of the host, which has at least one.
fn labels<'a>(row: &Row<'a>) -> Option<Vec<&'a str>> {
    Some(split(uri(row)?.host?, '.')).filter(|labels| !labels.is_empty())
}

/// How many labels from the end make the name that somebody registered.
fn registered(labels: &[&str]) -> usize {
    match labels {
        [_, _, .., "com" | "net" | "org" | "co"] => 2,
        _ => labels.len().min(3),
    }
}

fn strings<'a>(items: impl IntoIterator<Item = impl Into<String>>) -> Answer<'a> {
    Ok(Cell::value(items.into_iter().map(|item| Value::String(item.into())).collect::<Vec<_>>()))
}

/// The parameters of the query.
fn parameters(row: &Row<'_>) -> Vec<String> {
    let query = uri(row).and_then(|uri| uri.query());
    query.map_or(Vec::new(), |query| split(&query, '&').into_iter().map(str::to_owned).collect())
}

/// The URL without some part; as it is where that makes none.
fn without<'a>(row: Row<'a>, change: impl FnOnce(&mut Parts)) -> Answer<'a> {
    let made = uri(&row).map(|uri| uri.parts()).and_then(|mut parts| {
        change(&mut parts);
        parts.text()
    });
    Ok(Cell::Text(made.map_or(Cow::Borrowed(row.text(0)), Cow::Owned)))
}

/// `cutURLParameter`
fn without_parameter(url: &str, name: &str) -> Option<String> {
    let uri = Uri::parse(url)?;
    let query = uri.query().filter(|query| !query.is_empty())?;
    let mut kept: Vec<&str> = Vec::new();
    for parameter in split(&query, '&') {
        let key = super::bytes::decode_url(parameter.split('=').next().unwrap_or_default())?;
        if key != name {
            kept.push(parameter);
        }
    }
    let query = kept.join("&");
    // What is empty so far gets no separator behind it.
    let query = query.trim_start_matches('&').to_owned();
    let mut parts = uri.parts();
    parts.query = Some(query).filter(|query| !query.is_empty());
    parts.text()
}

pub(crate) const ALL: &[Function] = &[
    plain(&["urlProtocol"], &[STRING], Kind::String, "`https`", |row| part(row, |uri| uri.scheme.map(Cow::Borrowed))),
    plain(&["urlDomain"], &[STRING], Kind::String, "the host", |row| part(row, |uri| uri.host.map(Cow::Borrowed))),
    plain(&["urlDomainWithoutWWW"], &[STRING], Kind::String, "", |row| {
        part(row, |uri| uri.host.map(|host| Cow::Borrowed(host.strip_prefix("www.").unwrap_or(host))))
    }),
    plain(&["urlTopLevelDomain"], &[STRING], Kind::String, "the last label of the host", |row| {
        Ok(Cell::perhaps(labels(&row).and_then(|labels| labels.last().copied()), |label| Cell::Text(label.into())))
    }),
    plain(&["urlFirstSignificantSubdomain"], &[STRING], Kind::String, "`example` of `www.example.com`", |row| {
        let label = labels(&row).and_then(|labels| match labels.len() {
            0..=2 => labels.first().copied(),
            len => labels.get(len - registered(&labels)).copied(),
        });
        Ok(Cell::perhaps(label, |label| Cell::Text(label.into())))
    }),
    plain(&["cutToFirstSignificantSubdomain"], &[STRING], Kind::String, "`example.com`", |row| {
        let cut = labels(&row).map(|labels| match labels.len() {
            0..=2 => uri(&row).and_then(|uri| uri.host).unwrap_or_default().to_owned(),
            len => labels[len - registered(&labels)..].join("."),
        });
        Ok(Cell::perhaps(cut, Cell::text))
    }),
    plain(&["cutToFirstSignificantSubdomainWithWWW"], &[STRING], Kind::String, "with `www.` before it", |row| {
        let cut = labels(&row).map(|labels| {
            let registered = registered(&labels);
            match labels.as_slice() {
                [] | [_] | [_, _] => uri(&row).and_then(|uri| uri.host).unwrap_or_default().to_owned(),
                ["www", rest @ ..] if rest.len() == registered => labels.join("."),
                labels => labels[labels.len() - registered..].join("."),
            }
        });
        Ok(Cell::perhaps(cut, Cell::text))
    }),
    plain(&["urlPort"], &[STRING], Kind::Int, "-1 where there is none", |row| {
        Ok(Cell::Int(uri(&row).and_then(|uri| uri.port).unwrap_or(-1)))
    }),
    plain(&["urlPath"], &[STRING], Kind::String, "the path, decoded", |row| {
        part(row, |uri| uri.path().filter(|_| uri.scheme.is_some() && uri.host.is_some()))
    }),
    plain(
        &["urlPathWithQuery"],
        &[STRING],
        Kind::String,
        "the path as it stands; Pinot leaves the query out too",
        |row| part(row, |uri| uri.path.filter(|_| uri.scheme.is_some() && uri.host.is_some()).map(Cow::Borrowed)),
    ),
    plain(&["urlQueryString"], &[STRING], Kind::String, "as it stands, without `?`", |row| {
        part(row, |uri| uri.query.map(Cow::Borrowed))
    }),
    plain(&["urlFragment"], &[STRING], Kind::String, "behind `#`, decoded", |row| part(row, Uri::fragment)),
    plain(&["urlQueryStringAndFragment"], &[STRING], Kind::String, "both, decoded", |row| {
        part(row, |uri| match (uri.query(), uri.fragment()) {
            (Some(query), Some(fragment)) if !query.is_empty() => Some(format!("{query}#{fragment}").into()),
            (_, Some(fragment)) => Some(fragment),
            (query, None) => query,
        })
    }),
    plain(&["urlNetloc"], &[STRING], Kind::String, "`user:password@host:port`", |row| {
        part(row, |uri| {
            let user = uri.user().filter(|user| !user.is_empty()).map(|user| format!("{user}@"));
            let port = uri.port.map(|port| format!(":{port}"));
            Some([user.as_deref(), uri.host, port.as_deref()].into_iter().flatten().collect::<String>().into())
        })
    }),
    plain(&["extractURLParameter"], &[STRING, STRING], Kind::String, "its value, or an empty text", |row| {
        let value = parameters(&row).into_iter().find_map(|parameter| {
            let (key, value) = parameter.split_once('=').unwrap_or((&parameter, ""));
            (key == row.text(1)).then(|| value.to_owned())
        });
        Ok(Cell::text(value.unwrap_or_default()))
    }),
    plain(&["extractURLParameters"], &[STRING], Kind::Strings, "`a=1` of each", |row| strings(parameters(&row))),
    plain(&["extractURLParameterNames"], &[STRING], Kind::Strings, "", |row| {
        strings(parameters(&row).iter().map(|parameter| parameter.split('=').next().unwrap_or_default()))
    }),
    plain(&["urlHierarchy"], &[STRING], Kind::Strings, "the URLs above it, and itself", |row| {
        let Some((uri, scheme, host)) = uri(&row).and_then(|uri| Some((uri, uri.scheme?, uri.host?))) else {
            return strings([] as [String; 0]);
        };
        let mut above = format!("{scheme}://{host}");
        let mut all = vec![above.clone()];
        let path = uri.path().unwrap_or_default();
        for part in split(&path, '/').into_iter().skip(1) {
            above = format!("{above}/{part}");
            all.push(above.clone());
        }
        // Of a path of slashes Pinot's fails.
        strings(if !path.is_empty() && split(&path, '/').is_empty() { Vec::new() } else { all })
    }),
    plain(&["urlPathHierarchy"], &[STRING], Kind::Strings, "the paths above its path, and itself", |row| {
        let path = uri(&row).and_then(|uri| uri.path()).unwrap_or_default();
        let mut above = String::new();
        let parts = split(&path, '/').into_iter().skip(1);
        strings(parts.map(|part| {
            above = format!("{above}/{part}");
            above.clone()
        }))
    }),
    plain(&["cutWWW"], &[STRING], Kind::String, "without `www.`; a URL that is none stays, here and below", |row| {
        without(row, |parts| {
            if let Some(host) = parts.host.as_deref().and_then(|host| host.strip_prefix("www.")) {
                parts.host = Some(host.to_owned());
            }
        })
    }),
    plain(&["cutQueryString"], &[STRING], Kind::String, "without its query", |row| {
        without(row, |parts| parts.query = None)
    }),
    plain(&["cutFragment"], &[STRING], Kind::String, "without its fragment", |row| {
        without(row, |parts| parts.fragment = None)
    }),
    plain(&["cutQueryStringAndFragment"], &[STRING], Kind::String, "without both", |row| {
        without(row, |parts| (parts.query, parts.fragment) = (None, None))
    }),
    plain(&["cutURLParameter"], &[STRING, STRING], Kind::String, "without a parameter of its query", |row| {
        let cut = without_parameter(row.text(0), row.text(1));
        Ok(Cell::Text(cut.map_or(Cow::Borrowed(row.text(0)), Cow::Owned)))
    }),
    plain(&["cutURLParameters"], &[STRING, STRINGS], Kind::String, "without several", |row| {
        let names = row.list(1).iter().filter_map(Value::as_str);
        Ok(Cell::text(names.fold(row.text(0).to_owned(), |url, name| without_parameter(&url, name).unwrap_or(url))))
    }),
];
