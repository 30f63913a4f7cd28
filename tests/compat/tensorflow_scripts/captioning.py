"""Captions of pictures: several captions each, gradients summed over them in a loop inside the step, masks on the loss."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(7)
vocabulary, length, captions_per_image = 12, 5, 2


class Decoder(layers.Layer):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(vocabulary, 8)
        self.attention = layers.MultiHeadAttention(num_heads=1, key_dim=8)
        self.cross = layers.MultiHeadAttention(num_heads=1, key_dim=8)
        self.norm, self.out = layers.LayerNormalization(), layers.Dense(vocabulary, activation="softmax")

    def call(self, tokens, encoded, training=None, mask=None):
        x = self.embedding(tokens)
        causal = self.get_causal_attention_mask(x)
        padding = tf.cast(mask[:, tf.newaxis, :], dtype=tf.int32)
        x = self.norm(x + self.attention(x, x, attention_mask=tf.minimum(padding, causal)))
        return self.out(x + self.cross(x, encoded))

    def get_causal_attention_mask(self, inputs):
        batch_size, sequence_length = tf.shape(inputs)[0], tf.shape(inputs)[1]
        i = tf.range(sequence_length)[:, tf.newaxis]
        j = tf.range(sequence_length)
        mask = tf.reshape(tf.cast(i >= j, dtype="int32"), (1, tf.shape(inputs)[1], tf.shape(inputs)[1]))
        mult = tf.concat([tf.expand_dims(batch_size, -1), tf.constant([1, 1], dtype=tf.int32)], axis=0)
        return tf.tile(mask, mult)


class ImageCaptioningModel(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.loss_tracker, self.acc_tracker = keras.metrics.Mean(name="loss"), keras.metrics.Mean(name="accuracy")

    def calculate_loss(self, y_true, y_pred, mask):
        loss = self.loss(y_true, y_pred)
        mask = tf.cast(mask, dtype=loss.dtype)
        loss *= mask
        return tf.reduce_sum(loss) / tf.reduce_sum(mask)

    def calculate_accuracy(self, y_true, y_pred, mask):
        accuracy = tf.equal(tf.cast(y_true, tf.int64), tf.cast(tf.argmax(y_pred, axis=2), tf.int64))
        accuracy = tf.math.logical_and(mask, accuracy)
        return tf.reduce_sum(tf.cast(accuracy, tf.float32)) / tf.reduce_sum(tf.cast(mask, tf.float32))

    def train_step(self, batch_data):
        batch_img, batch_seq = batch_data
        batch_loss = batch_acc = 0
        for i in range(captions_per_image):
            with tf.GradientTape() as tape:
                encoded = self.encoder(batch_img)
                seq_inp, seq_true = batch_seq[:, i, :-1], batch_seq[:, i, 1:]
                mask = tf.math.not_equal(seq_true, 0)
                seq_pred = self.decoder(seq_inp, encoded, training=True, mask=mask)
                loss = self.calculate_loss(seq_true, seq_pred, mask)
                acc = self.calculate_accuracy(seq_true, seq_pred, mask)
            batch_loss += loss
            batch_acc += acc
            train_vars = self.encoder.trainable_variables + self.decoder.trainable_variables
            grads = tape.gradient(loss, train_vars)
            self.optimizer.apply_gradients(zip(grads, train_vars))
        batch_acc /= float(captions_per_image)
        self.loss_tracker.update_state(batch_loss)
        self.acc_tracker.update_state(batch_acc)
        return {"loss": self.loss_tracker.result(), "acc": self.acc_tracker.result()}

    @property
    def metrics(self):
        return [self.loss_tracker, self.acc_tracker]


encoder = keras.Sequential([keras.Input((4, 3)), layers.Dense(8, activation="relu")])
decoder = Decoder()
decoder(np.ones((1, length - 1), "int32"), np.ones((1, 4, 8), "float32"), mask=tf.ones((1, length - 1), tf.bool))
for weight in [*encoder.weights, *decoder.weights]:
    weight.assign(rng.normal(0, 0.3, weight.shape))
images = rng.normal(size=(12, 4, 3)).astype("float32")
sequences = rng.integers(1, vocabulary, (12, captions_per_image, length)).astype("int32")
sequences[::2, :, -2:] = 0
model = ImageCaptioningModel(encoder, decoder)
model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False, reduction=None),
)
history = model.fit(tf.data.Dataset.from_tensor_slices((images, sequences)).batch(6), epochs=3, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
