//! Texts. Positions and lengths count UTF-16 units, as Java's do; half a surrogate pair that is left over is `?`, which is
//! how Java writes it.

use pinotage_spec::java::{compare_utf16, utf16_len};
use serde_json::Value;

use super::super::column::{Cell, Kind};
use super::super::function::{Answer, Function, Prepared, Row, Want};
use super::{INT, STRING, STRINGS, nullable, plain};

/// The longest text that a function makes; Java would run out of memory instead.
const MAX_LEN: usize = 16 << 20;

fn too_long() -> String {
    format!("a length beyond {MAX_LEN}")
}

/// Some units of a text.
fn units(text: &str, start: usize, end: usize) -> Cell<'_> {
    if text.is_ascii() {
        return Cell::Text(text.get(start..end).unwrap_or_default().into());
    }
    let units = text.encode_utf16().skip(start).take(end.saturating_sub(start));
    Cell::text(char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect::<String>())
}

/// `StringUtils.substring`
fn substring(text: &str, start: i64, end: Option<i64>) -> Cell<'_> {
    let len = utf16_len(text) as i64;
    let from_end = |at: i64| if at < 0 { len + at } else { at };
    let end = end.map_or(len, from_end).min(len);
    let start = from_end(start);
    if start > end {
        return Cell::Text("".into());
    }
    units(text, start.max(0) as usize, end.max(0) as usize)
}

/// The position of a byte, in units.
fn position(text: &str, byte: usize) -> i32 {
    utf16_len(text.get(..byte).unwrap_or_default()) as i32
}

/// `StringUtils.ordinalIndexOf`; occurrences may overlap.
fn ordinal(text: &str, find: &str, occurrence: i32) -> i32 {
    if occurrence <= 0 {
        return -1;
    }
    if find.is_empty() {
        return 0;
    }
    let mut from = 0;
    for count in 1..=occurrence {
        let Some(at) = text.get(from..).and_then(|rest| rest.find(find)) else { return -1 };
        if count == occurrence {
            return position(text, from + at);
        }
        from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
    }
    -1
}

/// `lastIndexOf` of what begins at a unit or before it.
fn last(text: &str, find: &str, start: i64) -> i32 {
    if start < 0 {
        return -1;
    }
    let mut at = text.len();
    loop {
        let Some(found) = text.get(..at).and_then(|_| rfind(text, find, at)) else { return -1 };
        let unit = position(text, found);
        if i64::from(unit) <= start {
            return unit;
        }
        match text[..found].char_indices().next_back() {
            Some((before, _)) => at = before,
            None => return -1,
        }
    }
}

/// The last place, no later than a byte, where a text is.
fn rfind(text: &str, find: &str, at: usize) -> Option<usize> {
    let mut end = (at + find.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    text[..end].rfind(find)
}

/// `StringUtils.splitByWholeSeparator`
fn split<'a>(text: &'a str, separator: &str, limit: i32) -> Vec<&'a str> {
    if text.is_empty() {
        return Vec::new();
    }
    if separator.is_empty() {
        let mut parts = Vec::new();
        let mut rest = text.trim_start_matches(is_blank);
        while !rest.is_empty() {
            let end = rest.find(is_blank).unwrap_or(rest.len());
            if parts.len() as i64 + 1 == i64::from(limit) {
                parts.push(rest);
                break;
            }
            parts.push(&rest[..end]);
            rest = rest[end..].trim_start_matches(is_blank);
        }
        return parts;
    }
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    while end < text.len() {
        match text[begin..].find(separator).map(|at| begin + at) {
            None => {
                parts.push(&text[begin..]);
                break;
            }
            Some(at) if at > begin => {
                if parts.len() as i64 + 1 == i64::from(limit) {
                    parts.push(&text[begin..]);
                    break;
                }
                parts.push(&text[begin..at]);
                begin = at + separator.len();
                end = at;
            }
            Some(at) => {
                begin = at + separator.len();
                end = at;
            }
        }
    }
    parts
}

