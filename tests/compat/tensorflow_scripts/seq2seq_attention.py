"""Sequence to sequence with Bahdanau's attention and teacher forcing: a loop by hand in a `tf.function`."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(11)
words, units = 10, 8


class BahdanauAttention(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.W1, self.W2, self.V = layers.Dense(units), layers.Dense(units), layers.Dense(1)

    def call(self, query, values):
        query_with_time_axis = tf.expand_dims(query, 1)
        score = self.V(tf.nn.tanh(self.W1(query_with_time_axis) + self.W2(values)))
        attention_weights = tf.nn.softmax(score, axis=1)
        context_vector = tf.reduce_sum(attention_weights * values, axis=1)
        return context_vector, attention_weights


class Encoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(words, 6)
        self.gru = layers.GRU(units, return_sequences=True, return_state=True)

    def call(self, x, hidden):
        return self.gru(self.embedding(x), initial_state=hidden)


class Decoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(words, 6)
        self.gru = layers.GRU(units, return_sequences=True, return_state=True)
        self.fc, self.attention = layers.Dense(words), BahdanauAttention(units)

    def call(self, x, hidden, enc_output):
        context_vector, attention_weights = self.attention(hidden, enc_output)
        x = tf.concat([tf.expand_dims(context_vector, 1), self.embedding(x)], axis=-1)
        output, state = self.gru(x)
        output = tf.reshape(output, (-1, output.shape[2]))
        return self.fc(output), state, attention_weights


encoder, decoder = Encoder(), Decoder()
optimizer = keras.optimizers.SGD(0.5)
loss_object = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def loss_function(real, pred):
    mask = tf.math.logical_not(tf.math.equal(real, 0))
    loss_ = loss_object(real, pred)
    mask = tf.cast(mask, dtype=loss_.dtype)
    loss_ *= mask
    return tf.reduce_mean(loss_)


source = rng.integers(1, words, (16, 5)).astype("int32")
target = source[:, ::-1].copy()
target[::3, -1] = 0
hidden = tf.zeros((8, units))
out, state = encoder(source[:8], hidden)
decoder(target[:8, :1], state, out)
variables = encoder.trainable_variables + decoder.trainable_variables
for variable in variables:
    variable.assign(rng.normal(0, 0.3, variable.shape))
optimizer.build(variables)


@tf.function
def train_step(inp, targ, enc_hidden):
    loss = 0
    with tf.GradientTape() as tape:
        enc_output, enc_hidden = encoder(inp, enc_hidden)
        dec_hidden = enc_hidden
        dec_input = tf.expand_dims(targ[:, 0], 1)
        for t in range(1, targ.shape[1]):
            predictions, dec_hidden, _ = decoder(dec_input, dec_hidden, enc_output)
            loss += loss_function(targ[:, t], predictions)
            dec_input = tf.expand_dims(targ[:, t], 1)
    batch_loss = loss / int(targ.shape[1])
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables))
    return batch_loss


dataset = tf.data.Dataset.from_tensor_slices((source, target)).batch(8, drop_remainder=True)
for epoch in range(3):
    total_loss = 0
    for inp, targ in dataset.take(2):
        total_loss += train_step(inp, targ, hidden)
    print(f"Epoch {epoch + 1} Loss {total_loss.numpy():.4f}")
enc_output, state = encoder(source[:1], tf.zeros((1, units)))
predictions, _, weights = decoder(tf.expand_dims([3], 0), state, enc_output)
print(tf.argmax(predictions[0]).numpy(), tf.reshape(weights, (-1,)).numpy().round(3))
