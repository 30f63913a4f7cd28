"""Models as scikit-learn's estimators: for pipelines, cross validation and searches. Needs scikit-learn."""

from plait.wrappers.estimators import SKLearnClassifier as SKLearnClassifier
from plait.wrappers.estimators import SKLearnRegressor as SKLearnRegressor
from plait.wrappers.estimators import SKLearnTransformer as SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]
