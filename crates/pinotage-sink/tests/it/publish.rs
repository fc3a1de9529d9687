//! Nothing lost, nothing twice, whatever an earlier call left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use pinotage_client::{Address, Connection, Controller, LineageState, Replacement, Upload};
use pinotage_common::{ArchiveLevel, ByteSize, ErrorKind, Result};
use pinotage_connector::Lives;
use pinotage_sink::publish::{History, Mark, Publication, PushObserver, PushOptions, foreign, publish, revert};
use pinotage_sink::{LocalSegment, Target};
use pinotage_testkit::fake::{Action, Fake, Relay};

use crate::places::{Place, in_all_places};
use crate::support::{Fixture, damage};

in_all_places!(
    names_of_others_are_overwritten_where_that_is_wanted,
    two_pushes_at_once_are_exact_or_refused,
    segments_come_once_however_often_they_are_published,
    segments_are_replaced_in_one_step_or_by_name,
    a_replacement_that_was_cut_short_is_gone_on_with,
    a_segment_that_no_server_can_load_takes_the_whole_replacement_back,
    segments_of_a_lost_state_are_told_apart,
    what_is_there_stays_when_the_rest_comes,
    copies_of_a_state_see_each_other,
);

#[derive(Default)]
struct Pushed(Mutex<usize>);

impl PushObserver for Pushed {
    fn pushed(&self, _bytes: ByteSize) {
        *self.0.lock().unwrap() += 1;
    }
}

/// Publishes and says how many segments were uploaded.
async fn push(fixture: &Fixture, to: &[LocalSegment], from: &[&LocalSegment]) -> Result<usize> {
    let publication = Publication {
        to: to.to_vec(),
        from: from.iter().map(|segment| (segment.name.clone(), segment.crc)).collect(),
        own_prefix: Some("own_".into()),
        ..Publication::default()
    };
    let pushed = Pushed::default();
    publish(&fixture.target, fixture.table.json(), &publication, &PushOptions::default(), &pushed).await?;
    Ok(*pushed.0.lock().unwrap())
}

async fn states(fixture: &Fixture) -> Vec<LineageState> {
    let entries = fixture.target.controller.lineage(&fixture.target.table, fixture.target.table_type).await.unwrap();
    entries.into_iter().map(|entry| entry.state).collect()
}

