"""Optuna: the callback that prunes trials of a study, and reports each epoch."""

import keras
import numpy as np
import optuna
from optuna_integration import KerasPruningCallback

optuna.logging.set_verbosity(optuna.logging.ERROR)
x = np.linspace(-1, 1, 80, dtype="float32").reshape(40, 2)
y = (x[:, :1] > 0).astype("float32")


def objective(trial):
    keras.utils.set_random_seed(4)
    width = trial.suggest_int("width", 1, 6)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width, "tanh"), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.SGD(trial.suggest_float("rate", 1e-3, 1.0, log=True)), "binary_crossentropy")
    history = model.fit(x, y, epochs=5, verbose=0, shuffle=False, callbacks=[KerasPruningCallback(trial, "loss")])
    return history.history["loss"][-1]


study = optuna.create_study(
    sampler=optuna.samplers.RandomSampler(1), pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
)
study.optimize(objective, n_trials=10)
for trial in study.trials:
    print(trial.number, trial.state.name, [round(value, 4) for value in trial.intermediate_values.values()])
print(round(study.best_value, 4), sorted(study.best_params))
