"""A graph attention net: gathers along edges, softmax over neighbours by segments, a step of its own on indices."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(4)


class GraphAttention(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[0][-1], self.units), name="kernel")
        self.kernel_attention = self.add_weight(shape=(self.units * 2, 1), name="kernel_attention")
        self.built = True

    def call(self, inputs):
        node_states, edges = inputs
        node_states_transformed = tf.matmul(node_states, self.kernel)
        node_states_expanded = tf.gather(node_states_transformed, edges)
        node_states_expanded = tf.reshape(node_states_expanded, (tf.shape(edges)[0], -1))
        attention_scores = tf.nn.leaky_relu(tf.matmul(node_states_expanded, self.kernel_attention))
        attention_scores = tf.squeeze(attention_scores, -1)
        attention_scores = tf.math.exp(tf.clip_by_value(attention_scores, -2, 2))
        attention_scores_sum = tf.math.unsorted_segment_sum(
            data=attention_scores, segment_ids=edges[:, 0], num_segments=tf.shape(node_states)[0]
        )
        attention_scores_sum = tf.gather(attention_scores_sum, edges[:, 0])
        attention_scores_norm = attention_scores / attention_scores_sum
        neighbours = tf.gather(node_states_transformed, edges[:, 1])
        return tf.math.unsorted_segment_sum(
            data=neighbours * attention_scores_norm[:, tf.newaxis],
            segment_ids=edges[:, 0],
            num_segments=tf.shape(node_states)[0],
        )


class GraphAttentionNetwork(keras.Model):
    def __init__(self, node_states, edges, hidden_units, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.node_states, self.edges = node_states, edges
        self.preprocess = layers.Dense(hidden_units, activation="relu")
        self.attention = GraphAttention(hidden_units)
        self.output_layer = layers.Dense(output_dim)

    def call(self, inputs):
        node_states, edges = inputs
        x = self.preprocess(node_states)
        x = self.attention([x, edges]) + x
        return self.output_layer(x)

    def train_step(self, data):
        indices, labels = data
        with tf.GradientTape() as tape:
            outputs = self([self.node_states, self.edges])
            loss = self.compute_loss(y=labels, y_pred=tf.gather(outputs, indices))
        grads = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        return {"node_loss": loss}

    def predict_step(self, data):
        indices = data
        return tf.nn.softmax(tf.gather(self([self.node_states, self.edges]), indices))


states = tf.convert_to_tensor(rng.normal(size=(12, 5)).astype("float32"))
edges = tf.convert_to_tensor(np.array([(i, j) for i in range(12) for j in (i, (i + 1) % 12, (i + 5) % 12)], "int32"))
labels = (np.arange(12) % 3).astype("int32")
model = GraphAttentionNetwork(states, edges, 8, 3)
model([states, edges])
for weight in model.weights:
    weight.assign(rng.normal(0, 0.4, weight.shape))
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer=keras.optimizers.SGD(0.2, momentum=0.9)
)
history = model.fit(np.arange(12, dtype="int32"), labels, batch_size=4, epochs=4, shuffle=False, verbose=0).history
print([round(float(value), 4) for value in history["node_loss"]])
print(model.predict(np.arange(3, dtype="int32"), verbose=0).round(4))
