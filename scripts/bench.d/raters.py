"""One peer in a process of its own: loads ratings, factorises, and gives its factors to the judge.

    raters.py NAME THREADS RANK LAMBDA ALPHA BUDGET MEMORY TRAIN TEST

Prints lines of JSON: first `load`, then a line a run with the `seconds` of fitting alone, its
`iterations`, `peak`, `rmse` and `objective`.
"""

import json
import os
import resource
import sys
import time

NAME, THREADS, RANK = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LAMBDA, ALPHA, BUDGET = (float(number) for number in sys.argv[4:7])
MEMORY, FILES = float(sys.argv[7]), sys.argv[8:10]
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = str(THREADS)

import numpy as np  # noqa: E402

import error  # noqa: E402
import places  # noqa: E402
import ratings  # noqa: E402

# Iterations of the runs, each from the start, as far as the budget goes.
RUNS = (1, 2, 5, 10, 15, 20, 30, 50, 100)


def say(**line):
    print(json.dumps(line), flush=True)


def cmfrec(data, biases):
    """Alternating least squares; with `scale_lam` its penalty is weighted as ours."""
    import pandas
    from cmfrec import CMF

    frame = pandas.DataFrame(
        {"UserId": data.user, "ItemId": data.item, "Rating": data.ratings})

    def fit(iterations):
        model = CMF(method="als", k=RANK, lambda_=LAMBDA, scale_lam=True, niter=iterations,
                    user_bias=biases, item_bias=biases, nthreads=THREADS, verbose=False,
                    random_state=1, use_float=True, precompute_for_predictions=False)
        started = time.perf_counter()
        model.fit(frame)
        seconds = time.perf_counter() - started
        side = lambda matrix, mapping, count: _in_order(matrix, np.asarray(mapping), count)
        users, items = len(data.users), len(data.items)
        zeros = lambda count: np.zeros(count)
        return seconds, {
            "mean": float(model.glob_mean_),
            "user_factors": side(model.A_, model.user_mapping_, users),
            "item_factors": side(model.B_, model.item_mapping_, items),
            "user_bias": side(model.user_bias_, model.user_mapping_, users) if biases
            else zeros(users),
            "item_bias": side(model.item_bias_, model.item_mapping_, items) if biases
            else zeros(items),
        }

    return fit


def _in_order(matrix, mapping, count):
    """Rows by our positions."""
    ordered = np.zeros((count, *matrix.shape[1:]))
    ordered[mapping.astype(int)] = matrix[: len(mapping)]
    return ordered


def surprise(data, _):
    """Stochastic gradient descent with biases, at its own penalty and rate."""
    from surprise import SVD, Dataset, Reader
    import pandas

    frame = pandas.DataFrame({"u": data.user, "i": data.item, "r": data.ratings})
    scale = Reader(rating_scale=(float(data.ratings.min()), float(data.ratings.max())))
    whole = Dataset.load_from_df(frame, scale).build_full_trainset()
    users = np.array([whole.to_inner_uid(u) for u in range(len(data.users))])
    items = np.array([whole.to_inner_iid(i) for i in range(len(data.items))])

    def fit(iterations):
        model = SVD(n_factors=RANK, n_epochs=iterations, random_state=1)
        started = time.perf_counter()
        model.fit(whole)
        seconds = time.perf_counter() - started
        return seconds, {"mean": whole.global_mean, "user_factors": model.pu[users],
                         "item_factors": model.qi[items], "user_bias": model.bu[users],
                         "item_bias": model.bi[items]}

    return fit


def als(data, _):
    """Alternating least squares of implicit feedback, at its own way of solving."""
    import scipy.sparse
    from implicit.als import AlternatingLeastSquares

    # Its confidences are whole weights.
    weights = (1 + ALPHA * data.ratings).astype(np.float32)
    matrix = scipy.sparse.csr_matrix((weights, (data.user, data.item)),
                                     shape=(len(data.users), len(data.items)))

    def fit(iterations):
        model = AlternatingLeastSquares(factors=RANK, regularization=LAMBDA, alpha=1.0,
                                        iterations=iterations, num_threads=THREADS, use_gpu=False,
                                        random_state=1)
        started = time.perf_counter()
        model.fit(matrix, show_progress=False)
        seconds = time.perf_counter() - started
        return seconds, {"user_factors": model.user_factors, "item_factors": model.item_factors}

    return fit


def explicit(model, data):
    return {"rmse": error.rmse(model, data), "objective": error.objective(model, data, LAMBDA)}


def implicit(model, data):
    return {"objective": error.implicit(model, data, LAMBDA, ALPHA)}


FITS = {"cmfrec": (cmfrec, False, explicit), "cmfrec with biases": (cmfrec, True, explicit),
        "scikit-surprise": (surprise, True, explicit), "implicit": (als, False, implicit)}


def main():
    resource.setrlimit(resource.RLIMIT_AS, (int(MEMORY),) * 2)
    started = time.perf_counter()
    data = ratings.Numbered(*FILES)
    make, biases, judge = FITS[NAME]
    fit = make(data, biases)
    say(load=time.perf_counter() - started)
    for iterations in RUNS:
        seconds, model = fit(iterations)
        say(seconds=seconds, iterations=iterations, peak=places.peak_bytes("self"),
            **judge(model, data))
        # The next run takes longer by at least a third.
        if seconds * 4 / 3 > BUDGET:
            break


main()
