//! `java.net.URI`: RFC 2396 with the liberties that Java takes.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A URI that Java takes for one, in its parts as they stand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uri<'a> {
    pub(super) scheme: Option<&'a str>,
    user: Option<&'a str>,
    pub(super) host: Option<&'a str>,
    pub(super) port: Option<i32>,
    pub(super) path: Option<&'a str>,
    pub(super) query: Option<&'a str>,
    fragment: Option<&'a str>,
    /// Whoever is asked is no server.
    is_registry: bool,
}

/// The parts of a URI, decoded.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    scheme: Option<String>,
    user: Option<String>,
    pub(super) host: Option<String>,
    port: Option<i32>,
    path: Option<String>,
    pub(super) query: Option<String>,
    pub(super) fragment: Option<String>,
}

/// Signs beside letters, digits and what is escaped.
const MARKS: &str = "_-!.~'()*";
const USER: &str = "_-!.~'()*;:&=+$,";
const SERVER: &str = "_-!.~'()*;:&=+$,@[]";
const REGISTRY: &str = "_-!.~'()*$,;:@&=+";
const PATH: &str = "_-!.~'()*:@&=+$,;/";
const ANY: &str = "_-!.~'()*;/?:@&=+$,[]";

/// Whether all of a text is of a class; `None` for a `%` without two digits.
fn all(text: &str, marks: &str) -> Option<bool> {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        match c {
            '%' => {
                let digits = rest.as_bytes().get(1..3)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                len = 3;
            }
            // As Java compares: the sign with the number 128 is none of them.
            c if c as u32 > 128 && !is_space(c) && !is_control(c) => {}
            c if c.is_ascii_alphanumeric() || marks.contains(c) => {}
            _ => return Some(false),
        }
        rest = rest.get(len..)?;
    }
    Some(true)
}

/// `Character.isSpaceChar`
fn is_space(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// `Character.isISOControl`
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}')
}

/// The text must be of a class.
fn check(text: &str, marks: &str) -> Option<()> {
    all(text, marks)?.then_some(())
}

impl<'a> Uri<'a> {
    /// Reads a URI; `None` for a text that Java refuses.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.is_empty() {
            // Java takes it for a path.
            return Some(Self { path: Some(text), ..Self::default() });
        }
        let mut uri = Self::default();
        let (rest, fragment) = match text.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (text, None),
        };
        let colon = rest.find([':', '/', '?']).filter(|at| rest.as_bytes().get(*at) == Some(&b':'));
        let rest = match colon {
            None => rest,
            Some(at) => {
                let (scheme, rest) = (rest.get(..at)?, rest.get(at + 1..)?);
                let is_sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
                if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(is_sign) {
                    return None;
                }
                uri.scheme = Some(scheme);
                rest
            }
        };
        if uri.scheme.is_some() && !rest.starts_with('/') {
            if rest.is_empty() {
                return None;
            }
            check(rest, ANY)?;
        } else {
            let (rest, query) = match rest.split_once('?') {
                Some((rest, query)) => (rest, Some(query)),
                None => (rest, None),
            };
            let path = match rest.strip_prefix("//") {
                None => rest,
                Some(behind) => {
                    let at = behind.find('/').unwrap_or(behind.len());
                    let (authority, path) = (behind.get(..at)?, behind.get(at..)?);
                    if authority.is_empty() && path.is_empty() && query.is_none() && fragment.is_none() {
                        return None;
                    }
                    if !authority.is_empty() {
                        uri.authority(authority)?;
                    }
                    path
                }
            };
            check(path, PATH)?;
            if let Some(query) = query {
                check(query, ANY)?;
            }
            (uri.path, uri.query) = (Some(path), query);
        }
        if let Some(fragment) = fragment {
            check(fragment, ANY)?;
        }
        uri.fragment = fragment;
        Some(uri)
    }

    /// A server, or else a name in some registry.
    fn authority(&mut self, text: &'a str) -> Option<()> {
        let server = match text.contains(']') {
            // A scope may have a `%` of its own.
            true => text.chars().all(|c| c == '%' || all(c.encode_utf8(&mut [0; 4]), SERVER) == Some(true)),
            false => all(text, SERVER)?,
        };
        if server && self.server(text).is_some() {
            return Some(());
        }
        (self.user, self.host, self.port) = (None, None, None);
        check(text, REGISTRY)?;
        self.is_registry = true;
        Some(())
    }

    fn server(&mut self, text: &'a str) -> Option<()> {
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        if let Some(user) = user {
            check(user, USER)?;
        }
        let (host, rest) = match rest.strip_prefix('[') {
            Some(behind) => {
                let end = behind.find(']').filter(|end| *end > 0)?;
                let (address, scope) = match behind.get(..end)?.split_once('%') {
                    Some((address, scope)) => (address, Some(scope)),
                    None => (behind.get(..end)?, None),
                };
                let is_scope = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
                if scope.is_some_and(|scope| scope.is_empty() || !scope.chars().all(is_scope)) {
                    return None;
                }
                address.parse::<std::net::Ipv6Addr>().ok()?;
                rest.split_at_checked(end + 2)?
            }
            None => rest.split_at_checked(rest.find(':').unwrap_or(rest.len()))?,
        };
        if !host.starts_with('[') && !is_address(host) && !is_host_name(host) {
            return None;
        }
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        (self.user, self.host, self.port) = (user, Some(host), port);
        Some(())
    }

    pub(super) fn user(&self) -> Option<Cow<'a, str>> {
        self.user.map(decode)
    }

    pub(super) fn path(&self) -> Option<Cow<'a, str>> {
        self.path.map(decode)
    }

    pub(super) fn query(&self) -> Option<Cow<'a, str>> {
        self.query.map(decode)
    }

    pub(super) fn fragment(&self) -> Option<Cow<'a, str>> {
        self.fragment.map(decode)
    }

    /// The parts that Java's getters give.
    pub(super) fn parts(&self) -> Parts {
        Parts {
            scheme: self.scheme.map(str::to_owned),
            user: self.user().map(Cow::into_owned),
            host: self.host.map(str::to_owned),
            port: self.port,
            path: self.path().map(Cow::into_owned),
            query: self.query().map(Cow::into_owned),
            fragment: self.fragment().map(Cow::into_owned),
        }
    }
}

