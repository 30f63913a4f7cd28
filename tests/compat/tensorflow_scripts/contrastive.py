"""Contrastive learning of two views: normalised representations, a similarity matrix, `stop_gradient`, losses of both ways."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(20)


def net(sizes, width):
    model = keras.Sequential(
        [
            keras.Input((width,)),
            *[layers.Dense(size, activation="relu") for size in sizes[:-1]],
            layers.Dense(sizes[-1]),
        ]
    )
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


class Contrastive(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.projector, self.predictor = net([8, 6], 5), net([6, 4], 6), net([4], 4)
        self.temperature = 0.1

    def compile(self, contrastive_optimizer, **kwargs):
        super().compile(**kwargs)
        self.contrastive_optimizer = contrastive_optimizer
        self.contrastive_loss_tracker = keras.metrics.Mean(name="c_loss")
        self.contrastive_accuracy = keras.metrics.SparseCategoricalAccuracy(name="c_acc")

    @property
    def metrics(self):
        return [self.contrastive_loss_tracker, self.contrastive_accuracy]

    def contrastive_loss(self, projections_1, projections_2):
        projections_1 = tf.math.l2_normalize(projections_1, axis=1)
        projections_2 = tf.math.l2_normalize(projections_2, axis=1)
        similarities = tf.matmul(projections_1, projections_2, transpose_b=True) / self.temperature
        batch_size = tf.shape(projections_1)[0]
        contrastive_labels = tf.range(batch_size)
        self.contrastive_accuracy.update_state(contrastive_labels, similarities)
        self.contrastive_accuracy.update_state(contrastive_labels, tf.transpose(similarities))
        loss_1_2 = keras.losses.sparse_categorical_crossentropy(contrastive_labels, similarities, from_logits=True)
        loss_2_1 = keras.losses.sparse_categorical_crossentropy(
            contrastive_labels, tf.transpose(similarities), from_logits=True
        )
        return tf.reduce_mean((loss_1_2 + loss_2_1) / 2)

    def train_step(self, data):
        view_1, view_2 = data
        with tf.GradientTape() as tape:
            z_1, z_2 = self.projector(self.encoder(view_1)), self.projector(self.encoder(view_2))
            loss = self.contrastive_loss(z_1, z_2)
            p_1 = tf.math.l2_normalize(self.predictor(z_1), axis=1)
            target = tf.math.l2_normalize(tf.stop_gradient(z_2), axis=1)
            loss -= tf.reduce_mean(tf.reduce_sum(p_1 * target, axis=1))
        variables = self.encoder.trainable_weights + self.projector.trainable_weights + self.predictor.trainable_weights
        self.contrastive_optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        self.contrastive_loss_tracker.update_state(loss)
        return {m.name: m.result() for m in self.metrics}


rows = rng.normal(size=(32, 5)).astype("float32")
views = tf.data.Dataset.zip(
    (
        tf.data.Dataset.from_tensor_slices(rows),
        tf.data.Dataset.from_tensor_slices(rows + 0.1 * rng.normal(size=rows.shape).astype("float32")),
    )
)
model = Contrastive()
model.compile(contrastive_optimizer=keras.optimizers.Adam(0.01))
history = model.fit(views.batch(16), epochs=4, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
