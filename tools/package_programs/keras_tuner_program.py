"""keras-tuner: its four tuners on a small classifier, and its own models."""

import tempfile

import keras
import keras_tuner
import numpy as np

rng = np.random.RandomState(0)
x = rng.normal(size=(60, 4)).astype("float32")
y = (x.sum(1) > 0).astype("int32")


def build(hp):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,))])
    for layer in range(hp.Int("layers", 1, 2)):
        model.add(keras.layers.Dense(hp.Choice(f"units_{layer}", [2, 4, 8]), hp.Choice("activation", ["relu", "tanh"])))
    model.add(keras.layers.Dense(1, "sigmoid"))
    model.compile(
        keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "binary_crossentropy", metrics=["accuracy"]
    )
    return model


class Own(keras_tuner.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch", [10, 20]), **kwargs)


def told(name, tuner, **options):
    tuner.search(x[:40], y[:40], validation_data=(x[40:], y[40:]), verbose=0, shuffle=False, **options)
    best = tuner.oracle.get_best_trials(1)[0]
    print(name, len(tuner.oracle.trials), round(best.score, 4), sorted(best.hyperparameters.values))
    model = tuner.get_best_models(1)[0]
    print(name, "model", model.count_params(), np.round(model.predict(x[:2], verbose=0).ravel(), 3).tolist())


def where():
    return {"directory": tempfile.mkdtemp(), "overwrite": True}


told("random", keras_tuner.RandomSearch(build, "val_loss", max_trials=4, seed=1, **where()), epochs=2)
told("grid", keras_tuner.GridSearch(Own(), "val_accuracy", max_trials=4, seed=1, **where()), epochs=2)
told("bayesian", keras_tuner.BayesianOptimization(build, "val_loss", max_trials=4, seed=1, **where()), epochs=2)
told("hyperband", keras_tuner.Hyperband(build, "val_loss", max_epochs=3, factor=3, seed=1, **where()))
for name, model in (
    ("HyperResNet", keras_tuner.applications.HyperResNet(input_shape=(32, 32, 3), classes=3)),
    ("HyperXception", keras_tuner.applications.HyperXception(input_shape=(71, 71, 3), classes=3)),
):
    print(name, model.build(keras_tuner.HyperParameters()).count_params())