/// `Character.isWhitespace`
fn is_blank(c: char) -> bool {
    let no_break = matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}');
    (c.is_whitespace() && !no_break) || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strings<'a>(parts: Vec<&str>) -> Cell<'a> {
    Cell::value(parts.into_iter().map(Value::from).collect::<Vec<_>>())
}

/// `splitPart`, which gives the text `null` where there is no such part.
fn part<'a>(parts: &[&'a str], index: i32) -> Cell<'a> {
    let at = if index < 0 { parts.len() as i64 + i64::from(index) } else { i64::from(index) };
    let part = usize::try_from(at).ok().and_then(|at| parts.get(at));
    Cell::Text(part.copied().unwrap_or("null").into())
}

/// The padding that a text needs for a length.
fn padding(text: &str, size: i32, pad: &str) -> Result<String, String> {
    let size = usize::try_from(size).unwrap_or(0);
    if size > MAX_LEN {
        return Err(too_long());
    }
    let missing = size.saturating_sub(utf16_len(text));
    let pad = if pad.is_empty() { " " } else { pad };
    let units: Vec<u16> = pad.encode_utf16().cycle().take(missing).collect();
    Ok(char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect())
}

fn repeated(text: &str, separator: &str, times: i32) -> Answer<'static> {
    let times = usize::try_from(times).unwrap_or(0);
    if (text.len() + separator.len()).saturating_mul(times) > MAX_LEN {
        return Err(too_long());
    }
    if text.is_empty() && separator.is_empty() {
        return Ok(Cell::text(String::new()));
    }
    Ok(Cell::text(vec![text; times].join(separator)))
}

fn initcap(text: &str) -> String {
    let single = |mut mapped: Box<dyn Iterator<Item = char>>, c: char| match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        // What becomes several characters stays as it is.
        _ => c,
    };
    let mut next_is_first = true;
    text.chars()
        .map(|c| {
            if is_blank(c) {
                next_is_first = true;
                return c;
            }
            let first = std::mem::replace(&mut next_is_first, false);
            match (c.len_utf16(), first) {
                (2, _) => c,
                // Its simple mapping, which Java takes here.
                (_, false) if c == '\u{130}' => 'i',
                (_, true) => single(Box::new(c.to_uppercase()), c),
                (_, false) => single(Box::new(c.to_lowercase()), c),
            }
        })
        .collect()
}

fn trim<'a>(row: Row<'a>) -> Answer<'a> {
    let (end, characters, mut text) = (row.text(0), row.text(1), row.text(2));
    if matches!(end, "BOTH" | "LEADING") {
        text = text.trim_start_matches(|c| characters.contains(c));
    }
    if matches!(end, "BOTH" | "TRAILING") {
        text = text.trim_end_matches(|c| characters.contains(c));
    }
    Ok(Cell::Text(text.into()))
}

/// `\s` of Java's regular expressions.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

fn distance(a: &str, b: &str) -> Answer<'static> {
    let (a, b): (Vec<u16>, Vec<u16>) = (a.encode_utf16().collect(), b.encode_utf16().collect());
    if a.len().saturating_mul(b.len()) > 100 << 20 {
        return Err("texts that are too long to compare".into());
    }
    let mut above: Vec<i32> = (0..=b.len() as i32).collect();
    for (i, x) in a.iter().enumerate() {
        let mut left = i as i32 + 1;
        let mut diagonal = std::mem::replace(&mut above[0], left);
        for (y, cell) in b.iter().zip(above.iter_mut().skip(1)) {
            let best = (*cell + 1).min(left + 1).min(diagonal + i32::from(x != y));
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
    }
    Ok(Cell::Int(above.last().copied().unwrap_or(0)))
}

/// `String.compareTo`, with the difference as its number.
fn compare(a: &str, b: &str) -> i32 {
    let different = a.encode_utf16().zip(b.encode_utf16()).find(|(x, y)| x != y);
    match different {
        Some((x, y)) => i32::from(x) - i32::from(y),
        None => utf16_len(a) as i32 - utf16_len(b) as i32,
    }
}

