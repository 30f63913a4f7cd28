"""A table from CSV: a dict of columns, lookups and normalizations in a map, a model with an input a column."""

import os
import tempfile

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(9)
folder = tempfile.mkdtemp()
path = os.path.join(folder, "pets.csv")
frame = pd.DataFrame(
    {
        "age": rng.integers(1, 20, 24),
        "fee": rng.uniform(0, 100, 24).round(2),
        "kind": rng.choice(["cat", "dog", "bird"], 24),
        "adopted": rng.integers(0, 2, 24),
    }
)
frame.to_csv(path, index=False)
table = pd.read_csv(path)


def df_to_dataset(dataframe, batch_size=8):
    labels = dataframe.copy().pop("adopted")
    rest = {key: value.to_numpy()[:, tf.newaxis] for key, value in dataframe.drop(columns="adopted").items()}
    return tf.data.Dataset.from_tensor_slices((dict(rest), labels)).batch(batch_size).prefetch(batch_size)


train = df_to_dataset(table)
[(features, labels)] = train.take(1)
print(
    list(features.keys()), features["age"].numpy().ravel()[:3], features["kind"].numpy().ravel()[:3], labels.numpy()[:3]
)
normalizers = {}
for name in ("age", "fee"):
    normalizers[name] = layers.Normalization(axis=None)
    normalizers[name].adapt(train.map(lambda x, y, name=name: tf.cast(x[name], tf.float32)))
    print(name, np.round(float(np.ravel(normalizers[name].mean)[0]), 4))
lookup = layers.StringLookup(vocabulary=["bird", "cat", "dog"], num_oov_indices=0)
encode = layers.CategoryEncoding(num_tokens=3)


def prepare(x, y):
    numbers = [normalizers[name](tf.cast(x[name], tf.float32)) for name in ("age", "fee")]
    return tf.concat([*numbers, encode(lookup(x["kind"]))], axis=1), y


batches = train.map(prepare)
model = keras.Sequential([keras.Input((5,)), layers.Dense(6, activation="relu"), layers.Dense(1)])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.4, weight.shape))
model.compile(keras.optimizers.Adam(0.02), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
history = model.fit(batches, epochs=4, verbose=0).history
print([round(value, 4) for value in history["loss"]], [round(value, 4) for value in history["accuracy"]])
whole = tf.data.experimental.make_csv_dataset(path, batch_size=24, label_name="adopted", num_epochs=1, shuffle=False)
for columns, label in whole:
    print({name: column.dtype.name for name, column in columns.items() if name != "kind"}, int(tf.reduce_sum(label)))
