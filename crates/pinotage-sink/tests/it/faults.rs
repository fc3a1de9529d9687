//! What gets lost, goes away and comes back.

use std::sync::OnceLock;

use pinotage_client::{LineageState, SegmentState};
use pinotage_common::{ByteSize, ErrorKind, Result};
use pinotage_sink::publish::{Publication, PushObserver, PushOptions, publish};
use pinotage_sink::{LocalSegment, Target};
use pinotage_testkit::cluster::{Cluster, Options};
use serde_json::json;

use crate::between::{Fault, between};
use crate::places::{Place, in_all_places};
use crate::support::{Fixture, config, context};

in_all_places!(@ modern Modern a_lost_answer_changes_nothing whatever_gets_lost_the_next_call_ends_it a_used_up_quota_takes_the_replacement_back);
in_all_places!(@ oldest Oldest a_lost_answer_changes_nothing whatever_gets_lost_the_next_call_ends_it a_used_up_quota_takes_the_replacement_back);

fn publication(to: &[LocalSegment], from: &[LocalSegment]) -> Publication {
    Publication {
        to: to.to_vec(),
        from: from.iter().map(|segment| (segment.name.clone(), segment.crc)).collect(),
        own_prefix: Some("own_".into()),
        ..Publication::default()
    }
}

async fn push(fixture: &Fixture, target: &Target, to: &[LocalSegment], from: &[LocalSegment]) -> Result<()> {
    publish(target, fixture.table.json(), &publication(to, from), &PushOptions::default(), &()).await
}

/// Completed replacements; fails when there is another one.
async fn completed(fixture: &Fixture) -> usize {
    let entries = fixture.target.controller.lineage(&fixture.target.table, fixture.target.table_type).await.unwrap();
    assert!(entries.iter().all(|entry| entry.state == LineageState::Completed), "{entries:?}");
    entries.len()
}

/// The steps of a replacement of two segments by two, as the paths of its requests end.
const STEPS: [&str; 3] = ["/startReplaceSegments", "/v2/segments", "/endReplaceSegments"];

async fn a_lost_answer_changes_nothing(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "lost_answer").await else { return };
    let mut before = Vec::new();
    for (at, step) in STEPS.into_iter().enumerate() {
        let keys = [at as i64 * 2, at as i64 * 2 + 1];
        let now = keys.map(|key| fixture.segment(&format!("own_{key}"), &[key])).to_vec();
        let (target, fake) = between(&fixture, 3, vec![(step, Fault::LoseAnswer)]);
        push(&fixture, &target, &now, &before).await.unwrap_or_else(|error| panic!("{step}: {error:?}"));
        assert!(fake.requests().iter().any(|request| request.path.ends_with(step)));
        assert_eq!(completed(&fixture).await, at + 1, "{step}");
        fixture.keys(&keys).await;
        before = now;
    }
    // One by itself, which needs no replacement.
    let one = [fixture.segment("own_alone", &[100])];
    let (target, fake) = between(&fixture, 3, vec![("/v2/segments", Fault::LoseAnswer)]);
    push(&fixture, &target, &one, &[]).await.unwrap();
    assert_eq!(fake.requests().iter().filter(|request| request.path == "/v2/segments").count(), 2);
    fixture.keys(&[4, 5, 100]).await;
}

async fn whatever_gets_lost_the_next_call_ends_it(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "lost_all").await else { return };
    let questions = ["/idealstate", "/lineage", "/externalview"];
    let faults = STEPS.into_iter().flat_map(|step| [(step, Fault::LoseRequest), (step, Fault::LoseAnswer)]);
    let faults: Vec<_> = faults.chain(questions.map(|question| (question, Fault::LoseRequest))).collect();
    let mut before = Vec::new();
    for (at, (step, fault)) in faults.into_iter().enumerate() {
        let keys = [at as i64 * 2, at as i64 * 2 + 1];
        let now = keys.map(|key| fixture.segment(&format!("own_{key}"), &[key])).to_vec();
        let (target, _fake) = between(&fixture, 1, vec![(step, fault.clone())]);
        // The lost answer to the start is the one that it can make up for at once.
        if let Err(error) = push(&fixture, &target, &now, &before).await {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{step} {fault:?}: {error}");
        } else {
            assert!(matches!((step, &fault), ("/startReplaceSegments", Fault::LoseAnswer)), "{step} {fault:?}");
        }
        push(&fixture, &fixture.target, &now, &before).await.unwrap_or_else(|error| panic!("{step}: {error:?}"));
        assert_eq!(completed(&fixture).await, at + 1, "{step} {fault:?}");
        fixture.keys(&keys).await;
        before = now;
    }
}

