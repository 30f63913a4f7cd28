"""A small GPT: causal masks, token and position embeddings, a callback that samples the next words with NumPy."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(22)
vocab_size, maxlen, width = 14, 6, 8


def causal_attention_mask(batch_size, n_dest, n_src, dtype):
    i = tf.range(n_dest)[:, None]
    j = tf.range(n_src)
    m = i >= j - n_src + n_dest
    mask = tf.reshape(tf.cast(m, dtype), [1, n_dest, n_src])
    mult = tf.concat([tf.expand_dims(batch_size, -1), tf.constant([1, 1], dtype=tf.int32)], 0)
    return tf.tile(mask, mult)


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads, embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1, self.layernorm2 = (
            layers.LayerNormalization(epsilon=1e-6),
            layers.LayerNormalization(epsilon=1e-6),
        )

    def call(self, inputs):
        input_shape = tf.shape(inputs)
        causal_mask = causal_attention_mask(input_shape[0], input_shape[1], input_shape[1], "bool")
        out1 = self.layernorm1(inputs + self.att(inputs, inputs, attention_mask=causal_mask))
        return self.layernorm2(out1 + self.ffn(out1))


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb, self.pos_emb = layers.Embedding(vocab_size, embed_dim), layers.Embedding(maxlen, embed_dim)

    def call(self, x):
        positions = tf.range(start=0, limit=tf.shape(x)[-1], delta=1)
        return self.token_emb(x) + self.pos_emb(positions)


inputs = keras.Input((maxlen,), dtype="int32")
x = TransformerBlock(width, 2, 16)(TokenAndPositionEmbedding(maxlen, vocab_size, width)(inputs))
model = keras.Model(inputs=inputs, outputs=[layers.Dense(vocab_size)(x), x])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.3, weight.shape))
model.compile(keras.optimizers.Adam(0.01), loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), None])


class TextGenerator(keras.callbacks.Callback):
    def sample_from(self, logits):
        logits, indices = tf.math.top_k(logits, k=3, sorted=True)
        indices = np.asarray(indices).astype("int32")
        preds = keras.activations.softmax(tf.expand_dims(logits, 0))[0]
        preds = np.asarray(preds).astype("float64")
        return indices[np.argmax(preds)]

    def on_epoch_end(self, epoch, logs=None):
        start_tokens = [1, 2]
        while len(start_tokens) < 5:
            x = np.array([start_tokens + [0] * (maxlen - len(start_tokens))])
            y, _ = self.model.predict(x, verbose=0)
            start_tokens.append(int(self.sample_from(y[0][len(start_tokens) - 1])))
        print("generated", start_tokens)


lines = tf.data.Dataset.from_tensor_slices(
    [" ".join(str(n) for n in rng.integers(1, vocab_size, maxlen + 1)) for _ in range(16)]
)
tokens = lines.map(lambda line: tf.strings.to_number(tf.strings.split(line), tf.int32)).batch(8)
dataset = tokens.map(lambda t: (t[:, :-1], t[:, 1:])).prefetch(tf.data.AUTOTUNE)
history = model.fit(dataset, epochs=3, verbose=0, callbacks=[TextGenerator()]).history
print([round(value, 4) for value in history["loss"]])
