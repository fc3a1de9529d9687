//! The types of JSON columns by looking at a sample.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};
use serde_json::{Map, Number, Value};

/// What the values of one place have been so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Shape {
    /// Only nulls.
    #[default]
    Unknown,
    Boolean,
    Integer,
    Float,
    /// Text, or kinds that have nothing else in common.
    Text,
    List(Box<Shape>),
    Object(ObjectShape),
}

/// Keys in the order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ObjectShape {
    names: Vec<String>,
    shapes: Vec<Shape>,
    index: HashMap<String, usize>,
}

impl ObjectShape {
    pub(crate) fn add(&mut self, object: &Map<String, Value>) {
        for (name, value) in object {
            let i = match self.index.get(name) {
                Some(i) => *i,
                None => {
                    self.index.insert(name.clone(), self.names.len());
                    self.names.push(name.clone());
                    self.shapes.push(Shape::Unknown);
                    self.names.len() - 1
                }
            };
            if let Some(shape) = self.shapes.get_mut(i) {
                shape.add(value);
            }
        }
    }

    pub(crate) fn fields(&self) -> Vec<Field> {
        let pairs = self.names.iter().zip(&self.shapes);
        pairs.map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect()
    }
}

impl Shape {
    fn add(&mut self, value: &Value) {
        let scalar = match value {
            Value::Null => return,
            Value::Array(items) => {
                if *self == Shape::Unknown {
                    *self = Shape::List(Box::default());
                }
                match self {
                    Shape::List(item) => items.iter().for_each(|value| item.add(value)),
                    _ => *self = Shape::Text,
                }
                return;
            }
            Value::Object(object) => {
                if *self == Shape::Unknown {
                    *self = Shape::Object(ObjectShape::default());
                }
                match self {
                    Shape::Object(shape) => shape.add(object),
                    _ => *self = Shape::Text,
                }
                return;
            }
            Value::Bool(_) => Shape::Boolean,
            Value::String(_) => Shape::Text,
            Value::Number(number) => shape_of(number),
        };
        *self = match (std::mem::take(self), scalar) {
            (Shape::Unknown, new) => new,
            (old, new) if old == new => old,
            (Shape::Integer, Shape::Float) | (Shape::Float, Shape::Integer) => Shape::Float,
            _ => Shape::Text,
        };
    }

    fn data_type(&self) -> DataType {
        match self {
            Shape::Unknown | Shape::Text => DataType::Utf8,
            Shape::Boolean => DataType::Boolean,
            Shape::Integer => DataType::Int64,
            Shape::Float => DataType::Float64,
            Shape::List(item) => DataType::List(Arc::new(Field::new("item", item.data_type(), true))),
            // An object without keys has no columns; its text `{}` says all.
            Shape::Object(shape) if shape.names.is_empty() => DataType::Utf8,
            Shape::Object(shape) => DataType::Struct(Fields::from(shape.fields())),
        }
    }
}

/// Integers beyond 64 bits, and numbers beyond a double, are exact only as text.
fn shape_of(number: &Number) -> Shape {
    if number.as_i64().is_some() {
        return Shape::Integer;
    }
    let text = number.as_str();
    let has_fraction = text.contains(['.', 'e', 'E']);
    match number.as_f64() {
        Some(value) if has_fraction && value.is_finite() => Shape::Float,
        _ => Shape::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_decide_types() {
        let mut shape = ObjectShape::default();
        for row in [
            r#"{"i":1,"f":1,"b":true,"s":"x","m":1,"big":18446744073709551616,"l":[1],"o":{"x":1},"n":null,"e":[],"lo":1,"eo":{}}"#,
            r#"{"i":null,"f":2.5,"b":false,"m":"y","big":1,"l":[null,2.5],"o":{"y":"z"},"lo":[1]}"#,
        ] {
            shape.add(serde_json::from_str::<Value>(row).unwrap().as_object().unwrap());
        }
        let types: Vec<String> =
            shape.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
        assert_eq!(types[..6], ["i Int64", "f Float64", "b Boolean", "s Utf8", "m Utf8", "big Utf8"]);
        assert_eq!(types[6], "l List(Float64)");
        assert!(types[7].starts_with("o Struct("), "{}", types[7]);
        assert_eq!(types[8..], ["n Utf8", "e List(Utf8)", "lo Utf8", "eo Utf8"]);
    }
}
