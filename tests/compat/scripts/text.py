"""Text from raw strings: vocabulary, bigrams, integers into an embedding."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(16)
texts = np.array(
    ["The brain is deeper than the sea", "for if they are held blue to blue", "the one the other will", "a a b"]
)
labels = np.array([1.0, 0.0, 1.0, 0.0])
vectorize = layers.TextVectorization(max_tokens=20, output_mode="int", output_sequence_length=8)
vectorize.adapt(texts)
print(vectorize.get_vocabulary())
print(np.array(vectorize(texts)).tolist())
pairs = layers.TextVectorization(ngrams=2, output_mode="multi_hot", max_tokens=12)
pairs.adapt(texts)
print(np.array(pairs(texts)).sum(1).tolist(), pairs.get_vocabulary()[:4])
weighted = layers.TextVectorization(output_mode="tf_idf", max_tokens=10)
weighted.adapt(texts)
print(np.array(weighted(texts)).sum(1))
model = keras.Sequential(
    [
        keras.Input((8,), dtype="int32"),
        layers.Embedding(20, 8, mask_zero=True),
        layers.Conv1D(8, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy")
print(model.fit(np.array(vectorize(texts)), labels, epochs=3, verbose=0).history["loss"])
