//! Queries to servers by gRPC, on the newest and the oldest release.

mod failures;
mod fuzz;
mod places;
mod types;
