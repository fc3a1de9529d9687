//! What happens when a controller fails, and exactly what it is sent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pinotage_client::{
    Address, Auth, Broker, Connection, Controller, CopyToDeepStore, CustomMap, MetadataOnly, Proxy, Query, Replacement,
    Retries, SegmentFilter, TableType, Upload,
};
use pinotage_common::{ByteSize, Error, ErrorKind, Retry, Secret, TimeSpan};
use pinotage_testkit::fake::{Action, Fake, Request};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const OFFLINE: TableType = TableType::Offline;
const DONE: &str = r#"{"status": "done", "new": {"field": 1}}"#;

/// Tries three times with hardly a pause between.
fn connection(fake: &Fake) -> Connection {
    let mut connection = Connection::new(Address::parse(&fake.url()).unwrap());
    connection.retries = Retries { attempts: 3, pause: TimeSpan::millis(1), ..Retries::default() };
    connection
}

fn controller(fake: &Fake) -> Controller {
    Controller::new(&connection(fake)).unwrap()
}

/// A file to upload.
fn archive(bytes: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.tar.gz");
    std::fs::write(&path, content(bytes)).unwrap();
    (folder, path)
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8).collect()
}

fn headers(request: &Request) -> Vec<(&str, &str)> {
    let known = ["accept", "content-length", "content-type", "host", "user-agent"];
    let mut headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers.retain(|(name, _)| !known.contains(name));
    headers.sort();
    headers
}

#[tokio::test]
async fn an_upload_is_what_pinot_wants() {
    let fake = Fake::new()
        .on("POST", "/v2/segments", Action::json(DONE))
        .on("POST", "/segments/batchUpload", Action::json(DONE))
        .start();
    let mut connection = connection(&fake);
    connection.database = Some("sales".into());
    connection.auth = Auth::Basic { user: "admin".into(), password: Secret::new("verysecret") };
    let controller = Controller::new(&connection).unwrap();
    let mut upload = Upload::new("orders", OFFLINE);
    upload.allow_refresh = false;
    upload.refresh_only = true;
    upload.if_match = Some(42);
    upload.parallel_push_protection = true;
    upload.crypter = Some("NoOpPinotCrypter".into());
    upload.custom_map = Some(CustomMap::Update(BTreeMap::from([("job".into(), "ü".into())])));
    let (_folder, archive) = archive(1_000_000);
    controller.upload_segment(&upload, "s_0", &archive).await.unwrap();

    let basic = ("authorization", "Basic YWRtaW46dmVyeXNlY3JldA==");
    let database = ("database", "sales");
    let request = &fake.requests()[0];
    assert_eq!(
        request.query,
        "tableName=sales.orders&tableType=OFFLINE&enableParallelPushProtection=true&allowRefresh=false"
    );
    let modifier = r#"{"mapModifyMode":"UPDATE","map":{"job":"\u00fc"}}"#;
    assert_eq!(
        headers(request),
        [
            basic,
            ("crypter", "NoOpPinotCrypter"),
            database,
            ("if-match", "42"),
            ("pinot-segmentzkmetadatacustommapmodifier", modifier),
            ("refresh_only", "true"),
            ("upload_type", "SEGMENT"),
        ]
    );
    let (described, sent) = request.part().unwrap();
    assert_eq!(
        described,
        "Content-Disposition: form-data; name=\"s_0\"; filename=\"s_0\"\r\nContent-Type: application/octet-stream"
    );
    assert!(sent == content(1_000_000));

    let upload = Upload::new("orders", TableType::Realtime);
    let segment = MetadataOnly {
        name: "s_1".into(),
        metadata_properties: "p".into(),
        creation_meta: "c".into(),
        download_uri: "s3://bucket/s_1".into(),
    };
    controller.upload_uri(&upload, "s3://bucket/s_0").await.unwrap();
    controller.upload_metadata(&upload, &segment, CopyToDeepStore::Yes).await.unwrap();
    controller.upload_metadata_batch(&upload, &[segment], CopyToDeepStore::No).await.unwrap();
    let requests = fake.requests();
    let query = "tableName=sales.orders&tableType=REALTIME&enableParallelPushProtection=false&allowRefresh=true";
    assert!(requests[1..].iter().all(|request| request.query == query));
    assert_eq!(headers(&requests[1]), [basic, database, ("download_uri", "s3://bucket/s_0"), ("upload_type", "URI")]);
    assert_eq!(requests[1].header("content-type"), Some("application/json"));
    let copy = ("copy_segment_to_deep_store", "true");
    let uri = ("download_uri", "s3://bucket/s_1");
    assert_eq!(headers(&requests[2]), [basic, copy, database, uri, ("upload_type", "METADATA")]);
    let files = [("segment/", ""), ("segment/metadata.properties", "p"), ("segment/creation.meta", "c")];
    assert_eq!(unpack(&requests[2]), files.map(owned));
    let copy = ("copy_segment_to_deep_store", "false");
    assert_eq!(headers(&requests[3]), [basic, copy, database, ("upload_type", "METADATA")]);
    let files = [
        ("all_segments_metadata", "s_1\ns3://bucket/s_1\n"),
        ("s_1.metadata.properties", "p"),
        ("s_1.creation.meta", "c"),
    ];
    assert_eq!(unpack(&requests[3]), files.map(owned));
}

