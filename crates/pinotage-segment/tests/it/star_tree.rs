//! Star-trees: what we write is what Pinot writes, what is read fits the rows, and what is damaged is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Field, Int32Type};
use pinotage_common::ArchiveLevel;
use pinotage_segment::read::{Segment, Severity};
use pinotage_segment::star_tree::StarTreeNode;
use pinotage_segment::write::{BuiltSegment, SegmentBuilder};
use pinotage_spec::{Schema, TableConfig};
use pinotage_testkit::golden_cases;
use proptest::prelude::*;

use crate::write::{build, finish};

const FILES: [&str; 2] = ["star_tree_index", "star_tree_index_map"];

#[test]
fn golden_star_trees_are_written_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for case in golden_cases() {
        let theirs = case.segment().join("v3");
        if !theirs.join(FILES[0]).is_file() {
            continue;
        }
        let ours = build(&case, &case.name, 9).write_dir(folder.path()).unwrap().join("v3");
        for file in FILES {
            assert_eq!(
                fs::read(ours.join(file)).unwrap(),
                fs::read(theirs.join(file)).unwrap(),
                "{}: {file}",
                case.name
            );
            compared += 1;
        }
        let lines = |folder: &Path| -> Vec<String> {
            let text = fs::read_to_string(folder.join("metadata.properties")).unwrap();
            text.lines().filter(|line| line.starts_with("startree.")).map(str::to_owned).collect()
        };
        assert_eq!(lines(&ours), lines(&theirs), "{}", case.name);
    }
    assert!(compared >= 2, "there is no golden segment with a star-tree");
}

/// Two dimensions, a third that is sometimes skipped, and metrics of every kind of storage.
const SCHEMA: &str = r#"{"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "a", "dataType": "STRING"}, {"name": "b", "dataType": "INT"}, {"name": "c", "dataType": "LONG"},
        {"name": "list", "dataType": "INT", "singleValueField": false}, {"name": "text", "dataType": "STRING"}],
    "metricFieldSpecs": [{"name": "m", "dataType": "LONG"}, {"name": "x", "dataType": "DOUBLE"}]}"#;

const FUNCTIONS: &str = r#""functionColumnPairs": ["COUNT__*", "SUM__m", "MIN__x", "MAX__x", "AVG__m", "MINMAXRANGE__x",
    "DISTINCTCOUNTBITMAP__text", "DISTINCTCOUNTHLL__text", "DISTINCTCOUNTHLL__m", "DISTINCTCOUNTBITMAP__list", "SUMMV__list", "COUNTMV__list", "AVGMV__list"]"#;

type Row = (u8, i32, i64, Vec<i32>, i64);

fn rows(row: impl Strategy<Value = Row>) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row, 1..150)
}

fn any_row() -> impl Strategy<Value = Row> {
    (0..4u8, 0..6i32, 0..3i64, prop::collection::vec(-9..9i32, 1..4), -1000..1000i64)
}

fn text(row: &Row) -> String {
    format!("text {}", row.4.rem_euclid(17))
}

fn segment(rows: &[Row], trees: &str, more: &str) -> BuiltSegment {
    let config = format!(
        r#"{{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {{"noDictionaryColumns": ["m", "x"], "starTreeIndexConfigs": [{trees}] {more}}}}}"#
    );
    let table = TableConfig::from_json(&config).unwrap();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(
        rows.iter().map(|row| Some(row.3.iter().map(|value| Some(*value)))),
    );
    let lists = ListArray::new(
        Arc::new(Field::new("item", DataType::Int32, false)),
        lists.offsets().clone(),
        Arc::clone(lists.values()),
        None,
    );
    let batch = RecordBatch::try_from_iter([
        ("a", Arc::new(rows.iter().map(|row| Some(format!("a{}", row.0))).collect::<StringArray>()) as ArrayRef),
        ("b", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("c", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)))),
        ("list", Arc::new(lists)),
        ("text", Arc::new(rows.iter().map(|row| Some(text(row))).collect::<StringArray>())),
        ("m", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.4)))),
        ("x", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.4 as f64 / 4.0)))),
    ])
    .unwrap();
    let mut builder = SegmentBuilder::try_new(&Schema::from_json(SCHEMA).unwrap(), &table).unwrap();
    builder.append(&batch).unwrap();
    finish(builder, "t_0")
}

