//! Matrix factorisation against plain oracles, and the properties it must have.

mod support;

mod mf {
    mod anew;
    mod histories;
    mod kept;
    mod live;
    mod memory;
    mod oracle;
    mod processes;
    mod run;
    mod solver;
    mod terms;
    mod trickle;
    mod workers;
}
