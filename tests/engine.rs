//! The engine, proved: one program in both forms, under every way of running it.

mod engine {
    mod bits;
    mod compose;
    mod convergence;
    mod delayed;
    mod descend;
    mod epochs;
    mod failure;
    mod gap;
    mod least;
    mod line_search;
    mod packets;
    mod policies;
    mod problem;
    mod processes;
    mod rotating;
    mod rotation;
    mod run;
    mod staleness;
    mod watch;
    mod wire;
}
