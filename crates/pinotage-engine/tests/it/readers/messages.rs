//! Protobuf: fields of every type, by Protobuf's own library and Pinot's reader.

use serde_json::json;

use super::{Case, made};

/// A field `v`: what the syntax is, the name of the row, the rest of the field, what else its message and its file have, and the messages
/// as Protobuf's text.
fn message(
    syntax: &str,
    name: &str,
    field: &str,
    inside: &str,
    rows: &[&str],
    columns: &'static [&'static str],
) -> Case {
    // Pinot takes the first message of the first file, and that it imports nothing.
    let file = format!(
        "file {{ name: 'v.proto' package: 'p' syntax: '{syntax}' message_type {{ name: 'Row' field {{ name: 'v' number: 1 {field} }} \
         {inside} }} }}"
    );
    let rows: Vec<&str> = rows.to_vec();
    let source = ", protobuf: {descriptorFile: v.desc}";
    Case { source, ..made("PROTO", &format!("{syntax} {name}"), file, json!(rows), columns) }
}

/// The scalar types, each with messages that have it, and the columns that it goes into.
const SCALARS: [(&str, &[&str], &[&str]); 15] = [
    ("double", &["v: 0.1", "v: -1e300", "v: 5e-324"], &["DOUBLE", "STRING"]),
    ("float", &["v: 0.5", "v: -1.25", "v: 16777216"], &["FLOAT", "DOUBLE", "STRING"]),
    ("int32", &["v: 1", "v: -7", "v: 2147483647", "v: -2147483648"], &["INT", "LONG", "STRING"]),
    ("int64", &["v: 1", "v: 9223372036854775807", "v: -9223372036854775808"], &["LONG", "STRING", "TIMESTAMP"]),
    ("uint32", &["v: 7", "v: 2147483647", "v: 4294967295"], &["LONG", "INT"]),
    ("uint64", &["v: 7", "v: 18446744073709551615"], &["LONG"]),
    ("sint32", &["v: 1", "v: -2147483648"], &["INT"]),
    ("sint64", &["v: 1", "v: -9223372036854775808"], &["LONG"]),
    ("fixed32", &["v: 7", "v: 4294967295"], &["LONG"]),
    ("fixed64", &["v: 7", "v: 18446744073709551615"], &["LONG"]),
    ("sfixed32", &["v: -7", "v: 2147483647"], &["INT"]),
    ("sfixed64", &["v: -7", "v: 9223372036854775807"], &["LONG"]),
    ("bool", &["v: true"], &["BOOLEAN", "STRING"]),
    ("string", &["v: 'x'", "v: '\u{e9}\u{1F600}'", "v: '7'"], &["STRING"]),
    ("bytes", &["v: '\\000\\377a'"], &["BYTES", "STRING"]),
];

