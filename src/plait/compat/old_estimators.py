"""`keras.wrappers.scikit_learn` as Keras 2 had it: a function that builds a model, and arguments for it, `fit` and `predict`.

Differs from `plait.wrappers`: the function gets no data, and all arguments stand side by side, so that a search may set any.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from plait.compat.old_arguments import note
from plait.errors import ArgumentError
from plait.models import Model
from plait.training.callbacks.base import History
from plait.utils import to_categorical
from plait.wrappers.estimators import BaseEstimator, ClassifierMixin, RegressorMixin

_EARLIER = frozenset({"nb_epoch"})  # arguments of `fit` that Keras 1 had


class _OldEstimator(BaseEstimator):
    """What both share.

    Args:
        build_fn: a function that returns a compiled model; a subclass may define `__call__` instead.
        sk_params: arguments of the function, of `fit`, `predict` and `evaluate`, by name.

    Raises:
        ArgumentError: an argument that none of these takes.
    """

    def __init__(self, build_fn: Callable[..., Model] | None = None, **sk_params: Any):
        note("wrappers.scikit_learn")
        self.build_fn, self.sk_params = build_fn, sk_params
        known = {*_EARLIER, *self._names(self._function)}
        known = known.union(*(self._names(method) for method in (Model.fit, Model.predict, Model.evaluate)))
        unknown = [name for name in sk_params if name not in known]
        if unknown and not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(self._function).parameters.values()):
            raise ArgumentError(f"{type(self).__name__}: neither the function nor `fit` takes {unknown}.")

    @property
    def _function(self) -> Callable[..., Model]:
        return self.build_fn if self.build_fn is not None else self.__call__  # type: ignore[attr-defined]

    @staticmethod
    def _names(function: Callable) -> list[str]:
        return list(inspect.signature(function).parameters)

    def _for(self, function: Callable, given: dict) -> dict:
        """The arguments that a function takes."""
        names = {*self._names(function), *(_EARLIER if function is Model.fit else ())}
        return {name: value for name, value in {**self.sk_params, **given}.items() if name in names}

    def get_params(self, deep: bool = True) -> dict:
        """All arguments by name."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Any:
        """Sets some arguments."""
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params.update(params)
        return self

    def fit(self, x: Any, y: Any, **kwargs: Any) -> History:
        """Builds a model, and trains it; `model` holds it."""
        self.model = self._function(**self._for(self._function, {}))
        return self.model.fit(x, self._targets(np.asarray(y)), **self._for(Model.fit, kwargs))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def _targets(self, y: np.ndarray) -> np.ndarray:
        return y

    def _outputs(self, x: Any, kwargs: dict) -> np.ndarray:
        return self.model.predict(x, **{"verbose": 0, **self._for(Model.predict, kwargs)})

    def _evaluate(self, x: Any, y: Any, kwargs: dict) -> dict:
        options = {"verbose": 0, **self._for(Model.evaluate, kwargs)}
        return self.model.evaluate(x, self._targets(np.asarray(y)), return_dict=True, **options)


class KerasClassifier(ClassifierMixin, _OldEstimator):
    """A classifier for scikit-learn, made by a function; the arguments are those of Keras 2."""

    def _targets(self, y: np.ndarray) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
            return y
        self.classes_, numbers = np.unique(y.ravel(), return_inverse=True)
        categorical = str(getattr(self.model.loss, "name", self.model.loss)) == "categorical_crossentropy"
        return to_categorical(numbers, len(self.classes_)) if categorical else numbers

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The likeliest class of each sample."""
        found = self._outputs(x, kwargs)
        places = found.argmax(-1) if found.shape[-1] > 1 else (found[:, 0] > 0.5).astype(int)
        return self.classes_[places]

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Probabilities (N, classes); of a single output p the two 1 - p and p."""
        found = self._outputs(x, kwargs)
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The accuracy, which the model must have been compiled with."""
        found = self._evaluate(x, y, kwargs)
        for name in ("accuracy", "acc"):
            if name in found:
                return found[name]
        raise ArgumentError('KerasClassifier.score: compile the model with metrics=["accuracy"].')


class KerasRegressor(RegressorMixin, _OldEstimator):
    """A regressor for scikit-learn, made by a function; the arguments are those of Keras 2."""

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The outputs, (N,) for a single one."""
        return np.squeeze(self._outputs(x, kwargs), axis=-1)

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The loss with its sign changed: larger is better."""
        return -self._evaluate(x, y, kwargs)["loss"]