fn owned((name, text): (&str, &str)) -> (String, String) {
    (name.into(), text.into())
}

fn unpack(request: &Request) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(request.part().unwrap().1));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        (name, std::io::read_to_string(&mut entry).unwrap())
    };
    archive.entries().unwrap().map(read).collect()
}

#[tokio::test]
async fn an_upload_is_tried_again_until_it_is_answered() {
    let (_folder, archive) = archive(3_000_000);
    let busy = "Another segment upload is in progress for segment: s of table: t_OFFLINE, retry later";
    for fault in [
        Action::DropBefore,
        Action::DropAfter,
        Action::error(500, "no leader"),
        Action::error(503, ""),
        Action::status(502, "<html><title>Bad Gateway</title></html>"),
        Action::error(429, "slow down"),
        Action::error(409, busy),
        Action::Truncate(DONE.into(), 5),
    ] {
        let fake = Fake::new()
            .on("POST", "/v2/segments", fault.clone())
            .on("POST", "/v2/segments", fault)
            .on("POST", "/v2/segments", Action::json(DONE))
            .start();
        controller(&fake).upload_segment(&Upload::new("t", OFFLINE), "s", &archive).await.unwrap();
        let requests = fake.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests[2].part().unwrap().1 == content(3_000_000));
    }
}

/// What an upload that is always answered so ends with, and how often it was tried.
async fn refused(status: u16, error: &str) -> (Error, usize) {
    let fake = Fake::new().on("POST", "/v2/segments", Action::error(status, error)).start();
    let (_folder, archive) = archive(10);
    let error = controller(&fake).upload_segment(&Upload::new("t", OFFLINE), "s", &archive).await.unwrap_err();
    (error, fake.requests().len())
}

#[tokio::test]
async fn a_refusal_says_what_it_means_and_is_final_when_it_is() {
    let busy = "Another segment upload is in progress for segment: s of table: t_OFFLINE, retry later";
    for (status, words, kind, attempts) in [
        (400, "bad metadata", ErrorKind::InvalidConfig, 1),
        (400, "Failed to find table: t_OFFLINE", ErrorKind::NotFound, 1),
        (401, "who are you", ErrorKind::PermissionDenied, 1),
        (403, "not you", ErrorKind::PermissionDenied, 1),
        (403, "Quota check failed for segment: s of table: t_OFFLINE, reason: full", ErrorKind::ResourceExhausted, 1),
        (403, "Invalid segment start/end time: 1 (in millis: 1/2)", ErrorKind::InvalidData, 1),
        (404, "no such table", ErrorKind::NotFound, 1),
        (409, "Segment: s already exists in table: t_OFFLINE. Refresh not permitted.", ErrorKind::AlreadyExists, 1),
        (409, "something else", ErrorKind::CommitConflict, 1),
        (409, busy, ErrorKind::CommitConflict, 3),
        (410, "Segment: s does not exist", ErrorKind::NotFound, 1),
        (412, "expected CRC: 1 does not match", ErrorKind::CommitConflict, 1),
        (413, "", ErrorKind::ResourceExhausted, 1),
        (500, "ideal state", ErrorKind::Unavailable, 3),
    ] {
        let (error, requests) = refused(status, words).await;
        assert_eq!((error.kind(), requests), (kind, attempts), "{error}");
        let context: BTreeMap<_, _> = error.context().iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(context["status"], status.to_string());
        assert!(words.is_empty() || context["answer"] == words, "{error}");
        assert!(context["request"].starts_with("POST http://127.0.0.1:"), "{error}");
        assert_eq!(context.get("attempts").copied(), (attempts > 1).then_some("3"), "{error}");
        assert!(!error.advice().is_empty());
    }
}

