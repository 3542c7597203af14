//! Results, run logs, progress and model files.

pub mod atomic;
mod exit;
pub mod failpoint;
pub(crate) mod hex;
mod log;
mod memory;
mod model;
mod progress;

pub use exit::Exit;
pub use log::{LogError, RunLog};
pub use memory::peak_resident_bytes;
pub use model::{Element, ModelError, ModelFile, Tensor, TensorData};
pub use progress::Progress;
