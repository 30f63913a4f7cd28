"""Texts from files: a standardization of one's own in `tf.strings`, a vocabulary, a model of bags of words, raw strings at the end."""

import os
import re
import string
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(6)
folder = tempfile.mkdtemp()
texts = {
    "neg": ["Bad, bad film!<br />Awful.", "I hated it...", "The worst film ever", "boring and bad"],
    "pos": ["Great film!", "I loved it, <br />great actors", "The best", "wonderful and great film"],
}
for name, lines in texts.items():
    os.makedirs(os.path.join(folder, name))
    for number, line in enumerate(lines):
        with open(os.path.join(folder, name, f"{number}.txt"), "w") as file:
            file.write(line)
raw_train = keras.utils.text_dataset_from_directory(folder, batch_size=4, shuffle=False)
for text_batch, label_batch in raw_train.take(1):
    for i in range(2):
        print(text_batch.numpy()[i], label_batch.numpy()[i])


@keras.saving.register_keras_serializable()
def custom_standardization(input_data):
    lowercase = tf.strings.lower(input_data)
    stripped_html = tf.strings.regex_replace(lowercase, "<br />", " ")
    return tf.strings.regex_replace(stripped_html, f"[{re.escape(string.punctuation)}]", "")


vectorize = layers.TextVectorization(
    standardize=custom_standardization, max_tokens=20, output_mode="int", output_sequence_length=6
)
vectorize.adapt(raw_train.map(lambda x, y: x))
print(sorted(map(str, vectorize.get_vocabulary())))
train = raw_train.map(lambda text, label: (vectorize(tf.expand_dims(text, -1)), label)).cache().prefetch(1)
model = keras.Sequential(
    [keras.Input((6,)), layers.Embedding(20, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid")]
)
table = rng.normal(size=(20, 4))
words = vectorize.get_vocabulary()
order = np.argsort(np.argsort(words + ["~"] * (20 - len(words)), kind="stable"), kind="stable")
model.layers[0].set_weights([table[order]])  # by word, as words of one frequency have no order
model.layers[-1].set_weights([rng.normal(size=(4, 1)), np.zeros(1)])
model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.SGD(0.5), metrics=["accuracy"])
history = model.fit(train, epochs=5, verbose=0).history
print([round(value, 4) for value in history["loss"]])
example = tf.constant(["great film", "bad film"])
print(model.predict(vectorize(example), verbose=0).round(3).tolist())