fn regex_extract<'a>(row: Row<'a>, group: i32, default: &'a str) -> Answer<'a> {
    let Some(Prepared::Regex(regex)) = row.prepared(1) else { return Err("no pattern".into()) };
    let found = regex.captures(row.text(0));
    Ok(match (found, usize::try_from(group)) {
        (_, Err(_)) => return Err(format!("the group {group}")),
        (Some(found), Ok(group)) if group < found.len() => {
            Cell::perhaps(found.get(group), |found| Cell::Text(found.as_str().into()))
        }
        _ => Cell::Text(default.into()),
    })
}

/// `Matcher.appendReplacement`: `$1` is a group, a backslash quotes.
fn replacement(template: &str, found: &regex::Captures<'_>, out: &mut String) -> Result<(), String> {
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().ok_or("a backslash at the end of the replacement")?),
            '$' => {
                let first = chars.next().and_then(|c| c.to_digit(10)).ok_or("a `$` without the number of a group")?;
                let mut group = first as usize;
                if group >= found.len() {
                    return Err(format!("the group {group} in the replacement"));
                }
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    let more = group * 10 + digit as usize;
                    if more >= found.len() {
                        break;
                    }
                    group = more;
                    chars.next();
                }
                out.push_str(found.get(group).map_or("", |found| found.as_str()));
            }
            c => out.push(c),
        }
    }
    Ok(())
}

fn regex_replace<'a>(row: Row<'a>) -> Answer<'a> {
    let Some(Prepared::Regex(regex)) = row.prepared(1) else { return Err("no pattern".into()) };
    let text = row.text(0);
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for found in regex.captures_iter(text) {
        let Some(all) = found.get(0) else { continue };
        out.push_str(&text[end..all.start()]);
        replacement(row.text(2), &found, &mut out)?;
        if out.len() > MAX_LEN {
            return Err(too_long());
        }
        end = all.end();
    }
    out.push_str(&text[end..]);
    Ok(Cell::text(out))
}

fn affixes<'a>(text: &'a str, most: i32, piece: fn(&'a str, usize, usize) -> Cell<'a>) -> Answer<'a> {
    let len = utf16_len(text);
    let count = usize::try_from(most).map_err(|_| "a negative length")?.min(len);
    if count.saturating_mul(count) > MAX_LEN {
        return Err(too_long());
    }
    let items = (1..=count).map(|size| match piece(text, len, size) {
        Cell::Text(text) => Value::from(text.into_owned()),
        _ => Value::Null,
    });
    Ok(Cell::value(items.collect::<Vec<_>>()))
}

/// `affixes`, each with a text beside it; alone where that is null.
fn with_affix<'a>(
    row: Row<'a>,
    piece: fn(&'a str, usize, usize) -> Cell<'a>,
    join: fn(&str, &str) -> String,
) -> Answer<'a> {
    if matches!((row.cell(0), row.cell(1)), (Cell::Null, _) | (_, Cell::Null)) {
        return Err("null".into());
    }
    let items = affixes(row.text(0), row.int(1), piece)?;
    let (Cell::Value(items), Cell::Text(affix)) = (&items, row.cell(2)) else { return Ok(items) };
    let items = items.as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Cell::value(items.map(|item| Value::from(join(item, &affix))).collect::<Vec<_>>()))
}

/// The parts of texts that have a length, each once, in the order in which they are found.
fn ngrams<'a>(texts: &[&str], least: i32, most: i32) -> Answer<'a> {
    let least = usize::try_from(least).map_err(|_| "a negative length")?;
    let most = usize::try_from(most).unwrap_or(0);
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    let mut total = 0;
    for text in texts {
        let units: Vec<u16> = text.encode_utf16().collect();
        for size in least.max(1)..=most.min(units.len()) {
            total += size * (units.len() + 1 - size);
            if total > MAX_LEN {
                return Err(too_long());
            }
            for part in units.windows(size) {
                // Halves of characters are different, though all of them are written as `?`.
                if seen.insert(part.to_vec()) {
                    let text = char::decode_utf16(part.iter().copied()).map(|c| c.unwrap_or('?')).collect::<String>();
                    found.push(Value::from(text));
                }
            }
        }
    }
    Ok(Cell::value(found))
}

