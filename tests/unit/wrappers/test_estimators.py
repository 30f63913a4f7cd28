"""Models as estimators of scikit-learn: the same numbers as Keras's wrappers, in pipelines and searches."""

import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import plait
from plait import wrappers

QUIET = {"verbose": 0, "shuffle": False, "epochs": 2, "batch_size": 8}
X = np.random.default_rng(0).normal(size=(24, 4))
NAMES = np.array(["cat", "dog", "eel"])[np.arange(24) % 3]
NUMBERS = X @ np.array([1.0, -2.0, 0.5, 0.0])


def make(X, y, library=plait, loss="mse", activation=None, units=3):
    layers = library.layers
    x = library.Input((X.shape[1],))
    start = {"kernel_initializer": "ones"}
    h = layers.Dense(units, activation="tanh", **start)(x)
    model = library.Model(x, layers.Dense(y.shape[1] if y.ndim > 1 else 1, activation=activation, **start)(h))
    model.compile(library.optimizers.SGD(0.1), loss)
    return model


TO_CLASSES = {"loss": "categorical_crossentropy", "activation": "softmax"}


def estimators(name, **options):
    """Keras's estimator and plait's, fitted on the same data."""
    y = NAMES if name == "SKLearnClassifier" else NUMBERS
    made = []
    for library in (keras, plait):
        kind = getattr(library.wrappers, name)
        estimator = kind(make, model_kwargs={"library": library, **options}, fit_kwargs=dict(QUIET))
        made.append(estimator.fit(X, y))
    return made


def test_classes_are_told_as_keras_tells_them():
    theirs, ours = estimators("SKLearnClassifier", **TO_CLASSES)
    assert ours.classes_.tolist() == theirs.classes_.tolist() == ["cat", "dog", "eel"]
    assert ours.predict(X).tolist() == theirs.predict(X).reshape(-1).tolist()
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-5)
    assert ours.score(X, NAMES) == pytest.approx(theirs.score(X, NAMES))
    assert is_classifier(ours) and ours.epoch_ == 2


@pytest.mark.parametrize("name", ["SKLearnRegressor", "SKLearnTransformer"])
def test_numbers_are_told_as_keras_tells_them(name):
    theirs, ours = estimators(name)
    assert ours.predict(X).shape == theirs.predict(X).shape == (24,)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-5)
    if name == "SKLearnTransformer":
        np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-5)
        assert ours.transform(X).shape == (24, 1)
    else:
        assert is_regressor(ours) and ours.score(X, NUMBERS) == pytest.approx(theirs.score(X, NUMBERS), abs=1e-4)


def test_in_pipelines_searches_and_cross_validation():
    classifier = wrappers.SKLearnClassifier(make, model_kwargs=TO_CLASSES, fit_kwargs=QUIET)
    assert cross_val_score(make_pipeline(StandardScaler(), classifier), X, NAMES, cv=2).shape == (2,)
    search = GridSearchCV(classifier, {"fit_kwargs": [QUIET, {**QUIET, "epochs": 1}]}, cv=2).fit(X, NAMES)
    assert search.best_params_["fit_kwargs"]["epochs"] in (1, 2)
    transformer = wrappers.SKLearnTransformer(make, fit_kwargs=QUIET)
    pipeline = make_pipeline(transformer, LogisticRegression()).fit(X, NAMES == "cat")
    assert pipeline.predict(X).dtype == bool


def test_a_model_is_copied_and_starts_afresh():
    model = make(X, NUMBERS)
    before = [weight.copy() for weight in model.get_weights()]
    regressor = wrappers.SKLearnRegressor(model, fit_kwargs=QUIET)
    first = regressor.fit(X, NUMBERS).predict(X)
    for weight, kept in zip(model.get_weights(), before):
        np.testing.assert_array_equal(weight, kept)
    np.testing.assert_allclose(regressor.fit(X, NUMBERS).predict(X), first)
    copied = clone(regressor)
    assert copied.fit_kwargs == QUIET and copied.model is not model and not hasattr(copied, "model_")


def test_weights_of_samples_count():
    with sklearn.config_context(enable_metadata_routing=True):
        regressor = wrappers.SKLearnRegressor(make, fit_kwargs=QUIET)
        regressor.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        even = cross_val_score(regressor, X, NUMBERS, cv=2)
        uneven = cross_val_score(regressor, X, NUMBERS, cv=2, params={"sample_weight": np.arange(24.0)})
    assert not np.allclose(even, uneven)


def test_a_warm_start_goes_on():
    regressor = wrappers.SKLearnRegressor(make, warm_start=True, fit_kwargs=QUIET)
    losses = [regressor.fit(X, NUMBERS, epochs=1).history_.history["loss"][0] for _ in range(3)]
    assert losses[2] < losses[0]


def test_what_cannot_be_fitted_is_said():
    def bare(X, y):
        return plait.Sequential([plait.layers.Dense(1)])

    with pytest.raises(plait.errors.StateError, match="compiled"):
        wrappers.SKLearnRegressor(bare).fit(X, NUMBERS)
    with pytest.raises(plait.errors.DataError, match="one class"):
        wrappers.SKLearnClassifier(make).fit(X, np.zeros(24, int))
    with pytest.raises(plait.errors.DataError, match="continuous"):
        wrappers.SKLearnClassifier(make).fit(X, NUMBERS)
    with pytest.raises(NotFittedError):
        wrappers.SKLearnRegressor(make).predict(X)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setattr("plait.wrappers.estimators.validate_data", None)
    with pytest.raises(ImportError, match=r"plait\[sklearn\]"):
        wrappers.SKLearnRegressor(make)
