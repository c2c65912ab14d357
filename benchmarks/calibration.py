"""Calibrators compared: held-out losses, wins, harm and time.

python benchmarks/calibration.py [--arena FOLDER] [--calib FOLDER] [--match TEXT] [--own]

Always measured: ours, and scikit-learn's three methods. Where they are installed, also probmetrics
(temperature with a mix, SVS, SMS) and netcal (temperature). An arena is a folder of files
`<data>__<model>__<split>.npz` with cal_proba, cal_y, test_proba and test_y; its `peers.csv`, if
there is one, spares the peers. A calib folder has files with val_logits or val_probs, val_labels,
and the same for test. `--own`, the default without a folder, fits models to data shipped with
scikit-learn. Seconds are CPU time of fit and predict.
"""

import argparse
import csv
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from sklearn_softmax import SoftmaxCalibrator, softmax

TINY = np.finfo(np.float32).tiny
HARM = 1.005
OURS = ("auto", "temperature", "ensemble_temperature", "structured_matrix")


@dataclass
class Experiment:
    """Scores of one model on calibration and test rows, and their labels."""

    name: str
    scores: np.ndarray
    labels: np.ndarray
    test_scores: np.ndarray
    test_labels: np.ndarray
    input: str = "proba"

    @property
    def n_classes(self):
        """Number of columns."""
        return self.scores.shape[1]

    def probabilities(self):
        """Of both parts, in float64."""
        parts = [np.asarray(part, np.float64) for part in (self.scores, self.test_scores)]
        if self.input == "logits":
            return [softmax(part, axis=1) for part in parts]
        return [part / part.sum(axis=1, keepdims=True) for part in parts]


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities."""

    def fit(self, X, y):
        """Remember the classes."""
        self.classes_, self.n_features_in_ = np.arange(X.shape[1]), X.shape[1]
        return self

    def predict_proba(self, X):
        """The features."""
        return np.asarray(X)

    def predict(self, X):
        """The most probable class."""
        return np.asarray(X).argmax(axis=1)


def ours(method):
    """Fit and predict with SoftmaxCalibrator."""

    def run(case):
        model = SoftmaxCalibrator(method, input=case.input, classes=np.arange(case.n_classes))
        return model.fit(case.scores, case.labels).predict_proba(case.test_scores)

    return run


def sklearn_method(method):
    """Fit and predict with CalibratedClassifierCV."""

    def run(case):
        train, test = case.probabilities()
        model = CalibratedClassifierCV(FrozenEstimator(Given().fit(train, None)), method=method)
        return model.fit(train, case.labels).predict_proba(test)

    return run


def uncalibrated(case):
    """The scores as probabilities."""
    return case.probabilities()[1]


def methods():
    """Names and functions of all that can be measured here."""
    found = {"uncalibrated": uncalibrated}
    found |= {f"ours {method}": ours(method) for method in OURS}
    theirs = {"sk-temp": "temperature", "sk-sigmoid": "sigmoid", "sk-isotonic": "isotonic"}
    found |= {name: sklearn_method(method) for name, method in theirs.items()}
    try:
        from probmetrics.calibrators import get_calibrator

        def probmetrics(name):
            def run(case):
                train, test = case.probabilities()
                model = get_calibrator(name)
                model.fit(train, case.labels)
                return np.asarray(model.predict_proba(test))

            return run

        found |= {name: probmetrics(name) for name in ("ts-mix", "svs", "sms")}
    except ImportError:
        print("probmetrics is not installed")
    try:
        from netcal.scaling import TemperatureScaling

        def netcal(case):
            train, test = case.probabilities()
            return TemperatureScaling().fit(train, case.labels).transform(test)

        found["netcal-ts"] = netcal
    except ImportError:
        print("netcal is not installed")
    return found


def files(folder, match):
    """Files whose name contains a text."""
    return sorted(path for path in Path(folder).glob("*.npz") if match in path.stem)


def arena(folder, match):
    """Experiments of an arena."""
    for path in files(folder, match):
        with np.load(path) as file:
            parts = [file[name] for name in ("cal_proba", "cal_y", "test_proba", "test_y")]
        parts[1], parts[3] = parts[1].astype(int), parts[3].astype(int)
        yield Experiment(path.stem, *parts)


def networks(folder, match):
    """Experiments of a calib folder."""
    for path in files(folder, match):
        with np.load(path) as file:
            kind = "logits" if "val_logits" in file else "probs"
            names = (f"val_{kind}", "val_labels", f"test_{kind}", "test_labels")
            parts = [file[name] for name in names]
        parts[1], parts[3] = parts[1].astype(int), parts[3].astype(int)
        yield Experiment(path.stem, *parts, input="logits" if kind == "logits" else "proba")


def own(match):
    """Models fitted to data shipped with scikit-learn; a third each to fit, calibrate and test."""
    data = {
        "digits": load_digits,
        "iris": load_iris,
        "wine": load_wine,
        "breast_cancer": load_breast_cancer,
    }
    models = {
        "bayes": GaussianNB(),
        "forest": RandomForestClassifier(random_state=0),
        "neighbours": KNeighborsClassifier(15),
        "mlp": MLPClassifier(max_iter=200, random_state=0),
    }
    for (dataset, load), split in ((item, split) for item in data.items() for split in range(3)):
        X, y = load(return_X_y=True)
        rest, test = train_test_split(
            np.arange(len(y)), test_size=1 / 3, stratify=y, random_state=split
        )
        train, cal = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=split)
        for name, model in models.items():
            if match in (title := f"{dataset}__{name}__{split}"):
                fitted = model.fit(X[train], y[train])
                cal_scores, test_scores = (fitted.predict_proba(X[part]) for part in (cal, test))
                yield Experiment(title, cal_scores, y[cal], test_scores, y[test])


def read_peers(folder):
    """{(experiment, method): (log-loss, Brier, seconds)} of peers.csv."""
    path, found = Path(folder) / "peers.csv", {}
    if path.is_file():
        with path.open() as file:
            for row in csv.DictReader(file):
                name = f"{row['dataset']}__{row['model']}__{row['split']}"
                method = "uncalibrated" if row["method"] == "base" else row["method"]
                values = (row["logloss"], row["brier"], row["seconds"])
                found[name, method] = tuple(float(value) for value in values)
    return found


def measure(case, run):
    """Log-loss, Brier score and seconds; NaN where the method fails."""
    began = time.process_time()
    try:
        found = run(case)
    except Exception as error:
        print(f"{case.name}: {type(error).__name__}: {str(error).splitlines()[0][:80]}")
        return np.nan, np.nan, np.nan
    seconds, chance = time.process_time() - began, found[np.arange(len(found)), case.test_labels]
    brier = 1.0 - 2.0 * chance.mean() + np.einsum("ij,ij->", found, found) / len(found)
    return -np.log(np.maximum(chance, TINY)).mean(), brier, seconds


def interval(ratios, groups, n_draws=1000):
    """Geometric mean of ratios minus 1, and 95 % bootstrap bounds over groups, in per cent."""
    names, number = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(number, np.log(ratios)), np.bincount(number)
    drawn = np.random.default_rng(0).integers(len(names), size=(n_draws, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    bounds = np.quantile(means, [0.025, 0.975])
    return 100.0 * np.expm1([np.log(ratios).mean(), *bounds])


def table(title, names, results):
    """Print one line for each method; `results` has shape (n_experiments, n_methods, 3)."""
    names, first = list(names), list(names).index("ours auto")
    groups = np.array([name.split("__")[0] for name in results])
    values = np.array(list(results.values()))
    base = values[:, names.index("uncalibrated")]
    ranks = 1.0 + (values[:, None] < values[:, :, None]).sum(axis=2)
    ranks = np.nanmean(np.where(np.isnan(values), np.nan, ranks), axis=0)
    print(f"\n{title}: {len(values)} experiments\n")
    print(
        f"{'':26}{'log-loss change':>17}{'Brier':>8}{'rank':>12}{'harm %':>12}{'CPU':>9}"
        f"   auto beside it: log-loss %, 95 % interval; wins % log-loss / Brier"
    )
    print(f"{'':26}{'mean':>9}{'median':>8}{'mean':>8}{'ll':>7}{'Br':>5}{'ll':>7}{'Br':>5}{'s':>9}")
    for number, name in enumerate(names):
        mine = values[:, number]
        change, harm = mine - base, 100.0 * np.nanmean(mine > HARM * base, axis=0)
        line = (
            f"{name:26}{np.nanmean(change[:, 0]):9.4f}{np.nanmedian(change[:, 0]):8.4f}"
            f"{np.nanmean(change[:, 1]):8.4f}{ranks[number, 0]:7.2f}{ranks[number, 1]:5.1f}"
            f"{harm[0]:7.1f}{harm[1]:5.1f}{np.nanmedian(mine[:, 2]):9.4f}"
        )
        there = np.isfinite(mine[:, 0])
        if number != first and np.any(there):
            ratios = values[there, first, 0] / mine[there, 0]
            low_high = "{:8.2f} [{:.2f}, {:.2f}]".format(*interval(ratios, groups[there]))
            wins = 100.0 * np.mean(values[there, first, :2] < mine[there, :2], axis=0)
            line += f"   {low_high:28}{wins[0]:5.0f} /{wins[1]:3.0f}"
        print(line)


def compare(title, cases, peers):
    """Measure all methods on all experiments."""
    runs, results = methods(), {}
    known = {method for _, method in peers}
    names = [*runs, *sorted(known - set(runs))]
    for case in cases:
        row = []
        for name in names:
            there = peers.get((case.name, name))
            if there is None and known and not name.startswith("ours"):
                there = (np.nan,) * 3  # peers.csv says what it says
            row.append(there or measure(case, runs[name]))
        results[case.name] = row
    if results:
        table(title, names, results)


def main():
    """Compare over what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arena")
    parser.add_argument("--calib")
    parser.add_argument("--match", default="")
    parser.add_argument("--own", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.arena:
        cases = arena(arguments.arena, arguments.match)
        compare("Arena", cases, read_peers(arguments.arena))
    if arguments.calib:
        compare("Networks", networks(arguments.calib, arguments.match), {})
    if arguments.own or not (arguments.arena or arguments.calib):
        compare("Data shipped with scikit-learn", own(arguments.match), {})


if __name__ == "__main__":
    main()