#[tokio::test]
async fn what_is_not_safe_to_repeat_is_not_repeated() {
    let replacement = Replacement { segments_to: vec!["new".into()], ..Replacement::default() };
    let start = async |fault: Action| {
        let fake = Fake::new()
            .on("POST", "/segments/t/startReplaceSegments", fault)
            .on("POST", "/segments/t/startReplaceSegments", Action::json(json!({"segmentLineageEntryId": "id"})))
            .start();
        let outcome = controller(&fake).start_replace_segments("t", OFFLINE, &replacement, true).await;
        (outcome.map_err(|error| error.kind()), fake.requests())
    };
    for fault in [Action::DropAfter, Action::Truncate(DONE.into(), 3), Action::error(503, "")] {
        let (outcome, requests) = start(fault).await;
        assert_eq!((outcome, requests.len()), (Err(ErrorKind::Unavailable), 1));
    }
    let (outcome, requests) = start(Action::error(500, "overlap")).await;
    assert_eq!((outcome, requests.len()), (Err(ErrorKind::CommitConflict), 1));
    // It cannot have begun.
    let (outcome, requests) = start(Action::error(429, "")).await;
    assert_eq!((outcome, requests.len()), (Ok("id".into()), 2));
    assert_eq!(requests[0].query, "type=OFFLINE&forceCleanup=true");
    let body: Json = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(body, json!({"segmentsFrom": [], "segmentsTo": ["new"]}));

    // To end twice is to end once; but a 500 is a refusal.
    let end = |fault| {
        let path = "/segments/t/endReplaceSegments";
        Fake::new().on("POST", path, fault).on("POST", path, Action::json(DONE)).start()
    };
    let fake = end(Action::DropAfter);
    controller(&fake).end_replace_segments("t", OFFLINE, "id", false).await.unwrap();
    assert_eq!(fake.requests()[1].query, "type=OFFLINE&segmentLineageEntryId=id&cleanup=false");
    let fake = end(Action::error(500, "not online"));
    let error = controller(&fake).end_replace_segments("t", OFFLINE, "id", false).await.unwrap_err();
    assert_eq!((error.kind(), fake.requests().len()), (ErrorKind::CommitConflict, 1));
}

