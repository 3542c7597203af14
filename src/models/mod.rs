//! What is trained, one folder a model.
