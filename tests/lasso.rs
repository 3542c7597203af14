//! The Lasso against a plain oracle, verified references, and the properties it must have.

mod lasso {
    mod degenerate;
    mod draw;
    mod live;
    mod oracle;
    mod paths;
    mod properties;
    mod references;
    mod refusals;
    mod run;
    mod schedules;
    mod tall;
    mod workers;
}
