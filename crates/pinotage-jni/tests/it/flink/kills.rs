//! TaskManagers that are killed as processes, with their disks, while a job reads from Kafka.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, Options, Version};
use pinotage_testkit::flink::JobState;
use pinotage_testkit::is_full;
use pinotage_testkit::servers::Kafka;

use super::lines::Line;
use super::session;
use super::table::Table;

const PARTITIONS: u32 = 4;
const SEGMENT_ROWS: u64 = 5_000;

/// The oldest release, for all tests of Flink.
pub(super) fn oldest() -> Option<&'static Cluster> {
    static OLDEST: OnceLock<Option<Cluster>> = OnceLock::new();
    OLDEST.get_or_init(|| Cluster::start(&Options { version: Version::V0_11, ..Options::default() })).as_ref()
}

/// Each row once, and no small segments, though TaskManagers die at random moments, one after another.
fn kill(name: &str, line: Line, cluster: Option<&'static Cluster>) {
    let (Some(_), Some(cluster), Some(kafka)) = (line.class_path(), cluster, Kafka::shared()) else { return };
    let (rows, kills) = if is_full() { (801_000, 20) } else { (141_000, 3) };
    let table = Table::create_in(cluster, name, line);
    kafka.create_topic(&table.name, PARTITIONS);
    kafka.write_numbers(&table.name, PARTITIONS, 0, rows);
    let mut shared = session::shared(line).unwrap();
    let mut random = u64::from(std::process::id());
    eprintln!("seed {random}");
    let segment_rows = SEGMENT_ROWS.to_string();
    let further = [
        ("kafka", kafka.address.as_str()),
        ("topic", table.name.as_str()),
        ("restarts", "1000"),
        ("rate", "1500"),
        ("parallelism", "4"),
        ("segmentRows", segment_rows.as_str()),
        ("checkpointMillis", "1000"),
    ];
    let job = shared.submit(&table.options(rows, &further), None).id;
    for kill in 0..kills {
        // The first failures may come before anything is in the table, and others at any moment of a publication.
        let before = shared.job(&job).checkpoints();
        shared.job(&job).await_checkpoints(before + 1 + random % 2);
        thread::sleep(Duration::from_millis(random % 1_000));
        assert_eq!(shared.job(&job).state(), JobState::Running, "it ended before kill {kill}");
        shared.session.kill_task_manager((random % 2) as usize);
        shared.session.add_task_manager();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 1;
        table.is_never_doubled(rows);
    }
    shared.job(&job).finish();
    table.is_exact(rows);
    let segments = table.segments();
    let full = segments.iter().filter(|rows| **rows == SEGMENT_ROWS).count();
    eprintln!("{} segments, {full} of them full", segments.len());
    assert!(segments.len() >= 20, "{segments:?}");
    assert!(segments[segments.len() / 2] >= SEGMENT_ROWS / 2, "{segments:?}");
}

#[test]
fn of_1_20_beside_pinot_0_11() {
    kill("flink_killed_oldest", Line::V1_20, oldest());
}

#[test]
fn of_2_beside_pinot_1_5() {
    kill("flink_killed", Line::V2, Cluster::shared());
}

/// The other two ways to put them together are the large size's.
#[test]
fn of_all_others() {
    if is_full() {
        kill("flink_killed", Line::V1_20, Cluster::shared());
        kill("flink_killed_oldest", Line::V2, oldest());
    }
}
