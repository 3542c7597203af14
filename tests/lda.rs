//! Topic models against independent evaluators, recounts, planted topics, and the places they run.

mod support;

mod lda {
    mod anew;
    mod corpora;
    mod counts;
    mod histories;
    mod infer;
    mod kept;
    mod live;
    mod optimize;
    mod planted;
    mod start;
    mod workers;
}
