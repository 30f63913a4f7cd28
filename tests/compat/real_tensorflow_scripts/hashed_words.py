"""Words become buckets by TensorFlow's own hash, with a vocabulary table beside it: names that no stand-in has."""

import numpy as np
import tensorflow as tf
from tensorflow import keras

texts = [
    "The sea is deep.",
    "A brain is wider than the sky!",
    "the sky, the sea",
    "Deeper than the sea: the brain",
    "So wide",
    "is it?",
]
labels = [0, 1, 0, 1, 0, 1]
table = tf.lookup.StaticVocabularyTable(
    tf.lookup.KeyValueTensorInitializer(["the", "sea", "sky", "brain"], tf.range(4, dtype=tf.int64)), num_oov_buckets=3
)


def encode(text, label):
    words = tf.strings.split(tf.strings.regex_replace(tf.strings.lower(text), r"[^a-z ]", ""))
    buckets = tf.strings.to_hash_bucket_fast(words, 8)
    return {"buckets": buckets, "places": table.lookup(words)}, label


data = tf.data.Dataset.from_tensor_slices((texts, labels)).map(encode, num_parallel_calls=tf.data.AUTOTUNE)
data = data.padded_batch(3, padded_shapes=({"buckets": [7], "places": [7]}, []))
for features, label in data.take(1):
    print(features["buckets"].numpy().tolist(), features["places"].numpy().tolist(), label.numpy().tolist())
rows = tf.strings.split(tf.constant(texts[:2]))
print(rows.to_list(), rows.row_lengths().numpy().tolist())

buckets, places = keras.Input((7,), name="buckets"), keras.Input((7,), name="places")
one = keras.layers.Embedding(8, 3, embeddings_initializer=keras.initializers.Constant(0.1))(buckets)
two = keras.layers.Embedding(7, 3, embeddings_initializer=keras.initializers.Constant(-0.2))(places)
joined = keras.layers.Flatten()(keras.layers.Concatenate()([one, two]))
outputs = keras.layers.Dense(1, activation="sigmoid")(joined)
model = keras.Model({"buckets": buckets, "places": places}, outputs)
kernel = np.linspace(-0.5, 0.5, 42, dtype="float32").reshape(42, 1)
model.layers[-1].set_weights([kernel, np.zeros(1, "float32")])
model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
history = model.fit(data, epochs=5, verbose=0)
print([round(loss, 5) for loss in history.history["loss"]])
print(np.round(model.predict(data, verbose=0), 4).ravel().tolist())
