//! The Flink sink on Flink's own mini cluster and a real Pinot cluster, with each line of Flink.

mod lines;
mod sink;
mod table;
