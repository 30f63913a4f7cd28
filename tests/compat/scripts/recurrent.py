"""Recurrent layers: states, stacks, cells, a stateful one."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(4)
data = np.random.default_rng(0).random((32, 12, 4)).astype("float32")
inputs = keras.Input((12, 4))
encoded, hidden, carry = layers.LSTM(8, return_sequences=True, return_state=True)(inputs)
decoded = layers.LSTM(8)(encoded, initial_state=[hidden, carry])
model = keras.Model(inputs, layers.Dense(1)(decoded))
model.compile("adam", "mae")
print(model.fit(data, data.sum((1, 2)), epochs=3, batch_size=8, verbose=0).history["loss"])
stacked = keras.Sequential(
    [keras.Input((12, 4)), layers.RNN([layers.GRUCell(6), layers.LSTMCell(5)]), layers.Dense(2, activation="softmax")]
)
stacked.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
print(stacked.fit(data, (data[:, 0, 0] > 0.5).astype("int32"), epochs=3, verbose=0).history["loss"])
remembering = layers.GRU(3, stateful=True)
first = np.array(remembering(data[:4]))
second = np.array(remembering(data[:4]))
print(first[0], second[0])
remembering.reset_states()
print(np.allclose(np.array(remembering(data[:4])), first))
conv = layers.Conv1D(4, 3, padding="causal")(data)
print(np.array(conv).mean(), layers.Bidirectional(layers.LSTM(2), merge_mode="sum")(data).shape)
