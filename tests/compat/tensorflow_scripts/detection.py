"""Boxes: conversions, IoU, a loss class with `tf.where`, anchors with a meshgrid, non-maximum suppression."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(21)


def convert_to_corners(boxes):
    return tf.concat([boxes[..., :2] - boxes[..., 2:] / 2.0, boxes[..., :2] + boxes[..., 2:] / 2.0], axis=-1)


def compute_iou(boxes1, boxes2):
    corners1, corners2 = convert_to_corners(boxes1), convert_to_corners(boxes2)
    lu = tf.maximum(corners1[:, None, :2], corners2[:, :2])
    rd = tf.minimum(corners1[:, None, 2:], corners2[:, 2:])
    intersection = tf.maximum(0.0, rd - lu)
    intersection_area = intersection[:, :, 0] * intersection[:, :, 1]
    union_area = tf.maximum(
        (boxes1[:, 2] * boxes1[:, 3])[:, None] + boxes2[:, 2] * boxes2[:, 3] - intersection_area, 1e-8
    )
    return tf.clip_by_value(intersection_area / union_area, 0.0, 1.0)


class FocalLoss(keras.losses.Loss):
    def __init__(self, alpha, gamma):
        super().__init__(reduction="none", name="focal")
        self._alpha, self._gamma = alpha, gamma

    def call(self, y_true, y_pred):
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        probs = tf.nn.sigmoid(y_pred)
        alpha = tf.where(tf.equal(y_true, 1.0), self._alpha, (1.0 - self._alpha))
        pt = tf.where(tf.equal(y_true, 1.0), probs, 1 - probs)
        return tf.reduce_sum(alpha * tf.pow(1.0 - pt, self._gamma) * cross_entropy, axis=-1)


class BoxLoss(keras.losses.Loss):
    def __init__(self, delta):
        super().__init__(reduction="none", name="box")
        self._delta = delta

    def call(self, y_true, y_pred):
        difference = y_true - y_pred
        absolute = tf.abs(difference)
        loss = tf.where(tf.less(absolute, self._delta), 0.5 * difference**2, absolute - 0.5)
        return tf.reduce_sum(loss, axis=-1)


class RetinaLoss(keras.losses.Loss):
    def __init__(self, num_classes):
        super().__init__(name="retina")
        self._clf_loss, self._box_loss, self._num_classes = FocalLoss(0.25, 2.0), BoxLoss(1.0), num_classes

    def call(self, y_true, y_pred):
        y_pred = tf.cast(y_pred, dtype=tf.float32)
        cls_labels = tf.one_hot(tf.cast(y_true[:, :, 4], dtype=tf.int32), depth=self._num_classes, dtype=tf.float32)
        positive_mask = tf.cast(tf.greater(y_true[:, :, 4], -1.0), dtype=tf.float32)
        ignore_mask = tf.cast(tf.equal(y_true[:, :, 4], -2.0), dtype=tf.float32)
        clf_loss = self._clf_loss(cls_labels, y_pred[:, :, 4:])
        box_loss = self._box_loss(y_true[:, :, :4], y_pred[:, :, :4])
        clf_loss = tf.where(tf.equal(ignore_mask, 1.0), 0.0, clf_loss)
        box_loss = tf.where(tf.equal(positive_mask, 1.0), box_loss, 0.0)
        normalizer = tf.reduce_sum(positive_mask, axis=-1)
        clf_loss = tf.math.divide_no_nan(tf.reduce_sum(clf_loss, axis=-1), normalizer)
        return clf_loss + tf.math.divide_no_nan(tf.reduce_sum(box_loss, axis=-1), normalizer)


rx, ry = tf.range(2, dtype=tf.float32) + 0.5, tf.range(2, dtype=tf.float32) + 0.5
centers = tf.reshape(tf.stack(tf.meshgrid(rx, ry), axis=-1) * 4.0, [4, 2])
anchors = tf.concat([centers, tf.fill([4, 2], 4.0)], axis=-1)
truth = tf.constant([[2.5, 2.0, 4.0, 3.0], [6.0, 6.5, 3.0, 4.0]])
iou = compute_iou(anchors, truth)
print(iou.numpy().round(3), tf.argmax(iou, axis=1).numpy())
inputs = keras.Input((8, 8, 3))
x = layers.Conv2D(7, 4, strides=4)(inputs)
model = keras.Model(inputs, layers.Reshape((4, 7))(x))
for weight in model.weights:
    weight.assign(rng.normal(0, 0.1, weight.shape))
y = np.concatenate([rng.normal(size=(8, 4, 4)), rng.choice([-2.0, -1.0, 0.0, 1.0, 2.0], (8, 4, 1))], -1).astype(
    "float32"
)
model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss=RetinaLoss(3))
history = model.fit(
    rng.uniform(size=(8, 8, 8, 3)).astype("float32"), y, batch_size=4, epochs=4, shuffle=False, verbose=0
).history
print([round(value, 4) for value in history["loss"]])
boxes, scores = (
    np.abs(rng.normal(size=(1, 6, 1, 4))).astype("float32").cumsum(-1),
    rng.uniform(size=(1, 6, 2)).astype("float32"),
)
found = tf.image.combined_non_max_suppression(boxes, scores, 3, 4, 0.4, 0.3, clip_boxes=False)
print(found[1].numpy().round(3), found[2].numpy(), found[3].numpy())