/// `URI.decode`
fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Four numbers of a byte each.
fn is_address(host: &str) -> bool {
    let is_byte = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|c| c.is_ascii_digit())
            && text.parse::<i32>().is_ok_and(|byte| byte <= 255)
    };
    host.split('.').count() == 4 && host.split('.').all(is_byte)
}

/// Labels of letters, digits and hyphens, the last of which begins with a letter if there are several.
fn is_host_name(host: &str) -> bool {
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    let is_label = |label: &&str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let last_is_alpha = labels.last().is_some_and(|label| label.starts_with(|c: char| c.is_ascii_alphabetic()));
    labels.iter().all(is_label) && (labels.len() == 1 || last_is_alpha)
}

impl Parts {
    /// `new URI(scheme, userInfo, host, port, path, query, fragment).toString()`; `None` where Java throws.
    pub(super) fn text(&self) -> Option<String> {
        let mut out = String::new();
        if let Some(scheme) = &self.scheme {
            out.push_str(scheme);
            out.push(':');
            if self.path.as_ref().is_some_and(|path| !path.is_empty() && !path.starts_with('/')) {
                return None;
            }
        }
        if let Some(host) = &self.host {
            out.push_str("//");
            if let Some(user) = &self.user {
                quote(user, USER, &mut out);
                out.push('@');
            }
            out.push_str(host);
            if let Some(port) = self.port {
                out.push_str(&format!(":{port}"));
            }
        }
        quote(self.path.as_deref().unwrap_or_default(), PATH, &mut out);
        if let Some(query) = &self.query {
            out.push('?');
            quote(query, ANY, &mut out);
        }
        if let Some(fragment) = &self.fragment {
            out.push('#');
            quote(fragment, ANY, &mut out);
        }
        let is_one = Uri::parse(&out).is_some_and(|uri| !uri.is_registry);
        is_one.then_some(out)
    }
}

/// `URI.quote`: what is not of the class is escaped, signs beyond ASCII only where they are blanks or controls.
fn quote(text: &str, marks: &str, out: &mut String) {
    debug_assert!(marks.starts_with(MARKS));
    for c in text.chars() {
        let plain = match c.is_ascii() {
            true => c.is_ascii_alphanumeric() || marks.contains(c),
            false => !is_space(c) && !is_control(c),
        };
        if plain {
            out.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
        }
    }
}