fn findings(path: &Path) -> Vec<String> {
    let findings = Segment::open(path).unwrap().verify().unwrap();
    findings.iter().map(ToString::to_string).collect()
}

/// The metrics of a group of rows, in the order of the tree, written as plainly as possible.
fn expected(rows: &[&Row]) -> BTreeMap<&'static str, Vec<u8>> {
    let sum: i64 = rows.iter().map(|row| row.4).sum();
    let xs = || rows.iter().map(|row| row.4 as f64 / 4.0);
    let values = || rows.iter().flat_map(|row| &row.3);
    let (min, max) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
    let total: i64 = values().map(|value| i64::from(*value)).sum();
    let pair = |a: f64, b: i64| [a.to_be_bytes(), b.to_be_bytes()].concat();
    let bitmap = |values: BTreeSet<u32>| {
        let mut bytes = Vec::new();
        values.into_iter().collect::<roaring::RoaringBitmap>().serialize_into(&mut bytes).unwrap();
        bytes
    };
    let hash = |text: String| text.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    BTreeMap::from([
        ("count__*", (rows.len() as i64).to_be_bytes().to_vec()),
        ("sum__m", (sum as f64).to_be_bytes().to_vec()),
        ("min__x", min.to_be_bytes().to_vec()),
        ("max__x", max.to_be_bytes().to_vec()),
        ("avg__m", pair(sum as f64, rows.len() as i64)),
        ("minMaxRange__x", [min.to_be_bytes(), max.to_be_bytes()].concat()),
        ("distinctCountBitmap__text", bitmap(rows.iter().map(|row| hash(text(row))).collect())),
        ("distinctCountBitmap__list", bitmap(values().map(|value| *value as u32).collect())),
        ("sumMV__list", (total as f64).to_be_bytes().to_vec()),
        ("countMV__list", (values().count() as i64).to_be_bytes().to_vec()),
        ("avgMV__list", pair(total as f64, values().count() as i64)),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Every node's sums are those of the rows with its values, whatever the rows and the shape of the tree are.
    #[test]
    fn every_node_sums_up_its_rows(rows in rows(any_row()), leaf in 1..40u32, skip in 0..8u8) {
        let dimensions = ["b", "a", "c"];
        let skipped: Vec<String> =
            (0..3).filter(|bit| skip & (1 << bit) != 0).map(|bit| format!("{:?}", dimensions[bit])).collect();
        let tree = format!(
            r#"{{"dimensionsSplitOrder": ["b", "a", "c"], "skipStarNodeCreationForDimensions": [{}], "maxLeafRecords": {leaf}, {FUNCTIONS}}}"#,
            skipped.join(", ")
        );
        let folder = tempfile::tempdir().unwrap();
        let path = segment(&rows, &tree, "").write_dir(folder.path()).unwrap();
        prop_assert_eq!(findings(&path), Vec::<String>::new());
        let opened = Segment::open(&path).unwrap();
        let trees = opened.star_trees().unwrap().unwrap();
        let tree = trees.tree(0).unwrap();
        prop_assert_eq!(tree.len_bytes(), trees.len_bytes());
        // The ids of a dictionary are the ranks of its values.
        let ranks: Vec<Vec<i64>> = (0..3)
            .map(|dimension| rows.iter().map(|row| value(row, dimension)).collect::<BTreeSet<_>>().into_iter().collect())
            .collect();
        let nodes: Vec<StarTreeNode> = tree.nodes().collect();
        let mut paths = vec![Vec::new(); nodes.len()];
        for (number, node) in nodes.iter().enumerate() {
            let group: Vec<&Row> = rows
                .iter()
                .filter(|row| paths[number].iter().all(|(dimension, id): &(usize, i32)| value(row, *dimension) == ranks[*dimension][*id as usize]))
                .collect();
            let expected = expected(&group);
            for (place, metric) in tree.metadata().aggregations.iter().enumerate() {
                if let Some(expected) = expected.get(metric.metric().as_str()) {
                    let found = tree.metric(place, node.aggregated_doc as usize).unwrap();
                    prop_assert_eq!(&found, expected, "{} of node {}", metric.metric(), number);
                }
            }
            if node.is_leaf() {
                prop_assert!(node.dimension == 2 || node.end_doc - node.start_doc <= leaf as i32);
                continue;
            }
            let children = node.first_child as usize..=node.last_child as usize;
            let star = nodes[*children.start()].is_star();
            let dimension = (node.dimension + 1) as usize;
            let many = children.clone().count() - usize::from(star) > 1;
            prop_assert_eq!(star, many && skip & (1 << dimension) == 0);
            for child in children {
                paths[child] = paths[number].clone();
                if !nodes[child].is_star() {
                    paths[child].push((dimension, nodes[child].value));
                }
            }
        }
    }

    /// A byte that is changed is named or harmless, and nothing panics.
    #[test]
    fn damaged_star_trees_never_panic(
        rows in rows(any_row()), file in 0..3usize, at in any::<prop::sample::Index>(), bits in 1u8.., cut: bool,
    ) {
        let tree = format!(r#"{{"dimensionsSplitOrder": ["a", "b"], "maxLeafRecords": 2, {FUNCTIONS}}}"#);
        let folder = tempfile::tempdir().unwrap();
        let path = segment(&rows, &tree, "").write_dir(folder.path()).unwrap();
        let file = path.join("v3").join([FILES[0], FILES[1], "metadata.properties"][file]);
        let mut bytes = fs::read(&file).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= bits }
        fs::write(&file, bytes).unwrap();
        if let Ok(segment) = Segment::open(&path) {
            prop_assert!(!segment.verify().unwrap().is_empty(), "byte {at} goes unnoticed");
            if let Ok(Some(trees)) = segment.star_trees() {
                for tree in (0..trees.len()).filter_map(|number| trees.tree(number).ok()) {
                    tree.nodes().for_each(drop);
                    let _ = tree.ids(0, 0..tree.metadata().num_docs.min(1 << 20) as usize);
                    let _ = tree.metric(0, 0);
                }
            }
        }
    }
}

fn value(row: &Row, dimension: usize) -> i64 {
    match dimension {
        0 => row.1.into(),
        1 => row.0.into(),
        _ => row.2,
    }
}

fn some_rows(count: usize) -> Vec<Row> {
    let noise = |row: usize, salt: usize| (row * 7919 + salt * 104_729) / 13 % 1000;
    (0..count)
        .map(|row| {
            let list = (0..1 + row % 3).map(|at| noise(row, at) as i32 % 9).collect();
            ((noise(row, 5) % 4) as u8, noise(row, 6) as i32 % 6, noise(row, 7) as i64 % 3, list, noise(row, 8) as i64)
        })
        .collect()
}

#[test]
fn every_damaged_word_of_a_tree_is_named() {
    let tree = r#"{"dimensionsSplitOrder": ["a", "b"], "maxLeafRecords": 1, "functionColumnPairs": ["SUM__m"]}"#;
    let folder = tempfile::tempdir().unwrap();
    // So few nodes that the sums of all are made again.
    let path = segment(&some_rows(11), tree, "").write_dir(folder.path()).unwrap();
    assert_eq!(findings(&path), Vec::<String>::new());
    let file = path.join("v3").join(FILES[0]);
    let intact = fs::read(&file).unwrap();
    let segment = Segment::open(&path).unwrap();
    let trees = segment.star_trees().unwrap().unwrap();
    let sums = trees.tree(0).unwrap();
    let len = sums.nodes().len();
    let intact_sums: Vec<Vec<u8>> =
        sums.nodes().map(|node| sums.metric(0, node.aggregated_doc as usize).unwrap()).collect();
    assert!((10..=32).contains(&len), "{len} nodes");
    // A header of 20 bytes, two names of one byte, a count; then the nodes.
    let header = 24 + 2 * 9;
    let tree_len = header + 28 * len;
    for at in 0..tree_len {
        for bits in [0x01, 0x80] {
            let mut damaged = intact.clone();
            damaged[at] ^= bits;
            fs::write(&file, damaged).unwrap();
            let segment = Segment::open(&path).unwrap();
            let errors = segment.verify().unwrap().into_iter().filter(|finding| finding.severity == Severity::Error);
            // Another doc with the same sum would do as well.
            let sums = || -> Option<Vec<Vec<u8>>> {
                let trees = segment.star_trees().ok()??;
                let tree = trees.tree(0).ok()?;
                tree.nodes().map(|node| tree.metric(0, node.aggregated_doc as usize).ok()).collect()
            };
            let is_sum = at >= header && (at - header) % 28 / 4 == 4;
            assert!(
                errors.count() > 0 || (is_sum && sums().as_ref() == Some(&intact_sums)),
                "bits {bits:x} of byte {at} of {tree_len} go unnoticed"
            );
        }
    }
    fs::remove_file(&file).unwrap();
    assert!(findings(&path).iter().any(|finding| finding.contains("star_tree_index")));
}

#[test]
fn wrong_sums_are_named() {
    let tree = format!(r#"{{"dimensionsSplitOrder": ["a"], {FUNCTIONS}}}"#);
    let folder = tempfile::tempdir().unwrap();
    let path = segment(&some_rows(60), &tree, "").write_dir(folder.path()).unwrap();
    let file = path.join("v3").join(FILES[0]);
    let intact = fs::read(&file).unwrap();
    let map = fs::read_to_string(path.join("v3").join(FILES[1])).unwrap();
    for line in map.lines().filter(|line| line.contains("__") && line.contains(".SIZE")) {
        // The end of a metric is the last of its docs, the sum over all.
        let (key, size) = line.split_once(" = ").unwrap();
        let offset = map.lines().find_map(|line| line.strip_prefix(&format!("{} = ", key.replace("SIZE", "OFFSET"))));
        let end = offset.unwrap().parse::<usize>().unwrap() + size.parse::<usize>().unwrap();
        let mut damaged = intact.clone();
        // A register of the sketch, a value of the bitmap, the high bits of a number.
        let at = if key.contains("Bitmap") || key.contains("HLL") { end - 2 } else { end - 8 };
        damaged[at] ^= 0x10;
        fs::write(&file, damaged).unwrap();
        let found = findings(&path);
        let metric = key.strip_prefix("0.").unwrap().strip_suffix(".FORWARD_INDEX.SIZE").unwrap();
        assert!(
            found.iter().any(|finding| finding.starts_with("error") && finding.contains(metric)),
            "{metric}: {found:?}"
        );
    }
}

#[test]
fn several_trees_and_the_default_one_stand_in_one_file() {
    let first = format!(r#"{{"dimensionsSplitOrder": ["c"], "maxLeafRecords": 3, {FUNCTIONS}}}"#);
    let second = r#"{"dimensionsSplitOrder": ["a", "text"], "skipStarNodeCreationForDimensions": ["a"], "aggregationConfigs": [
        {"columnName": "m", "aggregationFunction": "SUM", "compressionCodec": "LZ4", "targetDocsPerChunk": 3},
        {"columnName": "text", "aggregationFunction": "DISTINCTCOUNTHLL", "functionParameters": {"log2m": 5}, "compressionCodec": "ZSTANDARD",
         "indexVersion": 2, "deriveNumDocsPerChunk": true},
        {"columnName": "x", "aggregationFunction": "AVG", "compressionCodec": "SNAPPY", "targetMaxChunkSize": "4K"}]}"#;
    let folder = tempfile::tempdir().unwrap();
    let built = segment(&some_rows(500), &format!("{first}, {second}"), r#", "enableDefaultStarTree": true"#);
    for path in
        [built.write_dir(folder.path()).unwrap(), built.write_tar_gz(folder.path(), ArchiveLevel::default()).unwrap()]
    {
        assert_eq!(findings(&path), Vec::<String>::new());
        let segment = Segment::open(&path).unwrap();
        assert_eq!(segment.metadata(), built.metadata());
        let trees = segment.star_trees().unwrap().unwrap();
        let shown: Vec<String> = (0..trees.len())
            .map(|number| trees.tree(number).unwrap().metadata().to_string())
            .map(|shown| shown.rsplit_once(',').unwrap().0.to_owned())
            .skip(1)
            .collect();
        let expected =
            ["sum__m, distinctCountHLL__text, avg__x by a, text", "count__*, sum__m, sum__x by text, b, a, c"];
        assert_eq!(shown, expected);
        assert!(trees.tree(3).is_err());
    }
}

#[test]
fn a_segment_of_a_table_without_star_trees_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = segment(&some_rows(10), "", "").write_dir(folder.path()).unwrap();
    assert!(Segment::open(&path).unwrap().star_trees().unwrap().is_none());
    assert_eq!(fs::read_dir(path.join("v3")).unwrap().count(), 4);
}

#[test]
fn threads_do_not_change_a_byte() {
    let tree = format!(r#"{{"dimensionsSplitOrder": ["b", "a", "c", "text"], "maxLeafRecords": 10, {FUNCTIONS}}}"#);
    let rows = some_rows(40_000);
    let crc = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| segment(&rows, &tree, "").crc())
    };
    assert_eq!(crc(1), crc(4));
}
