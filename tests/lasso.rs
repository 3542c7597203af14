//! The Lasso against a plain oracle, verified references, and the properties it must have.

mod lasso {
    mod degenerate;
    mod draw;
    mod oracle;
    mod properties;
    mod references;
    mod run;
}
