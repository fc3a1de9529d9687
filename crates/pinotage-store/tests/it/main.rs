//! Files and objects against real stores, scripted faults and the local disk.
#![allow(clippy::unwrap_used)]

mod environment;
mod local;
mod locations;
mod options;
mod patterns;
mod stores;
mod support;
mod uploads;
mod web;
