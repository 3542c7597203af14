//! The engine: schedule, push, pull and sync as timely operators.
