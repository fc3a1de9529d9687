//! Servers keep older bytes ONLINE until they have the newer ones, or for ever.

use std::sync::Mutex;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_sink::publish::{Publication, PushObserver, PushOptions, publish};
use pinotage_sink::{LocalSegment, Target};
use serde_json::json;

use crate::between::{Fault, between};
use crate::places::{Place, in_all_places};
use crate::support::{Fixture, context, damage};

in_all_places!(
    what_is_refreshed_is_loaded_when_publish_returns,
    a_refreshed_segment_that_no_server_can_load_is_no_success,
);

/// Servers that could not be asked.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl PushObserver for Notes {
    fn unconfirmed(&self, server: &str, _reason: &Error) {
        self.0.lock().unwrap().push(server.to_owned());
    }
}

/// Publishes and returns who could not be asked.
async fn refresh(fixture: &Fixture, target: &Target, now: &LocalSegment, before: &LocalSegment) -> Result<Vec<String>> {
    let publication = Publication {
        to: vec![now.clone()],
        from: [(before.name.clone(), before.crc)].into(),
        ..Publication::default()
    };
    let (options, notes) = (PushOptions { wait_seconds: 5, ..PushOptions::default() }, Notes::default());
    publish(target, fixture.table.json(), &publication, &options, &notes).await?;
    Ok(notes.0.into_inner().unwrap())
}

async fn first(fixture: &Fixture) -> LocalSegment {
    let first = fixture.segment("same", &[0]);
    let publication = Publication { to: vec![first.clone()], ..Publication::default() };
    publish(&fixture.target, fixture.table.json(), &publication, &PushOptions::default(), &()).await.unwrap();
    fixture.keys(&[0]).await;
    first
}

/// Servers with TLS do not tell where they can be asked.
fn cannot_be_asked(place: Place, fixture: &Fixture) -> Vec<String> {
    let servers = fixture.cluster.servers.iter().map(|server| server.instance.clone());
    if place == Place::Certificates { servers.collect() } else { Vec::new() }
}

async fn what_is_refreshed_is_loaded_when_publish_returns(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "refreshed").await else { return };
    let mut before = first(&fixture).await;
    for key in 1..=5 {
        let now = fixture.segment("same", &[key]);
        let noted = refresh(&fixture, &fixture.target, &now, &before).await.unwrap();
        assert_eq!(noted, cannot_be_asked(place, &fixture));
        if noted.is_empty() {
            assert_eq!(fixture.keys_now().await, json!([[key]]));
        }
        before = now;
    }
    fixture.keys(&[5]).await;
}

async fn a_refreshed_segment_that_no_server_can_load_is_no_success(place: Place) {
    let Some(fixture) = Fixture::with_table(place, "refresh_broken").await else { return };
    if !cannot_be_asked(place, &fixture).is_empty() {
        return;
    }
    let before = first(&fixture).await;
    let broken = fixture.segment("same", &[1]);
    damage(&broken.path);
    let error = refresh(&fixture, &fixture.target, &broken, &before).await.unwrap_err();
    assert_eq!((error.kind(), context(&error, "segment")), (ErrorKind::Unavailable, "same"), "{error}");
    assert_eq!(context(&error, "server"), fixture.cluster.servers[0].instance);
    fixture.keys(&[0]).await;
    let now = fixture.segment("same", &[2]);
    refresh(&fixture, &fixture.target, &now, &broken).await.unwrap();
    assert_eq!(fixture.keys_now().await, json!([[2]]));
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_noted_and_believed() {
    let Some(fixture) = Fixture::with_table(Place::Modern, "refresh_unasked").await else { return };
    let before = first(&fixture).await;
    let server = fixture.cluster.servers[0].instance.clone();
    let instance = |more: serde_json::Value| {
        let mut instance = json!({"instanceName": server, "hostName": "127.0.0.1", "port": 1, "enabled": true});
        instance.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        instance.to_string()
    };
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut last = before;
    for (key, more) in [json!({}), json!({"adminPort": nobody})].into_iter().enumerate() {
        let end: &'static str = Box::leak(format!("/instances/{server}").into_boxed_str());
        let (target, _fake) = between(&fixture, 1, vec![(end, Fault::Answer(200, instance(more)))]);
        let now = fixture.segment("same", &[key as i64 + 10]);
        let noted = refresh(&fixture, &target, &now, &last).await.unwrap();
        assert_eq!(noted, [server.as_str()]);
        last = now;
    }
    fixture.keys(&[11]).await;
}
