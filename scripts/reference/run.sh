#!/bin/sh
# Recomputes inputs/diabetes.csv and tests/reference/*.json. Needs python3 with venv, and for the
# comparison with glmnet Rscript with the package glmnet (Debian: r-cran-glmnet); without it that
# column is left out. Run from anywhere; the virtual environment is kept in .venv (ignored by git).
set -eu
cd "$(dirname "$0")/../.."
if [ ! -x .venv/bin/python ]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --requirement scripts/reference/requirements.txt
fi
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
.venv/bin/python scripts/reference/make_diabetes.py inputs
.venv/bin/python scripts/reference/make_lasso.py "$@"
