//! Queries to servers by gRPC and by Netty, on the newest and the oldest release.

mod failures;
mod fuzz;
mod netty;
mod places;
mod proxies;
mod types;
