"""Pictures changed by gradients: signs of them (FGSM), and ascent on a variable picture over several sizes (deep dream)."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(17)
model = keras.Sequential(
    [
        keras.Input((None, None, 3)),
        layers.Conv2D(5, 3, activation="tanh"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3),
    ]
)
for weight in model.weights:
    weight.assign(rng.normal(0, 0.3, weight.shape))
loss_object = keras.losses.CategoricalCrossentropy(from_logits=True)
image = tf.convert_to_tensor(rng.uniform(-1, 1, (1, 8, 8, 3)).astype("float32"))


def create_adversarial_pattern(input_image, input_label):
    with tf.GradientTape() as tape:
        tape.watch(input_image)
        loss = loss_object(input_label, model(input_image))
    gradient = tape.gradient(loss, input_image)
    return tf.sign(gradient)


label = tf.reshape(tf.one_hot(1, 3), (1, 3))
pattern = create_adversarial_pattern(image, label)
print(int(tf.reduce_sum(tf.cast(pattern > 0, tf.int32))), pattern.numpy().min(), pattern.numpy().max())
for eps in [0, 0.01, 0.1]:
    adversarial = tf.clip_by_value(image + eps * pattern, -1, 1)
    print(eps, round(float(loss_object(label, model(adversarial))), 4))


def gradient_ascent_loop(img, iterations, learning_rate):
    for _ in range(iterations):
        with tf.GradientTape() as tape:
            tape.watch(img)
            loss = tf.zeros(shape=())
            activation = model.layers[0](img)
            loss += tf.reduce_mean(tf.square(activation[:, 1:-1, 1:-1, :]))
        grads = tape.gradient(loss, img)
        grads /= tf.maximum(tf.reduce_mean(tf.abs(grads)), 1e-6)
        img += learning_rate * grads
    return loss, img


original = image
for shape in [(5, 5), (8, 8)]:
    img = tf.image.resize(original, shape)
    loss, img = gradient_ascent_loop(img, 3, 0.05)
    print(shape, round(float(loss), 4), round(float(tf.reduce_mean(img)), 4))
picture = tf.Variable(original)
optimizer = keras.optimizers.SGD(0.5)
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(picture) - 1.0)) + 1e-3 * tf.reduce_sum(tf.image.total_variation(picture))
    optimizer.apply_gradients([(tape.gradient(loss, picture), picture)])
    print(f"{loss.numpy():.4f}")
