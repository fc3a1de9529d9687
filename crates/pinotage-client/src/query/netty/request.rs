//! The request of Pinot's own brokers: a frame with a query as a tree.

use pinotage_common::{Error, Result};
use pinotage_spec::{Expression, Literal, PinotQuery};

use super::compact::{Fields, write};
use crate::query::server::ServerQuery;

/// The kinds of an expression (`ExpressionType`).
const LITERAL: i32 = 0;
const IDENTIFIER: i32 = 1;
const FUNCTION: i32 = 2;

/// The bytes of a frame before what it carries: its length.
pub(super) const PREFIX_BYTES: usize = 4;

/// A query as servers read it: the length, then an `InstanceRequest`.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.request.InstanceRequest`, `LengthFieldPrepender` in `ServerChannels`
pub(super) fn frame(request_id: i64, asked: &ServerQuery, query: &PinotQuery) -> Result<Vec<u8>> {
    let mut bytes = vec![0; PREFIX_BYTES];
    write(&mut bytes, |request| {
        request.i64(1, request_id);
        request.fields(2, |broker| {
            broker.fields(2, |source| source.text(1, &query.table));
            broker.fields(17, |fields| self::query(fields, query));
        });
        request.texts(3, &asked.segments);
        request.bool(4, false);
        request.text(5, &asked.client);
    });
    let length = i32::try_from(bytes.len() - PREFIX_BYTES)
        .map_err(|_| Error::invalid_config("expected a query below 2 GiB").with("table", &query.table))?;
    bytes[..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

fn query(fields: &mut Fields<'_>, query: &PinotQuery) {
    fields.fields(2, |source| source.text(1, &query.table));
    fields.list_of_fields(3, &query.select, expression);
    if let Some(filter) = &query.filter {
        fields.fields(4, |fields| expression(fields, filter));
    }
    if !query.group_by.is_empty() {
        fields.list_of_fields(5, &query.group_by, expression);
    }
    // Pinot's parser says it when there is none, too.
    fields.list_of_fields(6, &query.order_by, expression);
    fields.i32(8, i32::try_from(query.limit).unwrap_or(i32::MAX));
    fields.map(11, &query.options);
}

fn expression(fields: &mut Fields<'_>, expression: &Expression) {
    match expression {
        Expression::Literal(literal) => {
            fields.i32(1, LITERAL);
            fields.fields(3, |fields| self::literal(fields, literal));
        }
        Expression::Column(name) => identifier(fields, name),
        Expression::Star => identifier(fields, "*"),
        Expression::Call(operator, operands) => {
            fields.i32(1, FUNCTION);
            fields.fields(2, |function| {
                function.text(1, operator.name());
                function.list_of_fields(2, operands, self::expression);
            });
        }
    }
}

fn identifier(fields: &mut Fields<'_>, name: &str) {
    fields.i32(1, IDENTIFIER);
    fields.fields(4, |identifier| identifier.text(1, name));
}

fn literal(fields: &mut Fields<'_>, literal: &Literal) {
    match literal {
        Literal::Bool(value) => fields.bool(1, *value),
        // As Pinot's parser makes them of text.
        Literal::Long(value) => match i32::try_from(*value) {
            Ok(value) => fields.i32(4, value),
            Err(_) => fields.i64(5, *value),
        },
        Literal::Text(text) => fields.text(7, text),
    }
}
