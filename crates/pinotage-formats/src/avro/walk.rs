//! Walks Avro records by their schema without building anything: every length and branch is checked.

use std::collections::HashMap;

use serde_json::Value;

/// Schemas and values nest at most this deep.
const MAX_DEPTH: usize = 128;
/// Items that take no byte are counted by trust alone; more of them in one array are refused.
const MAX_EMPTY_ITEMS: u64 = 1 << 16;

type NodeId = usize;

#[derive(Debug, Clone)]
enum Node {
    Empty,
    Boolean,
    Number,
    Sized(usize),
    Bytes,
    Text,
    Enum(i64),
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record(Vec<NodeId>),
}

/// A compiled schema.
pub(super) struct Walker {
    nodes: Vec<Node>,
    root: NodeId,
    /// The branch of each record, where the file's schema is a union of a record and null, as Flink's SQL writes them.
    branch: Option<i64>,
}

impl Walker {
    /// The walker of a schema, and the schema of its records alone.
    pub(super) fn try_new(text: Vec<u8>) -> Result<(Self, Vec<u8>), String> {
        let schema: Value = serde_json::from_slice(&text).map_err(|error| format!("its text is not JSON: {error}"))?;
        let mut compiler = Compiler::default();
        let (branch, root) = match record_or_null(&schema) {
            Some((branch, record)) => (Some(branch), record),
            None => (None, &schema),
        };
        let text = if branch.is_some() { root.to_string().into_bytes() } else { text };
        let root = compiler.compile(root, "", 0)?;
        Ok((Self { nodes: compiler.nodes, root, branch }, text))
    }

    /// The records of `data`, which has to be exactly `count` of them.
    pub(super) fn records(&self, data: Vec<u8>, count: u64) -> Result<Vec<u8>, String> {
        let mut at = 0;
        if count > (data.len() as u64).max(MAX_EMPTY_ITEMS) {
            return Err(format!("its {} bytes cannot hold them", data.len()));
        }
        let mut alone = Vec::new();
        for record in 0..count {
            let broken = |problem| format!("record {} is broken: {problem}", record + 1);
            if let Some(branch) = self.branch
                && long(&data, &mut at).map_err(broken)? != branch
            {
                return Err(broken("it is null, or of no branch of the union"));
            }
            let begin = at;
            self.walk(self.root, &data, &mut at, 0).map_err(broken)?;
            if self.branch.is_some() {
                alone.extend_from_slice(data.get(begin..at).unwrap_or_default());
            }
        }
        if at != data.len() {
            return Err(format!("{} bytes are left over", data.len() - at));
        }
        Ok(if self.branch.is_some() { alone } else { data })
    }

    fn walk(&self, node: NodeId, data: &[u8], at: &mut usize, depth: usize) -> Result<(), &'static str> {
        if depth > MAX_DEPTH {
            return Err("it is nested deeper than 128 levels");
        }
        match self.nodes.get(node).unwrap_or(&Node::Empty) {
            Node::Empty => Ok(()),
            Node::Boolean => match skip(data, at, 1)? {
                [0 | 1] => Ok(()),
                _ => Err("a boolean is neither 0 nor 1"),
            },
            Node::Number => long(data, at).map(|_| ()),
            Node::Sized(size) => skip(data, at, *size).map(|_| ()),
            Node::Bytes => sized(data, at).map(|_| ()),
            Node::Text => match std::str::from_utf8(sized(data, at)?) {
                Ok(_) => Ok(()),
                Err(_) => Err("a string is not UTF-8"),
            },
            Node::Enum(symbols) => match long(data, at)? {
                symbol if (0..*symbols).contains(&symbol) => Ok(()),
                _ => Err("an enum has no such symbol"),
            },
            Node::Array(item) => blocks(data, at, |data, at| self.walk(*item, data, at, depth + 1)),
            Node::Map(value) => blocks(data, at, |data, at| {
                if std::str::from_utf8(sized(data, at)?).is_err() {
                    return Err("a map key is not UTF-8");
                }
                self.walk(*value, data, at, depth + 1)
            }),
            Node::Union(branches) => {
                let branch = usize::try_from(long(data, at)?).ok();
                match branch.and_then(|branch| branches.get(branch)) {
                    Some(branch) => self.walk(*branch, data, at, depth + 1),
                    None => Err("a union has no such branch"),
                }
            }
            Node::Record(fields) => {
                for field in fields {
                    self.walk(*field, data, at, depth + 1)?;
                }
                Ok(())
            }
        }
    }
}

/// The branch of the record in a union of it and null, and its schema.
fn record_or_null(schema: &Value) -> Option<(i64, &Value)> {
    match schema.as_array()?.as_slice() {
        [null, record] if null == "null" && record.is_object() => Some((1, record)),
        [record, null] if null == "null" && record.is_object() => Some((0, record)),
        _ => None,
    }
}

fn skip<'a>(data: &'a [u8], at: &mut usize, count: usize) -> Result<&'a [u8], &'static str> {
    let end = at.checked_add(count).ok_or("a length is too large")?;
    let bytes = data.get(*at..end).ok_or("it is longer than the block")?;
    *at = end;
    Ok(bytes)
}

fn sized<'a>(data: &'a [u8], at: &mut usize) -> Result<&'a [u8], &'static str> {
    let length = usize::try_from(long(data, at)?).map_err(|_| "a length is negative")?;
    skip(data, at, length)
}

fn long(data: &[u8], at: &mut usize) -> Result<i64, &'static str> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = *data.get(*at).ok_or("it is longer than the block")?;
        *at += 1;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err("a number is longer than 64 bits")
}