pub(crate) const ALL: &[Function] = &[
    plain(&["upper"], &[STRING], Kind::String, "in capitals", |row| Ok(Cell::text(row.text(0).to_uppercase()))),
    plain(&["lower"], &[STRING], Kind::String, "in small letters", |row| Ok(Cell::text(row.text(0).to_lowercase()))),
    plain(&["initcap"], &[STRING], Kind::String, "the first letter of each word large", |row| {
        Ok(Cell::text(initcap(row.text(0))))
    }),
    plain(&["reverse"], &[STRING], Kind::String, "from its end", |row| {
        Ok(Cell::text(row.text(0).chars().rev().collect::<String>()))
    }),
    plain(&["length"], &[STRING], Kind::Int, "its UTF-16 units", |row| Ok(Cell::Int(utf16_len(row.text(0)) as i32))),
    plain(&["substr"], &[STRING, INT], Kind::String, "from a position on, the first is 0", |row| {
        Ok(substring(row.text(0), row.int(1).into(), None))
    }),
    plain(
        &["substr"],
        &[STRING, INT, INT],
        Kind::String,
        "up to a position, which it leaves out; -1 is the end",
        |row| Ok(substring(row.text(0), row.int(1).into(), (row.int(2) != -1).then(|| row.int(2).into()))),
    ),
    plain(&["substring"], &[STRING, INT], Kind::String, "from a position on, the first is 1", |row| {
        Ok(substring(row.text(0), row.int(1).wrapping_sub(1).into(), None))
    }),
    plain(&["substring"], &[STRING, INT, INT], Kind::String, "so many units of it", |row| {
        let begin = row.int(1).wrapping_sub(1);
        Ok(substring(row.text(0), begin.into(), Some(begin.wrapping_add(row.int(2)).into())))
    }),
    plain(&["leftSubStr", "left"], &[STRING, INT], Kind::String, "its first units", |row| {
        Ok(units(row.text(0), 0, usize::try_from(row.int(1)).unwrap_or(0).min(utf16_len(row.text(0)))))
    }),
    plain(&["rightSubStr", "right"], &[STRING, INT], Kind::String, "its last units", |row| {
        let len = utf16_len(row.text(0));
        Ok(units(row.text(0), len - usize::try_from(row.int(1)).unwrap_or(0).min(len), len))
    }),
    plain(&["concat"], &[STRING, STRING], Kind::String, "both", |row| {
        Ok(Cell::text([row.text(0), row.text(1)].concat()))
    }),
    plain(&["concat"], &[STRING, STRING, STRING], Kind::String, "the first two, with the third between", |row| {
        Ok(Cell::text([row.text(0), row.text(2), row.text(1)].concat()))
    }),
    plain(&["concatWS"], &[STRING, STRING, STRING], Kind::String, "the last two, with the first between", |row| {
        Ok(Cell::text([row.text(1), row.text(0), row.text(2)].concat()))
    }),
    plain(
        &["trim"],
        &[STRING, STRING, STRING],
        Kind::String,
        "`trim(a)`, `TRIM(LEADING '0' FROM a)`: blanks, or these characters",
        trim,
    ),
    plain(&["ltrim"], &[STRING], Kind::String, "without white space before", |row| {
        Ok(Cell::Text(row.text(0).trim_start_matches(is_space).into()))
    }),
    plain(&["rtrim"], &[STRING], Kind::String, "without white space behind", |row| {
        Ok(Cell::Text(row.text(0).trim_end_matches(is_space).into()))
    }),
    plain(&["replace"], &[STRING, STRING, STRING], Kind::String, "one text by another, everywhere", |row| {
        let (text, search) = (row.text(0), row.text(1));
        let longer = row.text(2).len().saturating_mul(text.len());
        match search {
            "" => Ok(Cell::Text(text.into())),
            _ if longer > MAX_LEN => Err(too_long()),
            _ => Ok(Cell::text(text.replace(search, row.text(2)))),
        }
    }),
    plain(&["remove"], &[STRING, STRING], Kind::String, "without another text", |row| match row.text(1) {
        "" => Ok(Cell::Text(row.text(0).into())),
        search => Ok(Cell::text(row.text(0).replace(search, ""))),
    }),
    plain(&["strpos"], &[STRING, STRING], Kind::Int, "where it begins first, the first place is 0; or -1", |row| {
        Ok(Cell::Int(row.text(0).find(row.text(1)).map_or(-1, |at| position(row.text(0), at))))
    }),
    plain(&["strpos"], &[STRING, STRING, INT], Kind::Int, "where it is for the n-th time", |row| {
        Ok(Cell::Int(ordinal(row.text(0), row.text(1), row.int(2))))
    }),
    plain(&["strrpos"], &[STRING, STRING], Kind::Int, "where it begins last", |row| {
        Ok(Cell::Int(last(row.text(0), row.text(1), i64::MAX)))
    }),
    plain(&["strrpos"], &[STRING, STRING, INT], Kind::Int, "where it begins last, not behind a position", |row| {
        Ok(Cell::Int(last(row.text(0), row.text(1), row.int(2).into())))
    }),
    plain(&["startsWith"], &[STRING, STRING], Kind::Boolean, "", |row| {
        Ok(Cell::Boolean(row.text(0).starts_with(row.text(1))))
    }),
    plain(&["endsWith"], &[STRING, STRING], Kind::Boolean, "", |row| {
        Ok(Cell::Boolean(row.text(0).ends_with(row.text(1))))
    }),
    plain(&["contains"], &[STRING, STRING], Kind::Boolean, "", |row| {
        Ok(Cell::Boolean(row.text(0).contains(row.text(1))))
    }),
    plain(&["strcmp"], &[STRING, STRING], Kind::Int, "0 for equal texts, less for a smaller first one", |row| {
        let (a, b) = (row.text(0), row.text(1));
        debug_assert_eq!(compare(a, b).cmp(&0), compare_utf16(a.as_bytes(), b.as_bytes()));
        Ok(Cell::Int(compare(a, b)))
    }),
    plain(&["lpad"], &[STRING, INT, STRING], Kind::String, "filled to a length at its beginning", |row| {
        Ok(Cell::text(padding(row.text(0), row.int(1), row.text(2))? + row.text(0)))
    }),
    plain(&["rpad"], &[STRING, INT, STRING], Kind::String, "filled to a length at its end", |row| {
        Ok(Cell::text(format!("{}{}", row.text(0), padding(row.text(0), row.int(1), row.text(2))?)))
    }),
    plain(&["repeat"], &[STRING, INT], Kind::String, "so many times", |row| repeated(row.text(0), "", row.int(1))),
    plain(&["repeat"], &[STRING, STRING, INT], Kind::String, "with the second between", |row| {
        repeated(row.text(0), row.text(1), row.int(2))
    }),
    plain(
        &["split", "stringToArray"],
        &[STRING, STRING],
        Kind::Strings,
        "the parts; those without text are left out",
        |row| Ok(strings(split(row.text(0), row.text(1), -1))),
    ),
    plain(&["split", "stringToArray"], &[STRING, STRING, INT], Kind::Strings, "at most so many parts", |row| {
        Ok(strings(split(row.text(0), row.text(1), row.int(2))))
    }),
    plain(
        &["splitPart"],
        &[STRING, STRING, INT],
        Kind::String,
        "one part, the first is 0; `null` as text if there is none",
        |row| Ok(part(&split(row.text(0), row.text(1), -1), row.int(2))),
    ),
    plain(&["splitPart"], &[STRING, STRING, INT, INT], Kind::String, "of at most so many parts", |row| {
        Ok(part(&split(row.text(0), row.text(1), row.int(2)), row.int(3)))
    }),
    plain(&["prefixes"], &[STRING, INT], Kind::Strings, "its beginnings up to a length", |row| {
        affixes(row.text(0), row.int(1), |text, _, size| units(text, 0, size))
    }),
    plain(&["suffixes"], &[STRING, INT], Kind::Strings, "its ends up to a length", |row| {
        affixes(row.text(0), row.int(1), |text, len, size| units(text, len - size, len))
    }),
    nullable(&["prefixesWithPrefix"], &[STRING, INT, STRING], Kind::Strings, "with a text before each", |row| {
        with_affix(row, |text, _, size| units(text, 0, size), |item, affix| format!("{affix}{item}"))
    }),
    nullable(&["suffixesWithSuffix"], &[STRING, INT, STRING], Kind::Strings, "with a text behind each", |row| {
        with_affix(row, |text, len, size| units(text, len - size, len), |item, affix| format!("{item}{affix}"))
    }),
    plain(
        &["uniqueNgrams", "generateUniqueNgrams"],
        &[STRING, INT],
        Kind::Strings,
        "its parts of a length, each once",
        |row| {
            let length = row.int(1);
            if length == 0 || i64::from(length) > utf16_len(row.text(0)) as i64 {
                return Ok(Cell::value(Vec::<Value>::new()));
            }
            ngrams(&[row.text(0)], length, length)
        },
    ),
    plain(
        &["uniqueNgrams", "generateUniqueNgrams"],
        &[STRING, INT, INT],
        Kind::Strings,
        "of a range of lengths",
        |row| ngrams(&[row.text(0)], row.int(1), row.int(2)),
    ),
    plain(&["uniqueNgramsMV", "generateUniqueNgramsMV"], &[STRINGS, INT], Kind::Strings, "of several texts", |row| {
        if row.int(1) <= 0 {
            return Ok(Cell::value(Vec::<Value>::new()));
        }
        ngrams(&row.list(0).iter().filter_map(Value::as_str).collect::<Vec<_>>(), row.int(1), row.int(1))
    }),
    plain(&["uniqueNgramsMV", "generateUniqueNgramsMV"], &[STRINGS, INT, INT], Kind::Strings, "", |row| {
        ngrams(&row.list(0).iter().filter_map(Value::as_str).collect::<Vec<_>>(), row.int(1), row.int(2))
    }),
    plain(&["regexpExtract"], &[STRING, Want::Regex], Kind::String, "what matches first, else an empty text", |row| {
        regex_extract(row, 0, "")
    }),
    plain(&["regexpExtract"], &[STRING, Want::Regex, INT], Kind::String, "a group of it", |row| {
        regex_extract(row, row.int(2), "")
    }),
    plain(&["regexpExtract"], &[STRING, Want::Regex, INT, STRING], Kind::String, "else another text", |row| {
        regex_extract(row, row.int(2), row.text(3))
    }),
    plain(
        &["regexpReplace"],
        &[STRING, Want::FullRegex, STRING],
        Kind::String,
        "all that matches; `$1` is a group",
        regex_replace,
    ),
    plain(&["regexpLike"], &[STRING, Want::Regex], Kind::Boolean, "a part of it matches", |row| {
        match row.prepared(1) {
            Some(Prepared::Regex(regex)) => Ok(Cell::Boolean(regex.is_match(row.text(0)))),
            _ => Err("no pattern".into()),
        }
    }),
    plain(&["codepoint"], &[STRING], Kind::Int, "of its first character", |row| {
        row.text(0).chars().next().map(|c| Cell::Int(c as i32)).ok_or_else(|| "an empty text".into())
    }),
    plain(&["chr"], &[INT], Kind::String, "the character of a code point", |row| {
        let code = u32::try_from(row.int(0)).ok().and_then(char::from_u32);
        code.map(Cell::text).ok_or_else(|| format!("`{}`, which is no character", row.int(0)))
    }),
    plain(&["hammingDistance"], &[STRING, STRING], Kind::Int, "how many units differ; -1 for other lengths", |row| {
        let (a, b) = (row.text(0), row.text(1));
        let count = a.encode_utf16().zip(b.encode_utf16()).filter(|(x, y)| x != y).count();
        Ok(Cell::Int(if utf16_len(a) == utf16_len(b) { count as i32 } else { -1 }))
    }),
    plain(&["levenshteinDistance"], &[STRING, STRING], Kind::Int, "how many edits apart", |row| {
        distance(row.text(0), row.text(1))
    }),
];
