//! Parts of a cluster that go away and come back, on the same ports and with the same data. Not for [`Cluster::shared`].

use serde_json::Value as Json;

use super::Cluster;

impl Cluster {
    /// Stops a server: its ports refuse, and its replicas leave the external view.
    ///
    /// # Panics
    /// When it is stopped already, as the others when there is nothing to do.
    pub fn stop_server(&self, number: usize) {
        self.order(&format!("stop server {number}"));
    }

    /// Starts a stopped server and waits until it answers; its segments come back later ([`Cluster::await_online`]).
    pub fn start_server(&self, number: usize) {
        self.order(&format!("start server {number}"));
    }

    /// Stops the controller: its REST refuses and nobody tells servers what to load, while the broker goes on.
    pub fn stop_controller(&self) {
        self.order("stop controller");
    }

    /// Starts the stopped controller and waits until it answers.
    pub fn start_controller(&self) {
        self.order("start controller");
    }

    /// Stops the whole process with SIGSTOP, as a machine that hangs: its connections stay, and nothing comes. It goes on when what
    /// this returns is dropped.
    #[must_use]
    pub fn pause(&self) -> Paused<'_> {
        self.process.signal("STOP");
        Paused(self)
    }

    fn order(&self, command: &str) {
        let answer: Json = serde_json::from_str(&self.process.ask(command)).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
    }
}

/// A cluster that was stopped, see [`Cluster::pause`].
pub struct Paused<'c>(&'c Cluster);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.process.signal("CONT");
    }
}
