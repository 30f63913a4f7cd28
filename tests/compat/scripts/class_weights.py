"""Unbalanced classes: class weights, sample weights, metrics of a confusion, an output bias."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(19)
rng = np.random.default_rng(0)
x = rng.normal(size=(96, 6)).astype("float32")
y = (x[:, :1] > 1.2).astype("float32")
bias = float(np.log(y.sum() / (len(y) - y.sum())))
model = keras.Sequential(
    [
        keras.Input((6,)),
        layers.Dense(8, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(1, activation="sigmoid", bias_initializer=keras.initializers.Constant(bias)),
    ]
)
model.compile(
    keras.optimizers.Adam(1e-2),
    keras.losses.BinaryCrossentropy(),
    metrics=[
        keras.metrics.FalseNegatives(name="fn"),
        keras.metrics.TruePositives(name="tp"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.AUC(name="prc", curve="PR"),
    ],
    weighted_metrics=["binary_accuracy"],
)
history = model.fit(x, y, epochs=3, batch_size=32, class_weight={0: 0.6, 1: 4.0}, verbose=0).history
for name in sorted(history):
    print(name, history[name])
weights = np.where(y[:, 0] > 0, 3.0, 1.0)
print(model.evaluate(x, y, sample_weight=weights, verbose=0))
print(model.fit(x, y, sample_weight=weights, epochs=1, verbose=0).history["loss"])
