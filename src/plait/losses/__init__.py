"""Losses: objects and functions that say how far outputs are from labels."""

from plait.losses.base import Loss as Loss
from plait.losses.base import LossFunctionWrapper as LossFunctionWrapper
from plait.losses.base import deserialize as deserialize
from plait.losses.base import get as get
from plait.losses.base import serialize as serialize
from plait.losses.crossentropy import BinaryCrossentropy as BinaryCrossentropy
from plait.losses.crossentropy import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from plait.losses.crossentropy import CategoricalCrossentropy as CategoricalCrossentropy
from plait.losses.crossentropy import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from plait.losses.crossentropy import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from plait.losses.crossentropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from plait.losses.crossentropy import binary_crossentropy as binary_crossentropy
from plait.losses.crossentropy import binary_focal_crossentropy as binary_focal_crossentropy
from plait.losses.crossentropy import categorical_crossentropy as categorical_crossentropy
from plait.losses.crossentropy import categorical_focal_crossentropy as categorical_focal_crossentropy
from plait.losses.crossentropy import categorical_generalized_cross_entropy as categorical_generalized_cross_entropy
from plait.losses.crossentropy import crossentropy_for as crossentropy_for
from plait.losses.crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from plait.losses.margins import CategoricalHinge as CategoricalHinge
from plait.losses.margins import Hinge as Hinge
from plait.losses.margins import SquaredHinge as SquaredHinge
from plait.losses.margins import categorical_hinge as categorical_hinge
from plait.losses.margins import hinge as hinge
from plait.losses.margins import squared_hinge as squared_hinge
from plait.losses.regression import CosineSimilarity as CosineSimilarity
from plait.losses.regression import Huber as Huber
from plait.losses.regression import KLDivergence as KLDivergence
from plait.losses.regression import LogCosh as LogCosh
from plait.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from plait.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from plait.losses.regression import MeanSquaredError as MeanSquaredError
from plait.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from plait.losses.regression import Poisson as Poisson
from plait.losses.regression import cosine_similarity as cosine_similarity
from plait.losses.regression import huber as huber
from plait.losses.regression import kl_divergence as kl_divergence
from plait.losses.regression import log_cosh as log_cosh
from plait.losses.regression import mean_absolute_error as mean_absolute_error
from plait.losses.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
from plait.losses.regression import mean_squared_error as mean_squared_error
from plait.losses.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from plait.losses.regression import poisson as poisson
from plait.losses.structured import CTC as CTC
from plait.losses.structured import Circle as Circle
from plait.losses.structured import Dice as Dice
from plait.losses.structured import Tversky as Tversky
from plait.losses.structured import circle as circle
from plait.losses.structured import ctc as ctc
from plait.losses.structured import dice as dice
from plait.losses.structured import tversky as tversky

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CTC",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "crossentropy_for",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]
