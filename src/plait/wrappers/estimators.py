"""Models in scikit-learn's clothes: `fit`, `predict`, `score`, parameters that a search can set, copies that are fresh.

An estimator holds a compiled model, or a function that makes one from the data; `fit` trains a copy of it, `model_`, so
that fitting again starts afresh, as scikit-learn expects.

What it is not: needed where scikit-learn isn't; without it the classes can be imported, and say so when one is made.

Differs from Keras: a copy keeps `fit_kwargs`, which `fit` doesn't change; `warm_start` goes on with the weights of the last
`fit`; `epoch_` counts the epochs of the last one.
"""

import copy
from typing import Any

import numpy as np

from plait.errors import DataError, StateError
from plait.models import Model, clone_model

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin  # type: ignore[assignment]
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:  # the classes must be there for `from keras import *`
    type_of_target = check_is_fitted = validate_data = None

    class BaseEstimator:
        """Stands where scikit-learn isn't installed."""

    class ClassifierMixin:
        """Stands where scikit-learn isn't installed."""

    class RegressorMixin:
        """Stands where scikit-learn isn't installed."""

    class TransformerMixin:
        """Stands where scikit-learn isn't installed."""


class _Estimator(BaseEstimator):
    """What all three share.

    Args:
        model: a compiled model, or a function `(X, y, **model_kwargs)` that returns one.
        warm_start: whether another `fit` goes on with the weights of the last one.
        model_kwargs: more arguments of the function.
        fit_kwargs: arguments of the model's `fit`; those given to the estimator's `fit` come first.

    Raises:
        ImportError: scikit-learn isn't installed.
    """

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: dict | None = None,
        fit_kwargs: dict | None = None,
    ):
        if validate_data is None:
            raise ImportError(
                f"{type(self).__name__} needs scikit-learn 1.6 or later: pip install 'plait[sklearn]' installs it."
            )
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Any:
        made = self.model if not isinstance(self.model, Model) else copy.deepcopy(self.model)
        return type(self)(
            model=made, warm_start=self.warm_start, model_kwargs=self.model_kwargs, fit_kwargs=self.fit_kwargs
        )

    @property
    def epoch_(self) -> int:
        """How many epochs the last `fit` made."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Any:
        """Trains a copy of the model.

        Args:
            X: samples, (N, features).
            y: targets, (N,) or (N, outputs).
            sample_weight: weights of the samples, (N,).
            kwargs: more arguments of the model's `fit`.

        Returns:
            the estimator itself.

        Raises:
            StateError: the model isn't compiled, or has no loss or optimizer.
        """
        X, y = validate_data(self, X, y, multi_output=True)  # type: ignore[misc]
        targets = self._encode(y)
        model = self._fresh_model(X, targets)
        if not model._compilation or not model.loss or model.optimizer is None:
            raise StateError(f"{type(self).__name__}: the model must be compiled, with a loss and an optimizer.")
        given = kwargs if sample_weight is None else {**kwargs, "sample_weight": sample_weight}
        self.history_ = model.fit(X, targets, **{**(self.fit_kwargs or {}), **given})
        self.model_ = model
        return self

    def _fresh_model(self, X: np.ndarray, y: np.ndarray) -> Any:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            return self.model if self.warm_start else clone_model(self.model)
        return self.model(X=X, y=y, **(self.model_kwargs or {}))

    def predict(self, X: Any) -> np.ndarray:
        """The targets that the model gives for samples.

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
        """
        return self._decode(self._outputs(X))

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)  # type: ignore[misc]
        return self.model_.predict(validate_data(self, X, reset=False))  # type: ignore[misc]

    def _encode(self, y: np.ndarray) -> np.ndarray:
        type_of_target(y, raise_unknown=True)  # type: ignore[misc]
        self._flat = y.ndim == 1
        return y.reshape(-1, 1) if self._flat else y

    def _decode(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, 0] if self._flat and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A model that predicts classes, as a classifier of scikit-learn.

    Labels of any kind become one-hot rows for the model, so it needs as many outputs as there are classes, and the loss
    `"categorical_crossentropy"`; the function that makes a model sees them as its `y`, (N, classes).

    Args:
        model: a compiled model, or a function `(X, y, **model_kwargs)` that returns one.
        warm_start: whether another `fit` goes on with the weights of the last one.
        model_kwargs: more arguments of the function.
        fit_kwargs: arguments of the model's `fit`; those given to the estimator's `fit` come first.

    Attributes:
        model_: the trained model.
        history_: what its `fit` returned.
        classes_: the classes, (C,).

    >>> import numpy as np, plait
    >>> def make(X, y):
    ...     model = plait.Sequential([plait.Input(X.shape[1:]), plait.layers.Dense(y.shape[1], activation="softmax")])
    ...     model.compile("sgd", "categorical_crossentropy")
    ...     return model
    >>> estimator = SKLearnClassifier(make, fit_kwargs={"verbose": 0})
    >>> estimator.fit(np.eye(4), np.array(["a", "b", "a", "b"])).classes_.tolist()
    ['a', 'b']
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """The model's outputs, (N, classes)."""
        return self._outputs(X)

    def _encode(self, y: np.ndarray) -> np.ndarray:
        kind = type_of_target(y, raise_unknown=True)  # type: ignore[misc]
        if kind not in ("binary", "multiclass"):
            raise DataError(f"Only binary and multiclass target types are supported. Target type: {kind}")
        self._flat = y.ndim == 1
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise DataError("Classifier can't train when only one class is present.")
        return np.eye(len(self.classes_))[places.reshape(-1)]

    def _decode(self, outputs: np.ndarray) -> np.ndarray:
        found = self.classes_[np.argmax(outputs, axis=-1)]
        return found if self._flat else found.reshape(-1, 1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A model that predicts numbers, as a regressor of scikit-learn.

    Args:
        model: a compiled model, or a function `(X, y, **model_kwargs)` that returns one.
        warm_start: whether another `fit` goes on with the weights of the last one.
        model_kwargs: more arguments of the function.
        fit_kwargs: arguments of the model's `fit`; those given to the estimator's `fit` come first.

    Attributes:
        model_: the trained model.
        history_: what its `fit` returned.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A model whose outputs are features for what follows in a pipeline.

    Args:
        model: a compiled model, or a function `(X, y, **model_kwargs)` that returns one.
        warm_start: whether another `fit` goes on with the weights of the last one.
        model_kwargs: more arguments of the function.
        fit_kwargs: arguments of the model's `fit`; those given to the estimator's `fit` come first.

    Attributes:
        model_: the trained model.
        history_: what its `fit` returned.
    """

    def transform(self, X: Any) -> np.ndarray:
        """The model's outputs, (N, features)."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
