"""Metrics: numbers gathered over many batches, and the functions behind them."""

from plait.losses.crossentropy import binary_crossentropy as binary_crossentropy
from plait.losses.crossentropy import binary_focal_crossentropy as binary_focal_crossentropy
from plait.losses.crossentropy import categorical_crossentropy as categorical_crossentropy
from plait.losses.crossentropy import categorical_focal_crossentropy as categorical_focal_crossentropy
from plait.losses.crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from plait.losses.margins import categorical_hinge as categorical_hinge
from plait.losses.margins import hinge as hinge
from plait.losses.margins import squared_hinge as squared_hinge
from plait.losses.regression import huber as huber
from plait.losses.regression import kl_divergence as kl_divergence
from plait.losses.regression import log_cosh as log_cosh
from plait.losses.regression import mean_absolute_error as mean_absolute_error
from plait.losses.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
from plait.losses.regression import mean_squared_error as mean_squared_error
from plait.losses.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from plait.losses.regression import poisson as poisson
from plait.metrics.base import Mean as Mean
from plait.metrics.base import MeanMetricWrapper as MeanMetricWrapper
from plait.metrics.base import Metric as Metric
from plait.metrics.base import Sum as Sum
from plait.metrics.base import deserialize as deserialize
from plait.metrics.base import get as get
from plait.metrics.base import serialize as serialize
from plait.metrics.classification import Accuracy as Accuracy
from plait.metrics.classification import BinaryAccuracy as BinaryAccuracy
from plait.metrics.classification import BinaryCrossentropy as BinaryCrossentropy
from plait.metrics.classification import CategoricalAccuracy as CategoricalAccuracy
from plait.metrics.classification import CategoricalCrossentropy as CategoricalCrossentropy
from plait.metrics.classification import CategoricalHinge as CategoricalHinge
from plait.metrics.classification import Hinge as Hinge
from plait.metrics.classification import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from plait.metrics.classification import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from plait.metrics.classification import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from plait.metrics.classification import SquaredHinge as SquaredHinge
from plait.metrics.classification import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from plait.metrics.classification import accuracy_for as accuracy_for
from plait.metrics.classification import binary_accuracy as binary_accuracy
from plait.metrics.classification import categorical_accuracy as categorical_accuracy
from plait.metrics.classification import crossentropy_for as crossentropy_for
from plait.metrics.classification import sparse_categorical_accuracy as sparse_categorical_accuracy
from plait.metrics.classification import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from plait.metrics.classification import top_k_categorical_accuracy as top_k_categorical_accuracy
from plait.metrics.confusion import FalseNegatives as FalseNegatives
from plait.metrics.confusion import FalsePositives as FalsePositives
from plait.metrics.confusion import Precision as Precision
from plait.metrics.confusion import PrecisionAtRecall as PrecisionAtRecall
from plait.metrics.confusion import Recall as Recall
from plait.metrics.confusion import RecallAtPrecision as RecallAtPrecision
from plait.metrics.confusion import SensitivityAtSpecificity as SensitivityAtSpecificity
from plait.metrics.confusion import SpecificityAtSensitivity as SpecificityAtSensitivity
from plait.metrics.confusion import TrueNegatives as TrueNegatives
from plait.metrics.confusion import TruePositives as TruePositives
from plait.metrics.curves import AUC as AUC
from plait.metrics.iou import BinaryIoU as BinaryIoU
from plait.metrics.iou import IoU as IoU
from plait.metrics.iou import MeanIoU as MeanIoU
from plait.metrics.iou import OneHotIoU as OneHotIoU
from plait.metrics.iou import OneHotMeanIoU as OneHotMeanIoU
from plait.metrics.regression import ConcordanceCorrelation as ConcordanceCorrelation
from plait.metrics.regression import CosineSimilarity as CosineSimilarity
from plait.metrics.regression import KLDivergence as KLDivergence
from plait.metrics.regression import LogCoshError as LogCoshError
from plait.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from plait.metrics.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from plait.metrics.regression import MeanSquaredError as MeanSquaredError
from plait.metrics.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from plait.metrics.regression import PearsonCorrelation as PearsonCorrelation
from plait.metrics.regression import Poisson as Poisson
from plait.metrics.regression import R2Score as R2Score
from plait.metrics.regression import RootMeanSquaredError as RootMeanSquaredError
from plait.metrics.regression import concordance_correlation as concordance_correlation
from plait.metrics.regression import pearson_correlation as pearson_correlation
from plait.metrics.scores import F1Score as F1Score
from plait.metrics.scores import FBetaScore as FBetaScore

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy_for",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "crossentropy_for",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]
