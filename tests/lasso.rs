//! The Lasso against a plain oracle, verified references, and the properties it must have.

mod support;

mod lasso {
    mod degenerate;
    mod draw;
    mod exact;
    mod forms;
    mod judge;
    mod live;
    mod oracle;
    mod paths;
    mod problems;
    mod properties;
    mod random;
    mod references;
    mod refusals;
    mod run;
    mod schedules;
    mod scopes;
    mod start;
    mod tall;
    mod workers;
}
