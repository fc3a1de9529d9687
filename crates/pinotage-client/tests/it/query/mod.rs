//! Queries to servers by gRPC, on the newest and the oldest release.

mod places;
mod types;
