"""Writes disentangle.safetensors: scores of disentanglement of one representation, by NumPy and scikit-learn.

Usage: python make_disentangle.py OUT.safetensors
Needs: numpy, scikit-learn, scipy, safetensors.

The definitions are disentanglement_lib's (Locatello et al. 2019), with its predictors. Two of these are iterative, and
are run here to their optimum: LinearSVC and LogisticRegression with a tolerance of 1e-12. What a score draws is
drawn here and stored, so that nothing but the definition is compared:

- mu [N, Z] and factors [N, K]; the images that predictors learn from are the first TRAIN, those that they are
  measured with are the rest;
- votes.*: of each batch the factor that its images share (the last K), and the images' numbers;
- points.*: the same with pairs of images.

Latent 3 of 6 is constant, and latent 4 varies by less than what has a vote. Boosted trees depend on random choices
between equally good splits: of them the mean over SEEDS seeds is stored, and the standard deviation.
"""
import sys
import warnings

import numpy as np
from safetensors.numpy import save_file
from scipy.stats import entropy
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.svm import LinearSVC

SIZES, LATENTS, COUNT, TRAIN, SEEDS = (3, 5, 2, 8), 6, 1200, 800, 20
VOTES, POINTS, BATCH = (120, 80), (150, 100), 6
K = len(SIZES)
rng = np.random.default_rng(20)


def represent(factors):
    shape, size, side, place = factors.T
    noise = rng.normal(size=(len(factors), LATENTS))
    columns = [
        place / 3.5 - 1 + 0.1 * noise[:, 0],
        size / 2 - 1 + 0.3 * (shape - 1) + 0.2 * noise[:, 1],
        0.8 * (shape - 1) ** 2 - 0.4 * size / 4 + 0.2 * noise[:, 2],
        np.full(len(factors), 0.25),
        0.01 * noise[:, 4],
        1.2 * side - 0.3 * place / 7 + 0.4 * noise[:, 5],
    ]
    return np.stack(columns, 1).astype(np.float32)


def gap(matrix):
    ordered = np.sort(matrix, axis=0)
    return float(np.mean(ordered[-1] - ordered[-2]))


def information(mu, factors):
    binned = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in mu.T]
    each = [[mutual_info_score(v, z) for v in factors.T] for z in binned]
    return np.array(each) / [mutual_info_score(v, v) for v in factors.T]


def by_class(mu, factors):
    scores = np.zeros((LATENTS, K))
    for i, z in enumerate(mu.T):
        for k, v in enumerate(factors.T):
            machine = LinearSVC(C=0.01, class_weight="balanced", tol=1e-12, max_iter=10**6, dual=False)
            machine.fit(z[:TRAIN, None], v[:TRAIN])
            scores[i, k] = np.mean(machine.predict(z[TRAIN:, None]) == v[TRAIN:])
    return scores


def by_number(mu, factors):
    scores = np.zeros((LATENTS, K))
    for i, z in enumerate(mu[:TRAIN].T):
        for k, v in enumerate(factors[:TRAIN].T):
            covariance = np.cov(z, v)
            if covariance[0, 0] > 1e-12:
                scores[i, k] = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
    return scores


def boosted(mu, factors, seed):
    importance, accuracy = np.zeros((LATENTS, K)), []
    for k, v in enumerate(factors.T):
        trees = GradientBoostingClassifier(random_state=seed).fit(mu[:TRAIN], v[:TRAIN])
        importance[:, k] = trees.feature_importances_
        accuracy.append(np.mean(trees.predict(mu[TRAIN:]) == v[TRAIN:]))
    return importance, float(np.mean(accuracy))


def concentration(rows):
    each = 1 - entropy(rows.T + 1e-11, base=rows.shape[1])
    return float(np.sum(each * rows.sum(1) / rows.sum()))


def batch(factors, k, pairs):
    if not pairs:
        value = factors[rng.integers(COUNT), k]
        return rng.choice(np.flatnonzero(factors[:, k] == value), BATCH)
    first = rng.integers(COUNT, size=BATCH)
    other = [rng.choice(np.flatnonzero(factors[:, k] == factors[i, k])) for i in first]
    return np.stack([first, other], 1).ravel()


def batches(factors, count, pairs):
    drawn = rng.integers(K, size=count)
    return np.stack([np.append(batch(factors, k, pairs), k) for k in drawn])


def vote(mu, drawn):
    variances = mu.var(0, ddof=1)
    active = np.flatnonzero(np.sqrt(variances) >= 0.05)
    votes = np.zeros((K, LATENTS))
    for *images, k in drawn:
        least = np.argmin(mu[images][:, active].var(0, ddof=1) / variances[active])
        votes[k, active[least]] += 1
    return votes


def points(mu, drawn):
    pairs = drawn[:, :-1].reshape(len(drawn), BATCH, 2)
    return np.abs(mu[pairs[:, :, 0]] - mu[pairs[:, :, 1]]).mean(1), drawn[:, -1]


def main(path):
    warnings.simplefilter("error")
    factors = np.stack([rng.integers(size, size=COUNT) for size in SIZES], 1)
    stored = represent(factors)
    mu = stored.astype(np.float64)
    votes = [batches(factors, count, False) for count in VOTES]
    pairs = [batches(factors, count, True) for count in POINTS]

    learnt, measured = [vote(mu, drawn) for drawn in votes]
    factor_vae = measured[learnt.argmax(0), np.arange(LATENTS)].sum() / measured.sum()
    (x, y), (x_test, y_test) = [points(mu, drawn) for drawn in pairs]
    logistic = LogisticRegression(tol=1e-12, max_iter=10**5, solver="newton-cholesky").fit(x, y)
    beta_vae = np.mean(logistic.predict(x_test) == y_test)
    two = y < 2
    binary = LogisticRegression(tol=1e-12, max_iter=10**5, solver="newton-cholesky").fit(x[two], y[two])
    fits = [boosted(stored, factors, seed) for seed in range(SEEDS)]
    importance = np.stack([fit[0].T for fit in fits])
    each = [(concentration(fit[0]), concentration(fit[0].T), fit[1]) for fit in fits]

    shares = information(mu, factors)
    classes, numbers = by_class(mu, factors), by_number(mu, factors)
    scores = {
        "mig": gap(shares), "sap": gap(classes), "sap_regression": gap(numbers),
        "factor_vae": factor_vae, "beta_vae": beta_vae,
    }
    for name, score in scores.items():
        print(f"{name}: {score:.6f}")
    dci = np.stack([np.mean(each, 0), np.std(each, 0, ddof=1)])
    print("disentanglement, completeness and informativeness, and their standard deviations:", dci)
    out = {f"score.{name}": np.array([score], np.float64) for name, score in scores.items()}
    out |= {
        "mu": stored, "factors": factors.astype(np.uint8), "information": shares.T,
        "importance": importance.mean(0), "importance.deviation": importance.std(0, ddof=1), "dci": dci,
        "logistic": np.hstack([logistic.coef_, logistic.intercept_[:, None]]),
        "logistic.two": np.hstack([binary.coef_, binary.intercept_[:, None]]),
    }
    for name, (train, test) in {"votes": votes, "points": pairs}.items():
        out |= {f"{name}.train": train.astype(np.uint16), f"{name}.test": test.astype(np.uint16)}
    save_file({name: np.ascontiguousarray(values) for name, values in out.items()}, path)


main(sys.argv[1])
