//! The types of CSV columns by looking at a sample.

use arrow::datatypes::DataType;

use super::cells::NullTexts;
use crate::number::{parse_f64, parse_i64};

/// What the values of one column have been so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Guess {
    seen: bool,
    not_integer: bool,
    not_number: bool,
    not_boolean: bool,
}

impl Guess {
    /// Takes one more value into account. Nulls decide nothing.
    pub(crate) fn add(&mut self, cell: &[u8], null_texts: &NullTexts) {
        if cell.is_empty() || null_texts.contains(cell) {
            return;
        }
        self.seen = true;
        if !self.not_boolean {
            self.not_boolean = !cell.eq_ignore_ascii_case(b"true") && !cell.eq_ignore_ascii_case(b"false");
        }
        if self.not_number {
            return;
        }
        // `007` is a name, not a number: reading it as 7 would lose what it is.
        let digits = match cell {
            [b'-', rest @ ..] => rest,
            _ => cell,
        };
        let is_name = match digits {
            [b'0', next, ..] => next.is_ascii_digit(),
            [b'+' | b' ' | b'\t', ..] => true,
            _ => matches!(cell.last(), Some(b' ' | b'\t')),
        };
        if is_name {
            self.not_number = true;
            return;
        }
        if digits.iter().all(u8::is_ascii_digit) {
            // Beyond 64 bits only text is exact.
            self.not_number = parse_i64(cell).is_err();
        } else {
            self.not_integer = true;
            self.not_number = parse_f64(cell).is_err();
        }
    }

    pub(crate) fn data_type(self) -> DataType {
        if !self.seen {
            DataType::Utf8
        } else if !self.not_number && !self.not_integer {
            DataType::Int64
        } else if !self.not_number {
            DataType::Float64
        } else if !self.not_boolean {
            DataType::Boolean
        } else {
            DataType::Utf8
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_decide_types() {
        for (values, expected) in [
            (&["1", "-2", ""][..], DataType::Int64),
            (&["1", "2.5"], DataType::Float64),
            (&["1e3", "NaN"], DataType::Float64),
            (&["007", "1"], DataType::Utf8),
            (&["-01"], DataType::Utf8),
            (&["0", "0.5", "-0.5"], DataType::Float64),
            (&["9223372036854775808"], DataType::Utf8),
            (&["9223372036854775808", "1.5"], DataType::Utf8),
            (&["true", "FALSE"], DataType::Boolean),
            (&["true", "1"], DataType::Utf8),
            (&["2013-01-01"], DataType::Utf8),
            (&["-"], DataType::Utf8),
            (&["", ""], DataType::Utf8),
        ] {
            let nulls = NullTexts::new(&[String::new()]);
            let mut guess = Guess::default();
            for value in values {
                guess.add(value.as_bytes(), &nulls);
            }
            assert_eq!(guess.data_type(), expected, "{values:?}");
        }
    }
}
