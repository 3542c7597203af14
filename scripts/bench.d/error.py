"""The judge of every factorisation: errors and the regularised objective, in numpy's float64."""

import numpy as np

STEP = 1 << 18


def _squares(model, user, item, ratings):
    """The sum of squared errors, some ratings at a time."""
    total = 0.0
    for start in range(0, len(ratings), STEP):
        u, i = user[start:start + STEP], item[start:start + STEP]
        product = np.einsum("nk,nk->n", model["user_factors"][u], model["item_factors"][i],
                            dtype=np.float64)
        score = model["mean"] + model["user_bias"][u] + model["item_bias"][i] + product
        total += np.square(ratings[start:start + STEP] - score).sum()
    return total


def rmse(model, numbered):
    """On the test ratings whose user and item the training ratings have."""
    user, item, ratings = numbered.test
    return float(np.sqrt(_squares(model, user, item, ratings) / max(len(ratings), 1)))


def objective(model, numbered, lam):
    """Squared errors plus lam for each rating of a row times the row's squares."""
    total = _squares(model, numbered.user, numbered.item, numbered.ratings)
    for side, index in (("user", numbered.user), ("item", numbered.item)):
        counts = np.bincount(index, minlength=len(model[f"{side}_bias"]))
        rows = np.square(model[f"{side}_factors"].astype(np.float64)).sum(axis=1)
        rows += np.square(model[f"{side}_bias"].astype(np.float64))
        total += lam * (counts * rows).sum()
    return float(total)
