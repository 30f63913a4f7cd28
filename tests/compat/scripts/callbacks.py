"""Callbacks of Keras's and of one's own."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)
x = np.random.default_rng(0).random((64, 5)).astype("float32")
y = x @ np.arange(5.0).astype("float32")


def make():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(6, activation="tanh"), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


class Trace(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.events = []

    def on_train_begin(self, logs=None):
        self.events.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.events.append(f"epoch {epoch} {sorted(logs)}")

    def on_train_batch_end(self, batch, logs=None):
        self.events.append(f"batch {batch}")

    def on_test_end(self, logs=None):
        self.events.append("tested")

    def on_train_end(self, logs=None):
        self.events.append(f"end {self.params['epochs']} {type(self.model).__name__}")


class StopSoon(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.model.stop_training = True


trace = Trace()
history = make().fit(x, y, epochs=5, batch_size=32, validation_split=0.25, callbacks=[trace, StopSoon()], verbose=0)
print(trace.events)
print(history.epoch, sorted(history.history))
model = make()
stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, restore_best_weights=True, min_delta=0.5)
plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=10.0)
history = model.fit(x, y, epochs=8, validation_split=0.25, callbacks=[stop, plateau], verbose=0)
print(len(history.epoch), stop.stopped_epoch, stop.best_epoch, [float(r) for r in history.history["learning_rate"]])
print(history.history["val_loss"])
seen = []
rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
spoken = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(round(logs["loss"], 4)))
make().fit(x, y, epochs=3, callbacks=[rates, spoken, keras.callbacks.TerminateOnNaN()], verbose=0)
print(seen)
