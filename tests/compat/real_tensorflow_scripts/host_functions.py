"""`py_function`, `numpy_function` and generators inside of tf.data, text layers in `map`, and data sets of two kinds together."""

import numpy as np
import tensorflow as tf
from tensorflow import keras


def count_vowels(text):
    return np.int64(sum(letter in b"aeiou" for letter in text.numpy()))


def spread(values):
    return (values - values.mean()).astype("float32")


def rows():
    for number in range(6):
        yield f"row {number} of the sea", [float(number), float(number * number)]


data = tf.data.Dataset.from_generator(
    rows, output_signature=(tf.TensorSpec((), tf.string), tf.TensorSpec((2,), tf.float32))
)


def prepare(text, values):
    vowels = tf.ensure_shape(tf.py_function(count_vowels, [text], tf.int64), ())
    centred = tf.ensure_shape(tf.numpy_function(spread, [values], tf.float32), (2,))
    return text, tf.concat([centred, [tf.cast(vowels, tf.float32)]], 0)


data = data.map(prepare)
print([(text.numpy(), np.round(values.numpy(), 3).tolist()) for text, values in data.take(2)])
words = keras.layers.TextVectorization(max_tokens=8, output_sequence_length=5)
words.adapt(data.map(lambda text, values: text).batch(3))
print(len(words.get_vocabulary()), list(map(str, words.get_vocabulary()[2:5])))
encoded = data.batch(3).map(lambda text, values: (words(text), values))
for tokens, values in encoded.take(1):
    print(tokens.numpy()[:, 2:].tolist(), values.shape)
targets = keras.utils.timeseries_dataset_from_array(np.arange(6, dtype="float32"), None, 1, batch_size=3)
pairs = tf.data.Dataset.zip((encoded, targets))
print([(tokens.shape[0], target.numpy().ravel().tolist()) for (tokens, _), target in pairs])

tokens, values = keras.Input((5,)), keras.Input((3,))
x = keras.layers.Embedding(8, 4, embeddings_initializer=keras.initializers.Constant(0.1))(tokens)
x = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling1D()(x), values])
model = keras.Model([tokens, values], keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.05))(x))
model.compile(keras.optimizers.SGD(0.001), "mse")
print([round(loss, 4) for loss in model.fit(pairs, epochs=3, verbose=0).history["loss"]])
print(round(float(tf.reduce_sum(model([next(iter(encoded))[0], next(iter(encoded))[1]]))), 4))
