//! Results, run logs, progress and model files.