async fn a_used_up_quota_takes_the_replacement_back(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "quota").await else { return };
    let old = [fixture.segment("own_1", &[1])];
    push(&fixture, &fixture.target, &old, &[]).await.unwrap();
    let new = [fixture.segment("own_2", &[2]), fixture.segment("own_3", &[3])];
    let words = json!({"code": 403, "error": "Storage quota exceeded for Table quota_OFFLINE"}).to_string();
    let (target, _fake) = between(&fixture, 3, vec![("/v2/segments", Fault::Answer(403, words))]);
    let error = push(&fixture, &target, &new, &old).await.unwrap_err();
    assert_eq!((error.kind(), context(&error, "replacement")), (ErrorKind::ResourceExhausted, "reverted"), "{error}");
    let entries = target.controller.lineage("quota", target.table_type).await.unwrap();
    assert_eq!(entries.iter().map(|entry| &entry.state).collect::<Vec<_>>(), [&LineageState::Reverted]);
    fixture.keys(&[1]).await;
    push(&fixture, &target, &new, &old).await.unwrap();
    fixture.keys(&[2, 3]).await;
}

#[tokio::test]
async fn a_real_quota_is_named() {
    let Some(mut fixture) = Fixture::new(Place::Modern, "real_quota") else { return };
    fixture.table = config("real_quota", json!({"quota": {"storage": "1B"}}));
    fixture.bootstrap().await;
    let error =
        push(&fixture, &fixture.target, &[fixture.segment("own_1", &[1])], &[]).await.expect_err("a quota is a quota");
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error}");
    assert!(error.advice().contains("quota.storage"), "{error}");
}

/// Stops the controller when the first segment is there.
struct StopsController {
    cluster: &'static Cluster,
    stopped: OnceLock<()>,
}

impl PushObserver for StopsController {
    fn pushed(&self, _bytes: ByteSize) {
        self.stopped.get_or_init(|| self.cluster.stop_controller());
    }
}

fn impatient() -> PushOptions {
    PushOptions { parallelism: 1, wait_seconds: 2, ..PushOptions::default() }
}

/// One cluster, one story: nobody else may use it meanwhile.
#[tokio::test]
async fn controller_and_servers_go_away_and_come_back() {
    let Some(cluster) = Cluster::start(&Options { servers: 2, ..Options::default() }) else { return };
    // It ends with the process, as those of the other tests do.
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let mut fixture = Fixture::of(cluster, "away");
    fixture.table = config("away", json!({"segmentsConfig": {"replication": "2"}}));
    fixture.bootstrap().await;
    let both = async |name: &str| {
        let view = fixture.target.controller.external_view("away", fixture.target.table_type).await.unwrap();
        view.get(name)
            .is_some_and(|states| states.len() == 2 && states.values().all(|state| *state == SegmentState::Online))
    };

    // The controller is away in the middle.
    let first = [1, 2, 3].map(|key| fixture.segment(&format!("own_{key}"), &[key]));
    let (target, fake) = between(&fixture, 2, Vec::new());
    let stops = StopsController { cluster, stopped: OnceLock::new() };
    let publication_1 = publication(&first, &[]);
    let result = publish(&target, fixture.table.json(), &publication_1, &impatient(), &stops).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
    cluster.start_controller();
    push(&fixture, &target, &first, &[]).await.unwrap();
    let started = fake.requests().into_iter().filter(|request| request.path.ends_with("/startReplaceSegments"));
    // Servers that had begun to load could not: then it begins once more.
    assert!((1..=2).contains(&started.count()));
    let before = completed(&fixture).await;
    assert!(both("own_1").await && both("own_2").await && both("own_3").await);
    fixture.keys(&[1, 2, 3]).await;

    // A server is away: that is said within the limit, and nothing is taken back.
    cluster.stop_server(1);
    let away = &cluster.servers[1].instance;
    let one = [fixture.segment("own_4", &[4])];
    let two = [fixture.segment("own_5", &[5]), fixture.segment("own_6", &[6])];
    let refreshed = [fixture.segment("own_2", &[20])];
    let target = &fixture.target;
    for (to, from) in [(&one[..], &first[..0]), (&two, &first[..1]), (&refreshed, &first[1..2])] {
        let publication = publication(to, from);
        let mut late = vec![String::new()];
        // On a busy machine the other server may be late, too: then it is named first.
        while late.last() != Some(away) {
            assert!(late.len() < 30, "{late:?}");
            let error = publish(target, fixture.table.json(), &publication, &impatient(), &()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(to.iter().any(|segment| segment.name == context(&error, "segment")), "{error}");
            late.push(context(&error, "server").to_owned());
        }
    }
    fixture.keys(&[1, 3, 4, 20]).await;
    cluster.start_server(1);
    push(&fixture, target, &one, &[]).await.unwrap();
    push(&fixture, target, &two, &first[..1]).await.unwrap();
    push(&fixture, target, &refreshed, &first[1..2]).await.unwrap();
    assert_eq!(completed(&fixture).await, before + 1);
    assert!(both("own_4").await && both("own_5").await && both("own_6").await);
    fixture.keys(&[3, 4, 5, 6, 20]).await;
    for server in &cluster.servers {
        let crcs = cluster.get_json(&format!("{}/tables/away_OFFLINE/segments/crc", server.admin));
        assert_eq!(crcs["own_2"], refreshed[0].crc.to_string(), "{}", server.instance);
    }
}
