"""A transformer block over token and position embeddings, for classification."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(14)


class Block(layers.Layer):
    def __init__(self, width, heads, hidden, rate=0.1):
        super().__init__()
        self.attention = layers.MultiHeadAttention(num_heads=heads, key_dim=width)
        self.feed_forward = keras.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(width)])
        self.first_norm = layers.LayerNormalization(epsilon=1e-6)
        self.second_norm = layers.LayerNormalization(epsilon=1e-6)
        self.first_dropout = layers.Dropout(rate)
        self.second_dropout = layers.Dropout(rate)

    def call(self, inputs):
        x = self.first_norm(inputs + self.first_dropout(self.attention(inputs, inputs)))
        return self.second_norm(x + self.second_dropout(self.feed_forward(x)))


class Positions(layers.Layer):
    def __init__(self, length, vocabulary, width):
        super().__init__()
        self.tokens = layers.Embedding(vocabulary, width)
        self.places = layers.Embedding(length, width)

    def call(self, x):
        return self.tokens(x) + self.places(ops.arange(0, ops.shape(x)[-1], step=1))


inputs = keras.Input((12,))
x = Block(8, 2, 16)(Positions(12, 40, 8)(inputs))
x = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(x))
model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
rng = np.random.default_rng(0)
x, y = rng.integers(0, 40, (64, 12)), rng.integers(0, 2, 64)
history = model.fit(x, y, batch_size=16, epochs=2, validation_data=(x[:16], y[:16]), verbose=0).history
print(dict(sorted(history.items())))
print(model.count_params())
