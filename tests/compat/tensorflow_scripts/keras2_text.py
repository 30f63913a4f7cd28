"""In the manner of Keras 2: a Tokenizer, padded sequences, an embedding and an LSTM."""

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import LSTM, Dense, Embedding
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer

rng = np.random.default_rng(14)
texts = [
    "I love this film",
    "this is a bad film",
    "what a great great cast",
    "bad acting, bad script",
    "love the cast",
    "a boring script",
]
labels = np.array([1, 0, 1, 0, 1, 0])
tokenizer = Tokenizer(num_words=20, oov_token="<OOV>")
tokenizer.fit_on_texts(texts)
sequences = tokenizer.texts_to_sequences(texts)
padded = pad_sequences(sequences, maxlen=6, padding="post")
print(sequences[:2], padded.shape, tokenizer.word_index["film"])
print(tokenizer.texts_to_matrix(texts[:1], mode="count").sum(), tokenizer.sequences_to_texts(sequences[:1]))
model = Sequential([tf.keras.Input((6,)), Embedding(20, 5, mask_zero=True), LSTM(6), Dense(1, activation="sigmoid")])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.4, weight.shape))
model.compile(
    loss="binary_crossentropy", optimizer=tf.keras.optimizers.SGD(learning_rate=0.5, momentum=0.9), metrics=["accuracy"]
)
history = model.fit(padded, labels, epochs=6, verbose=0, shuffle=False).history
print([round(value, 3) for value in history["loss"]], history["accuracy"][-1])
print((model.predict(padded, verbose=0) > 0.5).astype(int).ravel())
