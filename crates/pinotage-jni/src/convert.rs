//! Texts, bytes and arrays of Java.

use jni::Env;
use jni::objects::{JByteArray, JIntArray, JObjectArray, JString};
use pinotage_common::{Error, Result};
use pinotage_connector::BadRow;

use crate::errors::Outcome;

/// A text of Java.
pub(crate) fn text(env: &Env<'_>, text: &JString<'_>) -> Outcome<String> {
    if text.is_null() {
        return Err(Error::invalid_config("expected a text, found null").into());
    }
    Ok(text.try_to_string(env)?)
}

/// A text for Java.
pub(crate) fn string<'local>(env: &mut Env<'local>, text: &str) -> jni::errors::Result<JString<'local>> {
    JString::from_str(env, text)
}

/// Texts for Java.
pub(crate) fn strings<'local>(
    env: &mut Env<'local>,
    texts: impl IntoIterator<Item = Option<String>>,
) -> jni::errors::Result<JObjectArray<'local, JString<'local>>> {
    let texts: Vec<Option<String>> = texts.into_iter().collect();
    let array = JObjectArray::<JString>::new(env, texts.len(), JString::null())?;
    for (at, text) in texts.into_iter().enumerate() {
        let Some(text) = text else { continue };
        // Of many rows only one is there at a time: the JVM keeps room for few.
        env.with_local_frame(2, |env| {
            let text = JString::from_str(env, text)?;
            array.set_element(env, at, &text)
        })?;
    }
    Ok(array)
}

/// Texts of Java, none of which is null.
pub(crate) fn texts<C: FromIterator<String>>(env: &mut Env<'_>, array: &JObjectArray<'_, JString<'_>>) -> Outcome<C> {
    (0..array.len(env)?)
        .map(|at| {
            env.with_local_frame(2, |env| {
                let element = array.get_element(env, at)?;
                text(env, &element)
            })
        })
        .collect()
}

/// Byte arrays of Java.
pub(crate) fn byte_arrays(env: &mut Env<'_>, array: &JObjectArray<'_, JByteArray<'_>>) -> Outcome<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for at in 0..array.len(env)? {
        all.push(env.with_local_frame(2, |env| {
            let bytes = array.get_element(env, at)?;
            env.convert_byte_array(&bytes)
        })?);
    }
    Ok(all)
}

/// Byte arrays for Java.
pub(crate) fn byte_arrays_for<'local>(
    env: &mut Env<'local>,
    all: &[Vec<u8>],
) -> jni::errors::Result<JObjectArray<'local, JByteArray<'local>>> {
    let array = JObjectArray::<JByteArray>::new(env, all.len(), JByteArray::null())?;
    for (at, bytes) in all.iter().enumerate() {
        env.with_local_frame(2, |env| {
            let bytes = env.byte_array_from_slice(bytes)?;
            array.set_element(env, at, &bytes)
        })?;
    }
    Ok(array)
}

/// Numbers of Java.
pub(crate) fn numbers(env: &Env<'_>, array: &JIntArray<'_>) -> Outcome<Vec<i32>> {
    let mut numbers = vec![0; array.len(env)?];
    array.get_region(env, 0, &mut numbers)?;
    Ok(numbers)
}

/// A number of Java that cannot be negative.
pub(crate) fn count<N: TryFrom<i64>>(what: &'static str, number: impl Into<i64>) -> Result<N> {
    let number = number.into();
    let bad = || Error::invalid_config(format!("expected {what} to be a number from 0 on, found {number}"));
    if number < 0 {
        return Err(bad());
    }
    N::try_from(number).map_err(|_| bad())
}

/// Rows that a table does not take: number, column, rule, message and the row as JSON of each.
pub(crate) fn bad_rows(rows: Vec<BadRow>) -> impl Iterator<Item = Option<String>> {
    rows.into_iter().flat_map(|row| {
        let raw = String::from_utf8_lossy(&row.raw).into_owned();
        [Some(row.place.row_number.to_string()), row.column, Some(row.rule.to_owned()), Some(row.message), Some(raw)]
    })
}
