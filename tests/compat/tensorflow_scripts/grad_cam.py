"""Grad-CAM and integrated gradients: a model of two outputs under a tape, watched pictures, heat maps resized."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(16)
inputs = keras.Input((12, 12, 3))
x = layers.Conv2D(6, 3, activation="relu", name="last_conv")(inputs)
x = layers.GlobalAveragePooling2D()(x)
model = keras.Model(inputs, layers.Dense(4, activation="softmax", name="predictions")(x))
for weight in model.weights:
    weight.assign(rng.normal(0, 0.3, weight.shape))
img_array = rng.uniform(0, 255, (1, 12, 12, 3)).astype("float32") / 64


def make_gradcam_heatmap(img_array, model, last_conv_layer_name, pred_index=None):
    grad_model = keras.models.Model(model.inputs, [model.get_layer(last_conv_layer_name).output, model.output])
    with tf.GradientTape() as tape:
        last_conv_layer_output, preds = grad_model(img_array)
        if pred_index is None:
            pred_index = tf.argmax(preds[0])
        class_channel = preds[:, pred_index]
    grads = tape.gradient(class_channel, last_conv_layer_output)
    pooled_grads = tf.reduce_mean(grads, axis=(0, 1, 2))
    last_conv_layer_output = last_conv_layer_output[0]
    heatmap = last_conv_layer_output @ pooled_grads[..., tf.newaxis]
    heatmap = tf.squeeze(heatmap)
    heatmap = tf.maximum(heatmap, 0) / tf.math.reduce_max(heatmap)
    return heatmap.numpy()


heatmap = make_gradcam_heatmap(img_array, model, "last_conv")
print(heatmap.shape, heatmap[:2, :3].round(3))
print(tf.image.resize(heatmap[..., np.newaxis], (4, 4)).numpy()[..., 0].round(3))


def get_gradients(img_input, top_pred_idx):
    images = tf.cast(img_input, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        preds = model(images)
        top_class = preds[:, top_pred_idx]
    return tape.gradient(top_class, images)


def get_integrated_gradients(img_input, top_pred_idx, num_steps=4):
    baseline = np.zeros((12, 12, 3)).astype(np.float32)
    interpolated = np.array([baseline + (step / num_steps) * (img_input - baseline) for step in range(num_steps + 1)])
    grads = [get_gradients(tf.expand_dims(image, axis=0), top_pred_idx)[0] for image in interpolated.astype("float32")]
    grads = tf.convert_to_tensor(grads, dtype=tf.float32)
    grads = (grads[:-1] + grads[1:]) / 2.0
    return (img_input - baseline) * tf.reduce_mean(grads, axis=0)


top = tf.argmax(model.predict(img_array, verbose=0)[0]).numpy()
igrads = get_integrated_gradients(img_array[0], top)
print(top, igrads.shape.as_list(), f"{tf.reduce_sum(igrads).numpy():.4f}")
