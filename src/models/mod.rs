//! What is trained, one folder a model.

pub mod lasso;
pub mod mf;
