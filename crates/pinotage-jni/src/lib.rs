//! The border to Java: `io.pinotage` of `java/native`.
//!
//! A file for each class of `io.pinotage.jni`, with nothing but the conversion of arguments; what they call is in files
//! without that name. Handles are numbers ([`handles`]), so that Java can neither free nor follow what is not there; batches
//! cross as structs of Arrow's C data interface ([`c_data`]), one call a batch; every error and panic leaves through one funnel
//! ([`errors`]). `docs/contributing/ffi.md` says who owns what.
//!
//! The unsafe code is that of the border: names that the JVM looks for, memory that Java fills ([`blocks`]), and structs that
//! change hands.
#![allow(unsafe_code, non_snake_case)]

mod blocks;
mod c_data;
mod catalog;
mod convert;
mod decimals;
mod errors;
mod groups;
mod handles;
mod native_batch;
mod native_catalog;
mod native_committer;
mod native_library;
mod native_memory;
mod native_reader;
mod native_scan;
mod native_sink;
mod native_writer;
mod partitioner;
mod publication;
mod pushdown;
mod scan_options;
mod scan_reader;
mod scan_table;
mod staging;
mod table;
mod threads;
mod wire;
mod writer;
