//! Matrix factorisation against plain oracles, and the properties it must have.

mod mf {
    mod oracle;
    mod run;
    mod solver;
    mod terms;
    mod workers;
}
