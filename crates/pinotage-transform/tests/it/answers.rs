//! Partitions and segment names beside Pinot's own (`java/conformance`).

use pinotage_spec::{PartitionConfig, SegmentNameGenerator, SegmentNameParts};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::transforms::asked;

fn answers(command: &str, questions: &[Value]) -> Option<Vec<Value>> {
    let lines = asked(command, Some(&questions.into()))?;
    let answers: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    Some(answers)
}

#[test]
fn values_are_in_pinots_partitions() {
    let texts = prop_oneof![
        "\\PC{0,20}",
        "[a-cA-C\u{130}\u{131}i\u{DF}\u{1E9E}\u{3c3}\u{3c2}]{1,2}",
        "-?[0-9]{1,19}",
        "[+ ]?[0-9.]{0,3}"
    ];
    let mut runner = TestRunner::deterministic();
    let mut values: Vec<String> = (0..400).map(|_| texts.new_tree(&mut runner).unwrap().current()).collect();
    values.extend(
        ["", "null", "polygenelubricants", "-9223372036854775808", "9223372036854775807", "😀"].map(str::to_owned),
    );
    let bounded = |values: &str, delimiter: &str| json!({"columnValues": values, "columnValuesDelimiter": delimiter});
    let mut questions = Vec::new();
    for (function, partitions, config) in [
        ("Murmur", 7, json!({})),
        ("murmur2", 64, json!({})),
        ("Murmur3", 7, json!({})),
        ("Murmur3", 1000, json!({"seed": "9001", "variant": "x86_32"})),
        ("Murmur3", 7, json!({"seed": "-1", "variant": "x64_32"})),
        ("MURMUR3", 3, json!({"seed": "", "variant": ""})),
        ("Murmur3", 3, json!({"variant": "x64"})),
        ("Modulo", 7, json!({})),
        ("HashCode", 7, json!({})),
        ("ByteArray", 2_147_483_647, json!({})),
        ("BoundedColumnValue", 4, bounded("a|B|\u{df}", "|")),
        ("BoundedColumnValue", 4, bounded("a||B|;c", "|;")),
        ("BoundedColumnValue", 5, bounded("\u{130} i \u{3c2} \u{1e9e}", " ")),
        ("BoundedColumnValue", 3, bounded("a|b|c", "|")),
        ("BoundedColumnValue", 3, json!({"columnValues": "a,b"})),
        ("Fnv", 3, json!({})),
    ] {
        questions.push(json!({"function": function, "partitions": partitions, "config": config, "values": values}));
    }
    let Some(answers) = answers("partitions", &questions) else { return };
    let mut refused = 0;
    for (question, theirs) in questions.iter().zip(&answers) {
        let document = json!({"functionName": question["function"], "numPartitions": question["partitions"],
            "functionConfig": question["config"]});
        match PartitionConfig::from_json(&document) {
            Err(error) => {
                refused += 1;
                assert!(theirs["error"].is_string(), "{document}: {error}");
            }
            Ok(ours) => {
                assert!(theirs["error"].is_null(), "{document}: {theirs}");
                let ours = values.iter().map(|value| json!(ours.partition(value).ok()));
                for ((ours, theirs), value) in ours.zip(theirs["partitions"].as_array().unwrap()).zip(&values) {
                    assert_eq!(ours, *theirs, "{value:?} by {document}");
                }
            }
        }
    }
    assert_eq!(refused, 4);
}

#[test]
fn segments_have_pinots_names() {
    let millis = |days: i64| days * 86_400_000;
    let mut questions = Vec::new();
    let mut ours = Vec::new();
    for sequence in [None, Some(0), Some(12)] {
        for postfix in [None, Some("post")] {
            for (min, max) in [(None, None), (Some(19_675), Some(19_676)), (Some(0), Some(0)), (Some(-1), Some(40_000))]
            {
                let parts = SegmentNameParts {
                    time_values: min.zip(max).map(|(min, max): (i64, i64)| (min.to_string(), max.to_string())),
                    time_millis: min.zip(max).map(|(min, max)| (millis(min), millis(max))),
                    sequence: sequence.map(|sequence: i32| sequence.to_string()),
                };
                let postfix = postfix.map(str::to_owned);
                let question = json!({"prefix": "tbl", "postfix": postfix, "sequence": sequence.unwrap_or(-1), "min": min,
                    "max": max, "excludeTime": false, "excludeSequence": false, "format": "1:DAYS:EPOCH"});
                let mut ask = |generator: SegmentNameGenerator, more: Value| {
                    let mut question = question.clone();
                    more.as_object().unwrap().iter().for_each(|(key, value)| question[key] = value.clone());
                    questions.push(question);
                    ours.push(generator.generate(&parts));
                };
                ask(
                    SegmentNameGenerator::Simple { prefix: "tbl".into(), postfix: postfix.clone() },
                    json!({"type": "simple"}),
                );
                for (append, hourly) in [(true, false), (true, true), (false, false)] {
                    // A table without times appends too; Pinot has no such names for it.
                    if append && min.is_none() {
                        continue;
                    }
                    let generator = SegmentNameGenerator::NormalizedDate {
                        prefix: "tbl".into(),
                        postfix: postfix.clone(),
                        append,
                        hourly,
                    };
                    let push = if append { "APPEND" } else { "REFRESH" };
                    let frequency = if hourly { "HOURLY" } else { "DAILY" };
                    ask(generator, json!({"type": "normalizedDate", "pushType": push, "frequency": frequency}));
                }
            }
        }
    }
    for name in ["fix", "a b", "a/b", "a:b", "", "x_v3", "a__b"] {
        questions.push(json!({"type": "fixed", "prefix": name, "sequence": 1, "min": null}));
        ours.push(SegmentNameGenerator::Fixed { name: name.into() }.generate(&SegmentNameParts::default()));
    }
    let Some(answers) = answers("names", &questions) else { return };
    for ((question, ours), theirs) in questions.iter().zip(ours).zip(&answers) {
        match (ours, &theirs["name"]) {
            (Ok(ours), theirs) => assert_eq!(ours, *theirs, "{question}"),
            // Names that a segment cannot have are refused here, whoever makes them.
            (Err(_), _) if question["type"] == "fixed" => {}
            (Err(error), theirs) => assert!(theirs.is_null(), "{question}: {error}, not {theirs}"),
        }
    }
}
