//! What is trained, one folder a model.

pub mod lasso;
pub mod lda;
pub mod mf;
