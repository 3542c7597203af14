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


def implicit(model, numbered, lam, alpha):
    """Squared errors over all pairs, 1 being expected of those with a rating, which weigh 1 plus alpha
    times it, and 0 of others, plus lam times the squares of the factors: no pair but those with a
    rating is looked at, all being the product of two Gram matrices."""
    rows = [model[f"{side}_factors"].astype(np.float64) for side in ("user", "item")]
    total = np.sum((rows[0].T @ rows[0]) * (rows[1].T @ rows[1]))
    for start in range(0, len(numbered.ratings), STEP):
        part = slice(start, start + STEP)
        score = np.einsum("nk,nk->n", rows[0][numbered.user[part]], rows[1][numbered.item[part]])
        weight = 1 + alpha * numbered.ratings[part].astype(np.float64)
        total += (weight * np.square(1 - score) - np.square(score)).sum()
    return float(total + lam * sum(np.square(side).sum() for side in rows))


def objective(model, numbered, lam):
    """Squared errors plus lam for each rating of a row times the row's squares."""
    total = _squares(model, numbered.user, numbered.item, numbered.ratings)
    for side, index in (("user", numbered.user), ("item", numbered.item)):
        counts = np.bincount(index, minlength=len(model[f"{side}_bias"]))
        rows = np.square(model[f"{side}_factors"].astype(np.float64)).sum(axis=1)
        rows += np.square(model[f"{side}_bias"].astype(np.float64))
        total += lam * (counts * rows).sum()
    return float(total)
