//! Scans of real clusters.
