//! What servers do of a query, beside reading rows.

use std::sync::Arc;

use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;

use super::aggregate::AggregateOnServers;
use super::top::TopOnServers;

/// The state of a session in which servers aggregate, and give the first rows of an order.
pub(super) fn state(config: SessionConfig) -> SessionState {
    let mut rules = PhysicalOptimizer::new().rules;
    // Behind what finds answers in statistics, and before what cuts plans into partitions.
    let place = rules.iter().position(|rule| rule.name() == "aggregate_statistics").map_or(0, |at| at + 1);
    let ours: [Arc<dyn PhysicalOptimizerRule + Send + Sync>; 2] =
        [Arc::new(AggregateOnServers), Arc::new(TopOnServers)];
    rules.splice(place..place, ours);
    let state = SessionStateBuilder::new().with_config(config).with_default_features();
    state.with_physical_optimizer_rules(rules).build()
}