async fn segments_come_once_however_often_they_are_published(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_once").await else { return };
    let one = [fixture.segment("own_1", &[1, 2])];
    assert_eq!(push(&fixture, &one, &[]).await.unwrap(), 1);
    assert_eq!(push(&fixture, &one, &[]).await.unwrap(), 0);
    let two = [fixture.segment("own_2", &[3]), fixture.segment("own_3", &[4, 5])];
    assert_eq!(push(&fixture, &two, &[]).await.unwrap(), 2);
    assert_eq!(push(&fixture, &two, &[]).await.unwrap(), 0);
    assert_eq!(states(&fixture).await, [LineageState::Completed]);
    fixture.keys(&[1, 2, 3, 4, 5]).await;
    let other = [fixture.segment("own_1", &[9])];
    let error = push(&fixture, &other, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    fixture.keys(&[1, 2, 3, 4, 5]).await;
}

/// What a controller fails to do behind the end of a replacement takes back no rows that queries see.
#[tokio::test]
async fn an_end_that_took_effect_is_one_whatever_the_answer() {
    let Some(fixture) = Fixture::with_table(Place::Modern, "push_ended").await else { return };
    let relay = Relay::new(&fixture.cluster.controller);
    let act = Action::decide(move |request| match (relay.forward(request), request.path.rsplit('/').next()) {
        (_, Some("endReplaceSegments")) => Action::error(500, "on purpose, behind the effect"),
        (answer, _) => answer,
    });
    let fake = Fake::new().otherwise(act).start();
    let controller = Controller::new(&Connection::new(Address::parse(&fake.url()).unwrap())).unwrap();
    let target = Target { controller, ..fixture.target.clone() };
    let to = vec![fixture.segment("own_1", &[1]), fixture.segment("own_2", &[2])];
    let publication = Publication { to, own_prefix: Some("own_".into()), ..Publication::default() };
    publish(&target, fixture.table.json(), &publication, &PushOptions::default(), &()).await.unwrap();
    assert_eq!(states(&fixture).await, [LineageState::Completed]);
    fixture.keys(&[1, 2]).await;
}

async fn segments_are_replaced_in_one_step_or_by_name(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_replace").await else { return };
    let old = [fixture.segment("own_1", &[1]), fixture.segment("own_2", &[2])];
    push(&fixture, &old, &[]).await.unwrap();
    let new = [fixture.segment("own_3", &[10, 20])];
    // One that goes has been deleted in between.
    let absent = fixture.segment("own_absent", &[7]);
    push(&fixture, &new, &[&old[0], &old[1], &absent]).await.unwrap();
    fixture.keys(&[10, 20]).await;
    // The same name again: refreshed, and what has no successor goes.
    let again = [fixture.segment("own_3", &[30])];
    push(&fixture, &again, &[&new[0]]).await.unwrap();
    fixture.keys(&[30]).await;
    // Somebody else's bytes under our name are not overwritten.
    let error = push(&fixture, &[fixture.segment("own_3", &[40])], &[&new[0]]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    push(&fixture, &[], &[&again[0]]).await.unwrap();
    fixture.keys(&[]).await;
}

async fn names_of_others_are_overwritten_where_that_is_wanted(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_overwrite").await else { return };
    let theirs = [fixture.segment("a", &[1]), fixture.segment("b", &[2])];
    push(&fixture, &theirs[..1], &[]).await.unwrap();
    push(&fixture, &theirs[1..], &[]).await.unwrap();
    let to = vec![fixture.segment("a", &[10]), theirs[1].clone(), fixture.segment("c", &[3])];
    let overwrite = async |to: Vec<LocalSegment>| {
        let publication = Publication { to, overwrite: true, ..Publication::default() };
        let pushed = Pushed::default();
        publish(&fixture.target, fixture.table.json(), &publication, &PushOptions::default(), &pushed).await.unwrap();
        *pushed.0.lock().unwrap()
    };
    assert_eq!(overwrite(to.clone()).await, 2);
    fixture.keys(&[2, 3, 10]).await;
    assert_eq!(overwrite(to).await, 0);
    assert_eq!(states(&fixture).await, []);
}

/// Appends and replacements of two jobs at the same time.
async fn two_pushes_at_once_are_exact_or_refused(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_two").await else { return };
    let old = [fixture.segment("old", &[1])];
    push(&fixture, &old, &[]).await.unwrap();
    let mut keys = vec![1];
    // What came is there, what was refused is not, and the reason is the other one.
    let mut count = |pushed: Result<usize>, came: &[i64], went: &[i64]| match pushed {
        Ok(_) => {
            keys.retain(|key| !went.contains(key));
            keys.extend(came);
            keys.sort_unstable();
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
            false
        }
    };
    let a = [fixture.segment("a_1", &[10]), fixture.segment("a_2", &[11])];
    let b = [fixture.segment("b_1", &[20]), fixture.segment("b_2", &[21])];
    let (first, second) = futures::join!(push(&fixture, &a, &[]), push(&fixture, &b, &[]));
    assert!(count(first, &[10, 11], &[]) | count(second, &[20, 21], &[]), "neither came");
    let c = [fixture.segment("c_1", &[30]), fixture.segment("c_2", &[31])];
    let new = [fixture.segment("new", &[2])];
    let from = [&old[0]];
    let (first, second) = futures::join!(push(&fixture, &c, &[]), push(&fixture, &new, &from));
    assert!(count(first, &[30, 31], &[]) | count(second, &[2], &[1]), "neither came");
    let d = [fixture.segment("d", &[40])];
    let e = [fixture.segment("e", &[50])];
    let from = [&new[0]];
    let (first, second) = futures::join!(push(&fixture, &d, &from), push(&fixture, &e, &from));
    assert!(count(first, &[40], &[2]) != count(second, &[50], &[2]), "one of two takes the place");
    fixture.keys(&keys).await;
}

/// A run died after it had started a replacement and pushed one of two segments.
async fn a_replacement_that_was_cut_short_is_gone_on_with(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_continue").await else { return };
    let target = &fixture.target;
    let to = [fixture.segment("own_1", &[1]), fixture.segment("own_2", &[2])];
    let replacement = Replacement {
        segments_from: Vec::new(),
        segments_to: to.iter().map(|segment| segment.name.clone()).collect(),
        custom_map: BTreeMap::new(),
    };
    let start = async |replacement: &Replacement| {
        target.controller.start_replace_segments(&target.table, target.table_type, replacement, false).await.unwrap()
    };
    start(&replacement).await;
    let archive = fixture.folder.path().join("own_1.tar.gz");
    pinotage_segment::write::archive_folder(&to[0].path, ArchiveLevel::default(), &archive).unwrap();
    let upload = Upload::new(&target.table, target.table_type);
    target.controller.upload_segment(&upload, "own_1", &archive).await.unwrap();
    assert_eq!(push(&fixture, &to, &[]).await.unwrap(), 1);
    assert_eq!(states(&fixture).await, [LineageState::Completed]);
    fixture.keys(&[1, 2]).await;

    // Another set of segments of ours is half-way and in the way, one of them there already: it is taken back.
    let stale = Replacement {
        segments_from: vec!["own_1".into()],
        segments_to: vec!["own_3".into(), "own_4".into()],
        custom_map: BTreeMap::new(),
    };
    start(&stale).await;
    let new = [fixture.segment("own_4", &[4])];
    let archive = fixture.folder.path().join("own_4.tar.gz");
    pinotage_segment::write::archive_folder(&new[0].path, ArchiveLevel::default(), &archive).unwrap();
    target.controller.upload_segment(&upload, "own_4", &archive).await.unwrap();
    push(&fixture, &new, &[&to[0]]).await.unwrap();
    fixture.keys(&[2, 4]).await;

    // So is one that shares a name with what comes now; the name can be used again.
    let names = ["own_6", "own_7"].map(str::to_owned).into();
    start(&Replacement { segments_from: vec!["own_2".into()], segments_to: names, custom_map: BTreeMap::new() }).await;
    let archive = fixture.folder.path().join("own_6.tar.gz");
    pinotage_segment::write::archive_folder(&fixture.segment("own_6", &[60]).path, ArchiveLevel::default(), &archive)
        .unwrap();
    target.controller.upload_segment(&upload, "own_6", &archive).await.unwrap();
    let two = [fixture.segment("own_6", &[6]), fixture.segment("own_8", &[2])];
    push(&fixture, &two, &[&to[1]]).await.unwrap();
    fixture.keys(&[2, 4, 6]).await;

    // Somebody else's is not.
    let theirs = Replacement { segments_from: vec!["own_4".into()], segments_to: vec!["theirs".into()], ..stale };
    let id = start(&theirs).await;
    let error = push(&fixture, &[fixture.segment("own_5", &[5])], &[&new[0]]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    assert!(error.advice().contains("pinotage push --revert"));
    let reverted = revert(target, None).await.unwrap();
    assert_eq!(reverted.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&id]);
    push(&fixture, &[fixture.segment("own_5", &[5])], &[&new[0]]).await.unwrap();
    fixture.keys(&[2, 5, 6]).await;
    assert_eq!(revert(target, None).await.unwrap_err().kind(), ErrorKind::NotFound);

    // What is to go has been decided anew since: it goes, and what was to go before stays.
    let names = ["own_9", "own_10"].map(str::to_owned).into();
    start(&Replacement { segments_from: vec!["own_6".into()], segments_to: names, custom_map: BTreeMap::new() }).await;
    let last = [fixture.segment("own_9", &[9]), fixture.segment("own_10", &[10])];
    push(&fixture, &last, &[&two[1]]).await.unwrap();
    fixture.keys(&[5, 6, 9, 10]).await;
}

async fn a_segment_that_no_server_can_load_takes_the_whole_replacement_back(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_broken").await else { return };
    let old = [fixture.segment("own_1", &[1])];
    push(&fixture, &old, &[]).await.unwrap();
    let mut to = [fixture.segment("own_2", &[2]), fixture.segment("own_3", &[3])];
    let intact = to[1].path.clone();
    let broken = fixture.folder.path().join("broken/own_3");
    copy(&intact, &broken);
    damage(&broken);
    to[1].path = broken;
    let error = push(&fixture, &to, &[&old[0]]).await.unwrap_err();
    let context: BTreeMap<_, _> = error.context().iter().map(|(key, value)| (*key, value.as_str())).collect();
    assert_eq!((error.kind(), context["segment"]), (ErrorKind::Unavailable, "own_3"), "{error}");
    assert_eq!(context["server"], fixture.cluster.servers[0].instance);
    assert_eq!(context["replacement"], "reverted", "{error}");
    assert!(context["reason"].len() > 20, "{error}");
    fixture.keys(&[1]).await;
    // The same names again, now whole, in another company: neither the old bytes nor the old replacement are in the way.
    to[1].path = intact;
    let (two, three) = (to[0].clone(), to[1].clone());
    push(&fixture, &[two.clone(), fixture.segment("own_4", &[4])], &[&old[0]]).await.unwrap();
    fixture.keys(&[2, 4]).await;
    push(&fixture, std::slice::from_ref(&three), &[]).await.unwrap();
    fixture.keys(&[2, 3, 4]).await;
    // What was replaced is not seen under its old name, and nobody says that it is.
    let error = push(&fixture, &old, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    assert!(error.message().contains("was replaced by others"), "{error}");
    // One alone that could not be loaded comes when it is whole.
    let mut alone = fixture.segment("own_5", &[5]);
    let whole = alone.path.clone();
    alone.path = fixture.folder.path().join("broken/own_5");
    copy(&whole, &alone.path);
    damage(&alone.path);
    let error = push(&fixture, std::slice::from_ref(&alone), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    alone.path = whole;
    push(&fixture, &[alone], &[]).await.unwrap();
    fixture.keys(&[2, 3, 4, 5]).await;
}

async fn segments_of_a_lost_state_are_told_apart(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_foreign").await else { return };
    let mark = |run: &str, epoch| Mark { job: "j".into(), run: run.into(), epoch };
    let mut segments = [fixture.segment("own_1", &[1]), fixture.segment("own_2", &[2]), fixture.segment("other", &[3])];
    segments[0].custom = mark("r1", 7).custom("a.csv");
    segments[1].custom = mark("r2", 1).custom("a.csv");
    push(&fixture, &segments, &[]).await.unwrap();
    let snapshot = fixture.target.snapshot().await.unwrap();
    let known = BTreeSet::from(["own_2".to_owned()]);
    assert_eq!(foreign(&snapshot, &known, &mark("r2", 1), false).unwrap(), ["own_1"]);
    assert_eq!(foreign(&snapshot, &known, &mark("r2", 1), true).unwrap(), ["other", "own_1"]);
    let error = foreign(&snapshot, &known, &mark("r1", 6), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(std::result::Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Of a set some are visible already: they are left alone, and nobody else's bytes go.
async fn what_is_there_stays_when_the_rest_comes(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_rest").await else { return };
    let [one, two, three] = [1, 2, 3].map(|key| fixture.segment(&format!("own_{key}"), &[key]));
    let [old, theirs] = [4, 5].map(|key| fixture.segment(&format!("their_{key}"), &[key]));
    for alone in [&one, &old, &theirs] {
        push(&fixture, std::slice::from_ref(alone), &[]).await.unwrap();
    }
    let uploaded = fixture.target.snapshot().await.unwrap().segments["own_1"].clone();
    let other = fixture.segment("their_5", &[50]);
    let error = push(&fixture, &[one.clone(), other], &[&old]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
    assert!(states(&fixture).await.is_empty());
    fixture.keys(&[1, 4, 5]).await;
    assert_eq!(push(&fixture, &[one.clone(), two.clone(), three.clone()], &[&old]).await.unwrap(), 2);
    fixture.keys(&[1, 2, 3, 5]).await;
    assert_eq!(fixture.target.snapshot().await.unwrap().segments["own_1"], uploaded);
    // All have come, and only what goes is left to be done.
    assert_eq!(push(&fixture, &[one, two], &[&theirs]).await.unwrap(), 0);
    fixture.keys(&[1, 2, 3]).await;
    assert_eq!(states(&fixture).await, [LineageState::Completed]);
}

/// One segment of a run, as a process of it brings it that goes on behind epoch 1.
fn of_run(fixture: &Fixture, life: &str, name: &str, key: i64) -> Publication {
    let mut lives = Lives::default();
    lives.begin("common", 0);
    lives.begin(life, 1);
    let history = History { mark: Mark { job: "j".into(), run: "r".into(), epoch: 2 }, lives };
    let mut segment = fixture.segment(name, &[key]);
    segment.custom = history.custom(2);
    Publication { to: vec![segment], own_prefix: Some("own_".into()), history: Some(history), ..Publication::default() }
}

/// Of two processes with copies of one state, which choose no name that the other one has, one at most brings rows in: whoever
/// comes later sees what the other one has brought, or is about to.
async fn copies_of_a_state_see_each_other(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "push_copies").await else { return };
    let options = PushOptions::default();
    let push = async |publication: &Publication| {
        publish(&fixture.target, fixture.table.json(), publication, &options, &()).await
    };
    let conflict = |result: Result<()>| {
        let error = result.unwrap_err();
        assert!(error.kind() == ErrorKind::CommitConflict && error.message().contains("was copied"), "{error}");
    };
    // A replacement of the other copy has begun; it has brought nothing yet.
    let begun = Replacement { segments_to: vec!["own_b".into()], ..Replacement::default() };
    let Fixture { target, .. } = &fixture;
    let id = target.controller.start_replace_segments(&target.table, target.table_type, &begun, false).await.unwrap();
    let one = of_run(&fixture, "one", "own_a", 1);
    conflict(push(&one).await);
    target.controller.revert_replace_segments(&target.table, target.table_type, &id, true).await.unwrap();
    // A single segment comes by a replacement too, and again and again.
    push(&one).await.unwrap();
    push(&one).await.unwrap();
    fixture.keys(&[1]).await;
    conflict(push(&of_run(&fixture, "two", "own_c", 2)).await);
    // The process behind the first one knows what is there.
    let mut next = of_run(&fixture, "one", "own_d", 3);
    next.history.as_mut().unwrap().lives.begin("next", 2);
    push(&next).await.unwrap();
    fixture.keys(&[1, 3]).await;
    // Both at the same moment: not both of them. Pinot 0.11 loses an entry when another one is written at that moment.
    for round in 0..if place == Place::Oldest { 0 } else { 5 } {
        let names: Vec<String> = fixture.target.snapshot().await.unwrap().segments.into_keys().collect();
        target.controller.delete_segments(&target.table, target.table_type, &names).await.unwrap();
        fixture.keys(&[]).await;
        let (a, b) = (format!("own_{round}_a"), format!("own_{round}_b"));
        let (a, b) = (of_run(&fixture, "a", &a, 1), of_run(&fixture, "b", &b, 2));
        let (a, b) = tokio::join!(push(&a), push(&b));
        eprintln!("round {round}: {} {}", a.is_ok(), b.is_ok());
        assert!(a.is_err() || b.is_err(), "both have come");
        match (a, b) {
            (Ok(()), _) => fixture.keys(&[1]).await,
            (_, Ok(())) => fixture.keys(&[2]).await,
            (Err(a), Err(b)) => {
                fixture.keys(&[]).await;
                assert!([a, b].iter().all(|error| error.kind() == ErrorKind::CommitConflict));
            }
        }
    }
}