/// The blocks of an array or map: a negative count is followed by the block's length.
fn blocks(
    data: &[u8],
    at: &mut usize,
    mut item: impl FnMut(&[u8], &mut usize) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    loop {
        let count = long(data, at)?;
        if count == 0 {
            return Ok(());
        }
        let mut end = None;
        if count < 0 {
            let length = usize::try_from(long(data, at)?).map_err(|_| "a length is negative")?;
            end = Some(at.checked_add(length).ok_or("a length is too large")?);
        }
        let count = count.unsigned_abs();
        if count > ((data.len() - *at) as u64).max(MAX_EMPTY_ITEMS) {
            return Err("an array is longer than the block");
        }
        for _ in 0..count {
            item(data, at)?;
        }
        if end.is_some_and(|end| end != *at) {
            return Err("an array's length is not that of its items");
        }
    }
}

#[derive(Default)]
struct Compiler {
    nodes: Vec<Node>,
    named: HashMap<String, NodeId>,
}

impl Compiler {
    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn compile(&mut self, schema: &Value, namespace: &str, depth: usize) -> Result<NodeId, String> {
        if depth > MAX_DEPTH {
            return Err("it is nested deeper than 128 levels".to_owned());
        }
        match schema {
            Value::String(name) => self.by_name(name, namespace),
            Value::Array(branches) => {
                let branches = branches
                    .iter()
                    .map(|branch| self.compile(branch, namespace, depth + 1))
                    .collect::<Result<_, _>>()?;
                Ok(self.add(Node::Union(branches)))
            }
            Value::Object(object) => {
                let kind = object.get("type").ok_or("a type is missing")?;
                let Value::String(kind) = kind else {
                    return self.compile(kind, namespace, depth + 1);
                };
                let part = |name: &str| object.get(name).ok_or(format!("`{name}` is missing"));
                match kind.as_str() {
                    "array" => {
                        let item = self.compile(part("items")?, namespace, depth + 1)?;
                        Ok(self.add(Node::Array(item)))
                    }
                    "map" => {
                        let value = self.compile(part("values")?, namespace, depth + 1)?;
                        Ok(self.add(Node::Map(value)))
                    }
                    "enum" => {
                        let symbols = part("symbols")?.as_array().map_or(0, Vec::len);
                        let id = self.add(Node::Enum(symbols as i64));
                        self.name(object, namespace, id);
                        Ok(id)
                    }
                    "fixed" => {
                        let size = part("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                        let id = self.add(Node::Sized(size.ok_or("a size is not a number")?));
                        self.name(object, namespace, id);
                        Ok(id)
                    }
                    "record" | "error" => {
                        // Named before its fields, which may refer to it.
                        let id = self.add(Node::Empty);
                        let namespace = self.name(object, namespace, id);
                        let fields = part("fields")?.as_array().ok_or("`fields` is not a list")?;
                        let fields = fields
                            .iter()
                            .map(|field| {
                                let kind = field.get("type").ok_or("a field has no type")?;
                                self.compile(kind, &namespace, depth + 1)
                            })
                            .collect::<Result<_, String>>()?;
                        if let Some(node) = self.nodes.get_mut(id) {
                            *node = Node::Record(fields);
                        }
                        Ok(id)
                    }
                    name => self.by_name(name, namespace),
                }
            }
            _ => Err("a type is neither text, list nor object".to_owned()),
        }
    }

    fn by_name(&mut self, name: &str, namespace: &str) -> Result<NodeId, String> {
        let node = match name {
            "null" => Node::Empty,
            "boolean" => Node::Boolean,
            "int" | "long" => Node::Number,
            "float" => Node::Sized(4),
            "double" => Node::Sized(8),
            "bytes" => Node::Bytes,
            "string" => Node::Text,
            name => {
                let full = full_name(name, namespace);
                let found = self.named.get(&full).or_else(|| self.named.get(name));
                return found.copied().ok_or(format!("it has no type `{name}`"));
            }
        };
        Ok(self.add(node))
    }

    /// Registers a named type; its namespace, for what stands inside it.
    fn name(&mut self, object: &serde_json::Map<String, Value>, namespace: &str, id: NodeId) -> String {
        let text = |key| object.get(key).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        let full = full_name(name, text("namespace").unwrap_or(namespace));
        let inner = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        self.named.insert(full, id);
        inner
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"type": "record", "name": "row", "fields": [{"name": "v", "type": "string"}]}"#;

    #[test]
    fn records_of_a_union_with_null_are_taken_out_of_it() {
        for (schema, branch, other) in
            [(format!("[\"null\", {RECORD}]"), 2, 0), (format!("[{RECORD}, \"null\"]"), 0, 2)]
        {
            let (walker, alone) = Walker::try_new(schema.into_bytes()).unwrap();
            assert_eq!(
                serde_json::from_slice::<Value>(&alone).unwrap(),
                serde_json::from_str::<Value>(RECORD).unwrap()
            );
            let rows = |second: u8| vec![branch, 2, b'a', second, 4, b'b', b'c'];
            assert_eq!(walker.records(rows(branch), 2).unwrap(), [2, b'a', 4, b'b', b'c']);
            let null = walker.records(rows(other), 2).unwrap_err();
            assert!(null.starts_with("record 2 is broken: it is null"), "{null}");
            assert!(walker.records(rows(branch), 1).unwrap_err().contains("left over"));
            assert!(walker.records(rows(branch)[..6].to_vec(), 2).unwrap_err().contains("longer than the block"));
        }
    }

    #[test]
    fn other_schemas_are_handed_on_as_they_are() {
        for schema in [RECORD.to_owned(), "[\"null\", \"string\"]".to_owned(), format!("[\"null\", {RECORD}, \"int\"]")]
        {
            let (walker, alone) = Walker::try_new(schema.clone().into_bytes()).unwrap();
            assert_eq!((walker.branch, alone), (None, schema.into_bytes()));
        }
    }
}
