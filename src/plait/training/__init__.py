"""Training: what `compile` says, the step, the loop, data, callbacks."""

from plait.training import custom as custom
from plait.training.balance import balance_for as balance_for
from plait.training.compiled import Compiled as Compiled
from plait.training.loop import evaluate as evaluate
from plait.training.loop import fit as fit
from plait.training.loop import test_on_batch as test_on_batch
from plait.training.loop import train_on_batch as train_on_batch
from plait.training.names import output_names as output_names
from plait.training.plain import Learner as Learner
from plait.training.plain import LearnerState as LearnerState
from plait.training.plain import run as run
from plait.training.prediction import predict as predict
from plait.training.prediction import predict_batches as predict_batches
from plait.training.run import FitOptions as FitOptions
from plait.training.run import Run as Run
from plait.training.step import Trainer as Trainer
