//! Threads and processes: launch flags, start-up, and stopping together.
