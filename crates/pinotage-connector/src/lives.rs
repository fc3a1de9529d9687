//! Which process wrote which epochs of a run.

use serde::{Deserialize, Serialize};

/// So many processes are remembered.
const REMEMBERED: usize = 1000;

/// The processes of a run, one behind the other. A state that was copied has two histories from there on: both have an epoch of the
/// next number, and only this tells whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lives(Vec<Life>);

/// One process, or one attempt of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Life {
    /// Drawn at its start.
    id: String,
    /// The first epoch that it may end.
    first_epoch: u64,
}

impl Lives {
    /// Another process goes on behind an epoch. Those that have ended none before it are forgotten: nothing of theirs counts.
    pub fn begin(&mut self, id: impl Into<String>, behind: u64) {
        self.0.retain(|life| life.first_epoch <= behind);
        self.0.push(Life { id: id.into(), first_epoch: behind + 1 });
        self.0.drain(..self.0.len().saturating_sub(REMEMBERED));
    }

    /// Nobody keeps them.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The process that wrote an epoch, or is to write it; none when that was long ago, or nobody keeps lives.
    pub fn of(&self, epoch: u64) -> Option<&str> {
        let after = self.0.partition_point(|life| life.first_epoch <= epoch);
        self.0.get(after.checked_sub(1)?).map(|life| life.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_of_the_process_that_ended_them() {
        let mut lives = Lives::default();
        assert_eq!(lives.of(1), None);
        lives.begin("a", 0);
        lives.begin("b", 3);
        lives.begin("dies at once", 7);
        lives.begin("c", 7);
        let found: Vec<Option<&str>> = [0, 1, 3, 4, 7, 8, 99].map(|epoch| lives.of(epoch)).into();
        assert_eq!(found, [None, Some("a"), Some("a"), Some("b"), Some("b"), Some("c"), Some("c")]);
        (8..2000).for_each(|epoch| lives.begin(epoch.to_string(), epoch));
        assert_eq!((lives.0.len(), lives.of(7), lives.of(1500)), (REMEMBERED, None, Some("1499")));
    }
}
