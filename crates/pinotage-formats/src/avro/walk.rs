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
}

impl Walker {
    pub(super) fn try_new(schema: &[u8]) -> Result<Self, String> {
        let schema: Value = serde_json::from_slice(schema).map_err(|error| format!("its text is not JSON: {error}"))?;
        let mut compiler = Compiler::default();
        let root = compiler.compile(&schema, "", 0)?;
        Ok(Self { nodes: compiler.nodes, root })
    }

    /// Whether `data` is exactly `count` records.
    pub(super) fn check(&self, data: &[u8], count: u64) -> Result<(), String> {
        let mut at = 0;
        if count > (data.len() as u64).max(MAX_EMPTY_ITEMS) {
            return Err(format!("its {} bytes cannot hold them", data.len()));
        }
        for record in 0..count {
            self.walk(self.root, data, &mut at, 0)
                .map_err(|problem| format!("record {} is broken: {problem}", record + 1))?;
        }
        if at != data.len() {
            return Err(format!("{} bytes are left over", data.len() - at));
        }
        Ok(())
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
