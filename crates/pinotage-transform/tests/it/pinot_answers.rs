//! What the transformers of Apache Pinot 1.5.1 themselves answered (`DataTypeTransformer`, `SpecialValueTransformer`,
//! `NullValueTransformer`, `SanitizationTransformer`, run one after the other), value by value; and where we refuse.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringArray};
use pinotage_transform::{ConformOptions, rule};

use super::conform_with;

/// The stored text of one value; `null` for a null, `Err` with the rule that it breaks.
fn stored(field: &str, array: ArrayRef) -> Result<String, &'static str> {
    let rows = conform_with(field, array, ConformOptions::default()).unwrap();
    match rows.bad.first() {
        Some(bad) => Err(bad.rule),
        None => {
            let column = rows.batch.column(0);
            Ok(match column.is_null(0) {
                true => "null".into(),
                false => arrow::util::display::array_value_to_string(column, 0).unwrap(),
            })
        }
    }
}

fn text(data_type: &str, text: &str) -> Result<String, &'static str> {
    stored(&format!(r#""dataType": "{data_type}""#), Arc::new(StringArray::from(vec![text])))
}

#[test]
fn json() {
    for (input, pinot) in [
        (r#"{"b": 1.50, "a":1e3}"#, r#"{"b":1.5,"a":1E+3}"#),
        ("not json", r#""not json""#),
        ("", ""),
        (" ", ""),
        ("123abc", r#""123abc""#),
        ("2023-11-14", r#""2023-11-14""#),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0.0", "0"),
        ("0e5", "0"),
        ("1E400", "1E+400"),
        ("1e-7", "1E-7"),
        ("0.00001", "0.00001"),
        ("0.0000001", "1E-7"),
        ("100.0", "1E+2"),
        ("1.0", "1"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1.10000", "1.1"),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#""\ud800x""#, r#""?x""#),
        (r#""\uD83D""#, r#""?""#),
        (r#""\ud83d\ude00""#, "\"😀\""),
        (r#""\u0001\u007f\u2028/\/""#, "\"\\u0001\u{7f}\u{2028}//\""),
        ("\"a\tb\"", r#""\"a\tb\"""#),
        ("'a'", r#""'a'""#),
        ("{a:1}", r#""{a:1}""#),
        ("NaN", r#""NaN""#),
        ("[NaN]", r#""[NaN]""#),
        ("01", r#""01""#),
        ("1.", r#""1.""#),
        ("[1,]", r#""[1,]""#),
        (r#"{"a":1,}"#, r#""{\"a\":1,}""#),
        ("true", "true"),
        ("null", "null"),
        ("nul", r#""nul""#),
        ("truex", r#""truex""#),
        (r#"{"a":null}"#, r#"{"a":null}"#),
        ("[", r#""[""#),
        (r#""x"#, r#""\"x""#),
        (r#""\x""#, r#""\"\\x\"""#),
        ("// c\n1", r#""// c\n1""#),
        ("\u{feff}1", "\"\u{feff}1\""),
        ("[1,2.50,[3,{}]]", "[1,2.5,[3,{}]]"),
        (r#"{"":""}"#, r#"{"":""}"#),
        (r#"["\u00e9é"]"#, r#"["éé"]"#),
        ("\u{a0}1", "\"\u{a0}1\""),
        ("+1", r#""+1""#),
        (".5", r#"".5""#),
        ("1e5", "1E+5"),
        ("1.5E+3", "1.5E+3"),
        ("1000000.0", "1E+6"),
        ("123456789012345678901234567890.500", "123456789012345678901234567890.5"),
        ("a\0b", r#""a\u0000b""#),
        (r#"{"a":0.000}"#, r#"{"a":0}"#),
        ("-1.0", "-1"),
        ("-", r#""-""#),
        ("1e", r#""1e""#),
        ("[1 2]", r#""[1 2]""#),
        (r#""\u0041\n\"""#, r#""A\n\"""#),
        ("1e-99999999", "1E-99999999"),
        ("0e-10", "0"),
        ("5.0E-1", "0.5"),
    ] {
        assert_eq!(text("JSON", input), Ok(pinot.to_owned()), "{input}");
    }
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(text("JSON", &nested(1000)), Ok(nested(1000)));
    assert_eq!(text("JSON", &nested(1001)), Err(rule::WRONG_TYPE));
    assert_eq!(text("JSON", &"9".repeat(1001)), Err(rule::OUT_OF_RANGE));
}

/// Pinot stores what stands before and drops the rest in silence.
#[test]
fn json_with_something_after_it_is_refused_by_us() {
    for input in ["10 apples", "[1] foo", "1 2", r#"{"a":1}}"#] {
        assert_eq!(text("JSON", input), Err(rule::WRONG_TYPE), "{input}");
    }
}

#[test]
fn numbers_truth_and_bytes() {
    let ok = |text: &str| Ok(text.to_owned());
    for (data_type, input, answer) in [
        ("INT", " 12 ", ok("12")),
        ("INT", "+7", ok("7")),
        ("INT", "-0", ok("0")),
        ("INT", "1.5", Err(rule::WRONG_TYPE)),
        ("INT", "", Err(rule::WRONG_TYPE)),
        ("INT", "1_0", Err(rule::WRONG_TYPE)),
        ("INT", "0x10", Err(rule::WRONG_TYPE)),
        ("LONG", " 7 ", ok("7")),
        ("LONG", "5L", Err(rule::WRONG_TYPE)),
        ("LONG", "1.0", Err(rule::WRONG_TYPE)),
        ("DOUBLE", "NaN", ok("null")),
        ("DOUBLE", "Infinity", ok("inf")),
        ("DOUBLE", "+Infinity", ok("inf")),
        ("DOUBLE", "-Infinity", ok("-inf")),
        ("DOUBLE", " 1.5 ", ok("1.5")),
        ("DOUBLE", ".5", ok("0.5")),
        ("DOUBLE", "5.", ok("5.0")),
        ("DOUBLE", "-0", ok("0.0")),
        ("DOUBLE", "inf", Err(rule::WRONG_TYPE)),
        ("DOUBLE", "", Err(rule::WRONG_TYPE)),
        ("FLOAT", "0.1", ok("0.1")),
        ("BOOLEAN", "TRUE", ok("true")),
        ("BOOLEAN", " true ", ok("true")),
        ("BOOLEAN", "1", ok("true")),
        ("BOOLEAN", "0", ok("false")),
        ("BOOLEAN", "false", ok("false")),
        ("BIG_DECIMAL", "1.500", ok("1.5")),
        ("BIG_DECIMAL", " 1.5 ", ok("1.5")),
        ("BIG_DECIMAL", "+1.5", ok("1.5")),
        ("BIG_DECIMAL", "1E3", ok("1000")),
        ("BIG_DECIMAL", "-0.0", ok("0")),
        ("BIG_DECIMAL", "0E5", ok("0")),
        ("BIG_DECIMAL", "1_000", Err(rule::WRONG_TYPE)),
        ("BIG_DECIMAL", "", Err(rule::WRONG_TYPE)),
        ("BIG_DECIMAL", "NaN", Err(rule::WRONG_TYPE)),
        ("BYTES", "01fF", ok("01ff")),
        ("BYTES", " 01 ", ok("01")),
        ("BYTES", "", ok("")),
        ("BYTES", "0", Err(rule::WRONG_TYPE)),
        ("BYTES", "0g", Err(rule::WRONG_TYPE)),
        ("BYTES", "0x01", Err(rule::WRONG_TYPE)),
    ] {
        assert_eq!(text(data_type, input), answer, "{data_type} {input:?}");
    }
}

/// Pinot saturates, rounds, takes for false, or reads Java's own notations here.
#[test]
fn texts_that_we_refuse_and_pinot_does_not() {
    for (data_type, input, rule) in [
        ("DOUBLE", "1e999", rule::OUT_OF_RANGE),
        ("DOUBLE", "1e-999", rule::OUT_OF_RANGE),
        ("DOUBLE", "1.5f", rule::WRONG_TYPE),
        ("DOUBLE", "0x1p3", rule::WRONG_TYPE),
        ("FLOAT", "3.4028236e38", rule::OUT_OF_RANGE),
        ("FLOAT", "16777217", rule::NOT_EXACT),
        ("INT", "\u{661}", rule::WRONG_TYPE),
        ("BOOLEAN", "yes", rule::WRONG_TYPE),
        ("BOOLEAN", "1.0", rule::WRONG_TYPE),
        ("BIG_DECIMAL", "1e-40000", rule::OUT_OF_RANGE),
    ] {
        assert_eq!(text(data_type, input), Err(rule), "{data_type} {input:?}");
    }
}

#[test]
fn timestamps() {
    for (input, millis) in [
        ("2023-11-14 22:13:20", 1_700_000_000_000_i64),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14 22:13:20Z", 1_700_000_000_000),
        ("2023-11-14", 1_699_920_000_000),
        (" 1700000000000 ", 1_700_000_000_000),
        ("2023-11-14 22:13", 1_699_999_980_000),
        ("2023-11-14T22:13:20.123456789", 1_700_000_000_123),
        ("2023-11-14T22:13:20.5", 1_700_000_000_500),
        ("2023-11-14T22:13:20+05:00", 1_699_982_000_000),
        ("2023-1-4 2:13:20", 1_672_798_400_000),
        ("2023", 2023),
        ("-5", -5),
    ] {
        let array: ArrayRef = Arc::new(StringArray::from(vec![input]));
        let rows = conform_with(r#""dataType": "TIMESTAMP""#, array, ConformOptions::default()).unwrap();
        let column = arrow::compute::cast(rows.batch.column(0), &arrow::datatypes::DataType::Int64).unwrap();
        assert_eq!(arrow::util::display::array_value_to_string(&column, 0).unwrap(), millis.to_string(), "{input}");
    }
    assert_eq!(text("TIMESTAMP", "1700000000.5"), Err(rule::WRONG_TYPE));
}

#[test]
fn lengths_and_nuls() {
    let strategy = |data_type: &str, strategy: &str| {
        format!(r#""dataType": "{data_type}", "maxLength": 4, "maxLengthExceedStrategy": "{strategy}""#)
    };
    let ok = |text: &str| Ok(text.to_owned());
    for (name, input, answer) in [
        ("TRIM_LENGTH", "a\0b", ok("a")),
        ("TRIM_LENGTH", "abcdef", ok("abcd")),
        ("TRIM_LENGTH", "abcdef\0", ok("abcd")),
        ("TRIM_LENGTH", "\0", ok("")),
        ("ERROR", "a\0b", Err(rule::HAS_NUL)),
        ("ERROR", "abcdef", Err(rule::TOO_LONG)),
        ("ERROR", "abcd", ok("abcd")),
        ("SUBSTITUTE_DEFAULT_VALUE", "a\0b", ok("null")),
        ("SUBSTITUTE_DEFAULT_VALUE", "abcdef", ok("null")),
        ("NO_ACTION", "a\0b", ok("a")),
        ("NO_ACTION", "abcdef", ok("abcdef")),
        ("NO_ACTION", "abcdef\0", ok("abcd")),
    ] {
        let array: ArrayRef = Arc::new(StringArray::from(vec![input]));
        assert_eq!(stored(&strategy("STRING", name), array), answer, "{name} {input:?}");
    }
    for (name, answer) in [
        ("TRIM_LENGTH", ok("[1,2")),
        ("ERROR", Err(rule::TOO_LONG)),
        ("SUBSTITUTE_DEFAULT_VALUE", ok("null")),
        ("NO_ACTION", ok("[1,2,3]")),
    ] {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["[1,2,3]"]));
        assert_eq!(stored(&strategy("JSON", name), array), answer, "{name}");
    }
    for (name, answer) in [
        ("TRIM_LENGTH", ok("00010203")),
        ("ERROR", Err(rule::TOO_LONG)),
        ("SUBSTITUTE_DEFAULT_VALUE", ok("")),
        ("NO_ACTION", ok("000102030405")),
    ] {
        let array: ArrayRef = Arc::new(BinaryArray::from(vec![&[0_u8, 1, 2, 3, 4, 5][..]]));
        assert_eq!(stored(&strategy("BYTES", name), array), answer, "{name}");
    }
    assert_eq!(stored(r#""dataType": "STRING", "maxLength": 0"#, Arc::new(StringArray::from(vec!["x"]))), ok(""));
}
