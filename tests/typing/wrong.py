"""Types that an editor shows, and calls that a type checker must refuse: each line says in its comment which."""

from typing import reveal_type

import numpy as np

import plait
from plait import callbacks, layers, metrics, optimizers

x = plait.Input(shape=(4,))
h = layers.Dense(3, activation="relu")(x)
model = plait.Model(x, h)
data = np.ones((3, 4))

reveal_type(x)  # shown: KerasTensor
reveal_type(h)  # shown: KerasTensor
reveal_type(h + 1)  # shown: KerasTensor
reveal_type(2 * h[:, 0])  # shown: KerasTensor
reveal_type(model)  # shown: Model
reveal_type(plait.Sequential([]))  # shown: Sequential
reveal_type(model(h))  # shown: KerasTensor
reveal_type(model(data))  # shown: AnyTensor
reveal_type(model.fit(data, data))  # shown: History
reveal_type(model.weights)  # shown: list[Variable]
reveal_type(model.inputs)  # shown: list[KerasTensor]
reveal_type(model.get_layer("dense"))  # shown: AnyLayer
reveal_type(model.layers[0])  # shown: AnyLayer
reveal_type(model.optimizer)  # shown: Optimizer
reveal_type(plait.Variable(1.0))  # shown: Variable
reveal_type(plait.Variable(1.0) + 1)  # shown: Array
reveal_type(layers.LSTM(4))  # shown: LSTM
reveal_type(metrics.Accuracy())  # shown: Accuracy
reveal_type(optimizers.Adam(1e-3))  # shown: Adam

layers.Dense(3, activaton="relu")  # refused: activaton
layers.LSTM(4, return_sequnces=True)  # refused: return_sequnces
layers.Conv2D("a", 3)  # refused: filters
layers.MaxPooling2D(2, stride=2)  # refused: stride
model.compile(optimizer="adam", los="mse")  # refused: los
model.fit(data, data, epocs=2)  # refused: epocs
optimizers.Adam(lerning_rate=1)  # refused: lerning_rate
callbacks.EarlyStopping(patienc=1)  # refused: patienc
plait.Modle  # refused: Modle
