"""A siamese net with triplets: a layer of distances, margins, `train_step` and `test_step`, weights by `zip`."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(10)
embedding = keras.Sequential(
    [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dense(4)],
    name="Embedding",
)


class DistanceLayer(layers.Layer):
    def call(self, anchor, positive, negative):
        ap_distance = tf.reduce_sum(tf.square(anchor - positive), -1)
        an_distance = tf.reduce_sum(tf.square(anchor - negative), -1)
        return (ap_distance, an_distance)


anchor, positive, negative = (keras.Input((6,), name=name) for name in ("anchor", "positive", "negative"))
distances = DistanceLayer()(embedding(anchor), embedding(positive), embedding(negative))
siamese_network = keras.Model(inputs=[anchor, positive, negative], outputs=distances)
for weight in embedding.trainable_weights:
    weight.assign(rng.normal(0, 0.4, weight.shape))


class SiameseModel(keras.Model):
    def __init__(self, siamese_network, margin=0.5):
        super().__init__()
        self.siamese_network, self.margin = siamese_network, margin
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs):
        return self.siamese_network(inputs)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self._compute_loss(data, True)
        gradients = tape.gradient(loss, self.siamese_network.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.siamese_network.trainable_weights))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def test_step(self, data):
        self.loss_tracker.update_state(self._compute_loss(data, False))
        return {"loss": self.loss_tracker.result()}

    def _compute_loss(self, data, training):
        ap_distance, an_distance = self.siamese_network(data, training=training)
        loss = ap_distance - an_distance
        return tf.reduce_mean(tf.maximum(loss + self.margin, 0.0))

    @property
    def metrics(self):
        return [self.loss_tracker]


rows = tuple(rng.normal(size=(30, 6)).astype("float32") for _ in range(3))
parts = [tf.data.Dataset.from_tensor_slices(part) for part in rows]
dataset = tf.data.Dataset.zip(tuple(parts))
train, val = dataset.take(20).batch(10), dataset.skip(20).batch(10)
model = SiameseModel(siamese_network)
model.compile(optimizer=keras.optimizers.Adam(0.01))
history = model.fit(train, epochs=3, validation_data=val, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
sample = [part[:2] for part in rows]
similarity = keras.losses.cosine_similarity(embedding(sample[0]), embedding(sample[1]))
print(similarity.numpy().round(4))