pub(super) fn messages() -> Vec<Case> {
    let one = "label: LABEL_OPTIONAL type:";
    let many = "label: LABEL_REPEATED type:";
    let enumeration = "enum_type { name: 'E' value { name: 'A' number: 0 } value { name: 'B' number: 1 } }";
    let inner = "nested_type { name: 'M' field { name: 'a' number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 } \
                 field { name: 'b' number: 2 label: LABEL_REPEATED type: TYPE_STRING } }";
    let map = |key: &str, value: &str| {
        format!(
            "nested_type {{ name: 'VEntry' options {{ map_entry: true }} field {{ name: 'key' number: 1 {one} TYPE_{key} }} \
             field {{ name: 'value' number: 2 {one} {value} }} }} {inner}"
        )
    };
    let entries = format!("{many} TYPE_MESSAGE type_name: '.p.Row.VEntry'");
    let kind = |label: &str| format!("{label} TYPE_ENUM type_name: '.p.Row.E'");
    let below = |label: &str| format!("{label} TYPE_MESSAGE type_name: '.p.Row.M'");
    let choice =
        "oneof_decl { name: 'o' } field { name: 'w' number: 2 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 0 }";
    let mut cases = Vec::new();
    for (name, rows, columns) in SCALARS {
        let data_type = format!("TYPE_{}", name.to_uppercase());
        for syntax in ["proto3", "proto2"] {
            cases.push(message(syntax, name, &format!("{one} {data_type}"), "", rows, columns));
        }
        let lists: &[&str] = match name {
            "double" => &["DOUBLE[]"],
            "int32" => &["INT[]", "LONG[]"],
            "int64" => &["LONG[]"],
            "string" => &["STRING[]"],
            _ => continue,
        };
        let lists: &'static [&'static str] = Box::leak(lists.to_vec().into_boxed_slice());
        let row = rows.join(" ");
        for (syntax, packed) in [("proto3", ""), ("proto2", ""), ("proto2", "options { packed: true }")] {
            if packed.is_empty() || name != "string" {
                let label =
                    if packed.is_empty() { format!("repeated {name}") } else { format!("repeated {name}, packed") };
                cases.push(message(
                    syntax,
                    &label,
                    &format!("{many} {data_type} {packed}"),
                    "",
                    &[&row, rows[0]],
                    lists,
                ));
            }
        }
    }
    let empty = &["", "v: 1"];
    let text = &["", "v: 'x'"];
    cases.extend([
        message("proto3", "int32, not set", &format!("{one} TYPE_INT32"), "", empty, &["INT"]),
        message("proto2", "int32, not set", &format!("{one} TYPE_INT32"), "", empty, &["INT"]),
        message("proto2", "int32, its default 7", &format!("{one} TYPE_INT32 default_value: '7'"), "", empty, &["INT"]),
        message("proto2", "required int32", "label: LABEL_REQUIRED type: TYPE_INT32", "", &["v: 5"], &["INT"]),
        message("proto3", "bool, not set", &format!("{one} TYPE_BOOL"), "", &["", "v: true"], &["BOOLEAN"]),
        message("proto3", "string, not set", &format!("{one} TYPE_STRING"), "", text, &["STRING"]),
        message("proto2", "string, not set", &format!("{one} TYPE_STRING"), "", text, &["STRING"]),
        message(
            "proto2",
            "string, its default none",
            &format!("{one} TYPE_STRING default_value: 'none'"),
            "",
            text,
            &["STRING"],
        ),
        message(
            "proto3",
            "optional int32",
            &format!("{one} TYPE_INT32 oneof_index: 0 proto3_optional: true"),
            "oneof_decl { name: '_v' }",
            &["", "v: 0", "v: 1"],
            &["INT"],
        ),
        message(
            "proto3",
            "int32 of a oneof",
            &format!("{one} TYPE_INT32 oneof_index: 0"),
            choice,
            &["v: 0", "w: 'x'", "v: 3"],
            &["INT"],
        ),
        message("proto3", "enum", &kind(one), enumeration, &["v: B", "v: A", ""], &["STRING"]),
        message("proto2", "enum", &kind(one), enumeration, &["v: B", "v: A"], &["STRING"]),
        message("proto3", "repeated enum", &kind(many), enumeration, &["v: B v: A", "v: B"], &["STRING[]"]),
        message("proto3", "repeated int32, none", &format!("{many} TYPE_INT32"), "", empty, &["INT[]"]),
        message(
            "proto3",
            "message",
            &below(one),
            inner,
            &["v { a: 1 b: 'x' b: 'y' }", "v { a: 2 }", "v { }", ""],
            &["JSON"],
        ),
        message("proto2", "message", &below(one), inner, &["v { a: 1 b: 'x' }", "v { a: 2 }"], &["JSON"]),
        message(
            "proto3",
            "repeated message",
            &below(many),
            inner,
            &["v { a: 1 } v { a: 2 b: 'x' }", "v { a: 3 }"],
            &["JSON"],
        ),
        message(
            "proto3",
            "map<string, int64>",
            &entries,
            &map("STRING", "TYPE_INT64"),
            &["v { key: 'a' value: 1 }"],
            &["JSON"],
        ),
        message(
            "proto2",
            "map<string, int64>",
            &entries,
            &map("STRING", "TYPE_INT64"),
            &["v { key: 'a' value: 1 }"],
            &["JSON"],
        ),
        message(
            "proto3",
            "map<int32, message>",
            &entries,
            &map("INT32", "TYPE_MESSAGE type_name: '.p.Row.M'"),
            &["v { key: 7 value { a: 1 } }"],
            &["JSON"],
        ),
    ]);
    cases
}
