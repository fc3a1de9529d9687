//! What a user sees of a write that cannot be: before a task starts where that can be known.

use pinotage_testkit::cluster::{Cluster, Options};

use super::lines::Line;
use super::table::Table;

const LINE: Line = Line::V4;

/// Whom the cluster does not know is told before a task starts, who may only read when segments are pushed; and a controller that goes away while rows are written is waited for, or named.
#[test]
fn users_and_a_controller_that_is_lost() {
    if LINE.class_path().is_none() {
        return;
    }
    let Some(cluster) = Cluster::start(&Options { auth: true, ..Options::default() }) else { return };
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let table = Table::on(cluster, "spark_users", LINE);
    table.cluster.create_table(&table.schema(), &table.config());
    let Some(mut jvm) = LINE.start(&[]) else { return };
    let (admin, reader) = (cluster.admin.as_ref().unwrap(), cluster.reader.as_ref().unwrap());
    let who = |user: &'static str, password: &'static str| {
        [
            ("o:connection.auth.kind", "basic"),
            ("o:connection.auth.user", user),
            ("o:connection.auth.password", password),
        ]
    };
    let starts = [("failAt", "0"), ("failures", "9")];
    let mut denied = |further: &[(&'static str, &str)]| {
        let error = jvm.run("write", &table.options(10, further)).unwrap_err();
        assert!(error.contains("permission-denied") && error.contains(&cluster.controller[7..]), "{error}");
        assert!(!error.contains("not-this-one") && !error.contains(&reader.password), "{error}");
        assert!(!error.contains("fails here"), "{error}");
    };
    denied(&[&who(&admin.name, "not-this-one")[..], &starts].concat());
    denied(&starts);
    // Who may read finds out when segments are pushed.
    denied(&who(&reader.name, &reader.password));
    table.has_no_staging();
    let own = who(&admin.name, &admin.password);
    jvm.run("write", &table.options(5_000, &own)).unwrap();
    table.is_exact(5_000);
    // It goes away while a task is at work, and comes back while its segments wait to be published.
    let slow = [("tasks", "1"), ("from", "5000"), ("slowAt", "9000"), ("slowMillis", "4000")];
    jvm.begin("write", &table.options(5_000, &[&own[..], &slow].concat()));
    super::kills::wait_until("a task", || table.has_staging());
    cluster.stop_controller();
    std::thread::sleep(std::time::Duration::from_secs(6));
    cluster.start_controller();
    jvm.answer().unwrap();
    table.is_exact(10_000);
    // Nobody is there.
    cluster.stop_controller();
    let once = [("o:connection.retries.attempts", "1")];
    let error = jvm.run("write", &table.options(10, &[&own[..], &once, &starts].concat())).unwrap_err();
    assert!(
        error.contains("unavailable") && error.contains(&cluster.controller[7..]) && !error.contains("fails here"),
        "{error}"
    );
}