#[tokio::test]
async fn what_the_lost_attempt_deleted_is_deleted() {
    let fake = Fake::new()
        .on("DELETE", "/tables/t", Action::DropAfter)
        .on("DELETE", "/tables/t", Action::error(404, "no such table"))
        .start();
    controller(&fake).delete_table("t", OFFLINE).await.unwrap();
    assert_eq!(controller(&fake).delete_table("t", OFFLINE).await.unwrap_err().kind(), ErrorKind::NotFound);
    controller(&fake).delete_segments("t", OFFLINE, &[]).await.unwrap();
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_given_up() {
    let fake = Fake::new()
        .on("GET", "/health", Action::Hang)
        .on("GET", "/version", Action::Stall(b"{\"a\": \"b\"}".to_vec(), 4))
        .on("GET", "/segments/t/s", Action::Stall(content(100), 50))
        .start();
    let mut connection = connection(&fake);
    connection.timeouts.request = TimeSpan::millis(100);
    connection.retries.attempts = 2;
    let controller = Controller::new(&connection).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for error in [
        controller.health().await.unwrap_err(),
        controller.versions().await.unwrap_err(),
        controller.download_segment("t", "s", &folder.path().join("s")).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Temporary), "{error}");
        assert!(error.advice().contains("timeouts.request"), "{error:?}");
    }
    assert_eq!(fake.requests().len(), 6);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_dropped_future_stops_its_request() {
    let fake = Fake::new().on("GET", "/health", Action::Hang).start();
    let controller = controller(&fake);
    let call = tokio::spawn(async move { controller.health().await });
    while fake.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_download_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.tar.gz");
    let fake = Fake::new()
        .on("GET", "/segments/t/s%2F1", Action::Truncate(content(900_000), 500_000))
        .on("GET", "/segments/t/s%2F1", Action::status(200, content(900_000)))
        .on("GET", "/segments/t/short", Action::Truncate(content(900_000), 500_000))
        .start();
    let controller = controller(&fake);
    assert_eq!(controller.download_segment("t", "s/1", &path).await.unwrap(), 900_000);
    assert!(std::fs::read(&path).unwrap() == content(900_000));
    let error = controller.download_segment("t", "short", &folder.path().join("short")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let nowhere = folder.path().join("no/such/folder");
    assert_eq!(controller.download_segment("t", "s/1", &nowhere).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_an_error() {
    for (action, kind) in [
        (Action::status(200, "<html>welcome</html>"), ErrorKind::Unsupported),
        (Action::status(200, r#"{"tables": 1}"#), ErrorKind::Unsupported),
        (Action::status(200, ""), ErrorKind::Unsupported),
        (Action::status(200, vec![b' '; 2000]), ErrorKind::ResourceExhausted),
        (Action::Garbage(b"220 mail.example ESMTP\r\n"), ErrorKind::InvalidConfig),
        (Action::status(302, ""), ErrorKind::InvalidConfig),
        (Action::DropBefore, ErrorKind::Unavailable),
    ] {
        let fake = Fake::new().on("GET", "/tables", action).start();
        let mut connection = connection(&fake);
        connection.max_answer = ByteSize(1000);
        let error = Controller::new(&connection).unwrap().tables().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains("cannot list the tables"), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_an_upload_is_heard() {
    let (_folder, archive) = archive(50_000_000);
    for (status, kind) in [(401, ErrorKind::PermissionDenied), (413, ErrorKind::ResourceExhausted)] {
        let fake = Fake::new().on("POST", "/v2/segments", Action::Refuse(status, "no")).start();
        let error = controller(&fake).upload_segment(&Upload::new("t", OFFLINE), "s", &archive).await.unwrap_err();
        assert_eq!((error.kind(), fake.requests().len()), (kind, 1), "{error:?}");
    }
}

/// A page that asks for a password may come with 200.
#[tokio::test]
async fn a_page_is_no_success() {
    let page = Action::status(200, "<html>Log in</html>");
    let fake =
        Fake::new().on("POST", "/v2/segments", page.clone()).on("POST", "/segments/t_OFFLINE/delete", page).start();
    let (_folder, archive) = archive(10);
    let controller = controller(&fake);
    let error = controller.upload_segment(&Upload::new("t", OFFLINE), "s", &archive).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("Log in"), "{error}");
    let error = controller.delete_segments("t", OFFLINE, &["s".into()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let port = Fake::new().start().port();
    let mut connection = Connection::new(Address::parse(&format!("127.0.0.1:{port}")).unwrap());
    connection.retries.attempts = 1;
    // The port of a fake that has ended; whoever got it since is no controller.
    let error = Controller::new(&connection).unwrap().tables().await.unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    connection.controller = Address::parse("no-such-host.invalid:9000").unwrap();
    let error = Controller::new(&connection).unwrap().tables().await.unwrap_err();
    assert!(error.message().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_token_file_is_read_again_when_its_token_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "old").unwrap();
    let renewed = path.clone();
    let fake = Fake::new()
        .on(
            "GET",
            "/health",
            Action::decide(move |request| match request.header("authorization") {
                Some("Bearer new") => Action::status(200, "OK"),
                // Whoever renews it does so in this moment.
                _ => {
                    std::fs::write(&renewed, "new").unwrap();
                    Action::error(401, "expired: old")
                }
            }),
        )
        .on("GET", "/version", Action::error(401, "still not: new"))
        .start();
    let mut connection = connection(&fake);
    connection.auth = serde_json::from_value(json!({"kind": "tokenFile", "path": path})).unwrap();
    let controller = Controller::new(&connection).unwrap();
    controller.health().await.unwrap();
    assert_eq!(fake.requests().len(), 2);
    let error = controller.versions().await.unwrap_err();
    assert_eq!((error.kind(), fake.requests().len()), (ErrorKind::PermissionDenied, 3));
    assert!(error.to_string().contains("still not: ***"), "{error}");
}

#[tokio::test]
async fn secrets_are_nowhere_to_be_seen() {
    let fake = Fake::new()
        .on(
            "GET",
            "/tables",
            Action::decide(|request| {
                let values: Vec<_> = request.headers.iter().map(|it| &it.1).collect();
                Action::error(403, &format!("no: {values:?}"))
            }),
        )
        .start();
    for auth in [
        json!({"kind": "basic", "user": "admin", "password": "hunter2"}),
        json!({"kind": "bearer", "token": "hunter2"}),
        json!({"kind": "header", "name": "X-Api-Key", "value": "hunter2"}),
    ] {
        let mut connection = connection(&fake);
        connection.auth = serde_json::from_value(auth).unwrap();
        let controller = Controller::new(&connection).unwrap();
        let error = controller.tables().await.unwrap_err();
        assert!(error.to_string().contains("***"), "{error}");
        let sent: Vec<String> = fake.requests().pop().unwrap().headers.into_iter().map(|(_, value)| value).collect();
        let shown = format!("{connection:?} {controller:?} {error:?} {}", error.advice());
        assert!(!shown.contains("hunter2") && !shown.contains("YWRtaW46aHVudGVyMg"), "{shown}");
        assert!(sent.iter().any(|value| value.contains("hunter2") || value.ends_with("YWRtaW46aHVudGVyMg==")));
    }
}

#[tokio::test]
async fn a_secret_where_words_are_cut_off_does_not_show_its_beginning() {
    for length in 985..=1000 {
        let fake =
            Fake::new().on("GET", "/tables", Action::error(403, &format!("{}hunter2", "-".repeat(length)))).start();
        let mut connection = connection(&fake);
        connection.auth = Auth::Bearer { token: Secret::new("hunter2") };
        let error = Controller::new(&connection).unwrap().tables().await.unwrap_err().to_string();
        assert!(error.contains("-----") && !error.contains("-h"), "{error}");
    }
}

#[tokio::test]
async fn a_proxy_is_asked_with_its_own_password() {
    let proxy = Fake::new()
        .on("GET", "http://controller.invalid:9000/health", Action::status(200, "OK"))
        .on("GET", "http://controller.invalid:9000/version", Action::status(407, ""))
        .start();
    let mut connection = Connection::new(Address::parse("controller.invalid:9000").unwrap());
    connection.proxy = Some(Proxy {
        url: proxy.url(),
        user: Some("me".into()),
        password: Some(Secret::new("hunter2")),
        except: Vec::new(),
    });
    let controller = Controller::new(&connection).unwrap();
    controller.health().await.unwrap();
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), Some("Basic bWU6aHVudGVyMg=="));
    let error = controller.versions().await.unwrap_err();
    assert!(error.message().contains("proxy") && !format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn an_old_controller_is_asked_segment_by_segment() {
    let record = |crc: &str| Action::json(json!({"segment.crc": crc, "segment.table.name": "t"}));
    let fake = Fake::new()
        .on("GET", "/segments/t", Action::json(json!([{"OFFLINE": ["a", "b", "gone"]}])))
        .on("GET", "/segments/t_OFFLINE/a/metadata", record("1"))
        .on("GET", "/segments/t_OFFLINE/b/metadata", record("2"))
        .start();
    let found = controller(&fake).all_segment_metadata("t", OFFLINE).await.unwrap();
    let crcs: Vec<_> = found.iter().map(|(name, segment)| (name.as_str(), segment.crc)).collect();
    assert_eq!(crcs, [("a", Some(1)), ("b", Some(2))]);
}

#[tokio::test]
async fn segments_are_asked_for_by_time() {
    let fake =
        Fake::new().on("GET", "/segments/t", Action::json(json!([{"OFFLINE": ["a"]}, {"REALTIME": ["r"]}]))).start();
    let filter = SegmentFilter {
        exclude_replaced: true,
        start_millis: Some(-5),
        end_millis: Some(7),
        exclude_overlapping: true,
    };
    assert_eq!(controller(&fake).segments("t", OFFLINE, filter).await.unwrap(), ["a"]);
    assert_eq!(
        fake.requests()[0].query,
        "type=OFFLINE&excludeReplacedSegments=true&startTimestamp=-5&endTimestamp=7&excludeOverlapping=true"
    );
}

#[tokio::test]
async fn consuming_segments_and_boundaries_are_read() {
    let fake = Fake::new()
        .on(
            "GET",
            "/tables/t/consumingSegmentsInfo",
            Action::json(json!({"serversFailingToRespond": 0, "_segmentToConsumingInfoMap": {"t__0__1__x": [
                {"serverName": "Server_h_1", "consumerState": "CONSUMING", "lastConsumedTimestamp": 5,
                 "partitionToOffsetMap": {"0": "17"}, "partitionOffsetInfo": {}}]}})),
        )
        .on("GET", "/debug/timeBoundary/t", Action::json(json!({"timeColumn": "ts", "timeValue": "7"})))
        .on("POST", "/query/sql", Action::DropAfter)
        .on(
            "POST",
            "/query/sql",
            Action::json(json!({"exceptions": [], "numServersQueried": 2, "numServersResponded": 1})),
        )
        .start();
    let controller = controller(&fake);
    let consuming = controller.consuming_segments("t").await.unwrap();
    assert_eq!(consuming["t__0__1__x"][0].partition_to_offset_map["0"], "17");
    let broker = Broker::new(controller.http(), controller.address().clone());
    assert_eq!(broker.time_boundary("t").await.unwrap().unwrap().time_value, "7");
    let answer = broker.query(&Query::new("SELECT 1")).await.unwrap();
    assert_eq!((answer.is_complete(), answer.partial_result), (false, false));
    let body: Json = serde_json::from_slice(&fake.requests().pop().unwrap().body).unwrap();
    assert_eq!(body, json!({"sql": "SELECT 1"}));
}

#[tokio::test]
async fn uploads_share_the_bandwidth() {
    let fake = Fake::new().on("POST", "/v2/segments", Action::json(DONE)).start();
    let mut connection = connection(&fake);
    // One upload fits in the time. Two together do not, on however fast a machine.
    connection.upload_bandwidth = Some(ByteSize(1_000_000));
    connection.timeouts.transfer = TimeSpan::millis(1_000);
    connection.retries.attempts = 1;
    let controller = Controller::new(&connection).unwrap();
    let (_folder, archive) = archive(1_000_000);
    let upload = Upload::new("t", OFFLINE);
    let one = || controller.upload_segment(&upload, "s", &archive);
    let (first, second) = futures::future::join(one(), one()).await;
    assert!(first.is_err() || second.is_err());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_no_fault_of_the_controller() {
    let fake = Fake::new().on("POST", "/v2/segments", Action::json(DONE)).start();
    let folder = tempfile::tempdir().unwrap();
    let error = controller(&fake)
        .upload_segment(&Upload::new("t", OFFLINE), "s", &folder.path().join("nowhere"))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), fake.requests().len()), (ErrorKind::NotFound, 0), "{error}");
    let error = controller(&fake).upload_segment(&Upload::new("t", OFFLINE), "s", folder.path()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Permanent, "{error:?}");
}
