"""Expressions of TensorFlow's: what they are is kept in `tensorflow_answers.json`, as TensorFlow itself computed it.

`C` makes a tensor of a value. `python tests/compat/tensorflow_cases.py` in an environment with TensorFlow asks anew
(`make tensorflow-answers`).
"""

import json
import sys
from pathlib import Path

import numpy as np

ANSWERS = Path(__file__).with_name("tensorflow_answers.json")
FLOATS = [[1.0, -2.0, 3.5], [0.5, 4.0, -1.5]]
WHOLE = [[3, 1, 2], [0, 5, 4]]
WORDS = ["The quick  fox", "jumps, over", ""]
PICTURE = (np.arange(5 * 4 * 3).reshape(5, 4, 3) * 4 % 256).astype("uint8")
PICTURES = np.stack([PICTURE, PICTURE[::-1]])
SIGNAL = np.sin(np.arange(64) / 3).astype("float32")

_OF_ONE = (
    "abs cos exp floor negative round sigmoid sign sin square tanh zeros_like ones_like size shape rank identity reduce_sum "
    "reduce_mean reduce_max reduce_min reduce_prod math.reduce_std math.reduce_variance reduce_logsumexp argmax argmin transpose "
    "nn.relu nn.softmax nn.log_softmax nn.elu nn.selu nn.gelu nn.leaky_relu nn.silu nn.softplus nn.softsign nn.relu6 nn.l2_loss "
    "math.l2_normalize math.cumsum norm linalg.norm math.erf math.log_sigmoid math.reduce_euclidean_norm unstack sort argsort "
    "math.is_nan math.count_nonzero nn.zero_fraction linalg.l2_normalize"
).split()
_OF_TWO = (
    "add subtract multiply divide maximum minimum equal not_equal less less_equal greater greater_equal pow math.floordiv "
    "math.floormod math.squared_difference math.divide_no_nan math.multiply_no_nan"
).split()

CASES: dict[str, str] = {
    **{f"{name} of one": f"tf.{name}(C(FLOATS))" for name in _OF_ONE},
    **{f"{name} of two": f"tf.{name}(C([2.0, 3.0, 0.0]), C([4.0, -2.0, 0.0]))" for name in _OF_TWO},
    **{
        f"{name} along an axis": f"tf.{name}(C(FLOATS), axis=1, keepdims=True)"
        for name in ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "math.reduce_std", "norm")
    },
    "mean of whole numbers": "tf.reduce_mean(C(WHOLE), axis=1)",
    "mean by keyword": "tf.reduce_mean(input_tensor=C(FLOATS), axis=0)",
    "sum over two axes": "tf.reduce_sum(C(FLOATS), [0, 1])",
    "all": "tf.reduce_all(C(FLOATS) > 0, axis=1)",
    "any": "tf.reduce_any(C(FLOATS) > 0)",
    "argmax along the last axis": "tf.argmax(C(FLOATS), axis=-1)",
    "cumsum exclusive": "tf.cumsum(C(FLOATS), axis=1, exclusive=True, reverse=True)",
    "add_n": "tf.add_n([C(FLOATS), C(FLOATS)])",
    "clip": "tf.clip_by_value(C(FLOATS), -1.0, 2.0)",
    "clip by keyword": "tf.clip_by_value(C(FLOATS), clip_value_min=0.0, clip_value_max=1.0)",
    "clip by norm": "tf.clip_by_norm(C(FLOATS), 2.0)",
    "clip by norm along an axis": "tf.clip_by_norm(C(FLOATS), 2.0, axes=[1])",
    "clip by global norm": "tf.clip_by_global_norm([C(FLOATS), C([3.0])], 1.0)[0][1]",
    "norm of columns": "tf.linalg.norm(C(FLOATS), axis=0)",
    "one hot": "tf.one_hot(C([0, 2, -1]), 3)",
    "one hot of values": "tf.one_hot(C([0, 2]), depth=3, on_value=5.0, off_value=-1.0, axis=0)",
    "one hot of whole numbers": "tf.one_hot(C([1, 0]), 2, dtype=tf.int32)",
    "eye": "tf.eye(2, 3)",
    "eye by batch": "tf.eye(2, batch_shape=[2])",
    "range": "tf.range(5)",
    "range by keyword": "tf.range(start=1, limit=10, delta=3)",
    "range of fractions": "tf.range(0.0, 1.0, 0.25)",
    "linspace": "tf.linspace(0.0, 1.0, 5)",
    "fill": "tf.fill([2, 2], 7.0)",
    "zeros": "tf.zeros((2,), tf.int32)",
    "constant filled": "tf.constant(2.0, shape=(2, 2))",
    "constant in a shape": "tf.constant([1, 2, 3, 4], shape=(2, 2))",
    "cast": "tf.cast(C(FLOATS), tf.int32)",
    "cast to bool": "tf.cast(C(WHOLE), tf.bool)",
    "reshape": "tf.reshape(C(FLOATS), (-1, 2))",
    "reshape by a tensor": "tf.reshape(C(FLOATS), tf.shape(C([[0, 0], [0, 0], [0, 0]])))",
    "squeeze": "tf.squeeze(C([[[1.0], [2.0]]]), axis=0)",
    "expand dims": "tf.expand_dims(C(FLOATS), axis=-1)",
    "tile": "tf.tile(C(FLOATS), [1, 2])",
    "repeat": "tf.repeat(C([1, 2, 3]), [1, 0, 2])",
    "repeat rows": "tf.repeat(C(FLOATS), 2, axis=0)",
    "concat": "tf.concat([C(FLOATS), C(FLOATS)], axis=1)",
    "stack": "tf.stack([C([1, 2]), C([3, 4])], axis=1)",
    "split": "tf.split(C(FLOATS), 3, axis=1)",
    "split by sizes": "tf.split(C(FLOATS), [1, 2], axis=1)",
    "pad": "tf.pad(C(FLOATS), [[1, 0], [0, 2]])",
    "pad by reflection": "tf.pad(C(FLOATS), [[0, 0], [1, 1]], mode='REFLECT')",
    "reverse": "tf.reverse(C(FLOATS), axis=[1])",
    "roll": "tf.roll(C(FLOATS), shift=1, axis=1)",
    "gather": "tf.gather(C(FLOATS), [1, 0, 1])",
    "gather along an axis": "tf.gather(C(FLOATS), C([2, 0]), axis=1)",
    "gather by batch": "tf.gather(C(FLOATS), C([[2], [0]]), batch_dims=1)",
    "gather_nd": "tf.gather_nd(C(FLOATS), C([[0, 1], [1, 2]]))",
    "boolean mask": "tf.boolean_mask(C(FLOATS), C(FLOATS) > 0)",
    "boolean mask of rows": "tf.boolean_mask(C(FLOATS), [True, False])",
    "where": "tf.where(C(FLOATS) > 0, C(FLOATS), 0.0)",
    "places where": "tf.where(C(FLOATS) > 0)",
    "slice": "tf.slice(C(FLOATS), [0, 1], [2, -1])",
    "scatter_nd": "tf.scatter_nd(C([[1], [3], [1]]), C([1.0, 2.0, 3.0]), C([5]))",
    "scatter update": "tf.tensor_scatter_nd_update(C([1.0, 2.0, 3.0]), C([[1]]), C([9.0]))",
    "scatter add": "tf.tensor_scatter_nd_add(C([1.0, 2.0, 3.0]), C([[1], [1]]), C([9.0, 1.0]))",
    "sort down": "tf.sort(C(FLOATS), direction='DESCENDING')",
    "unique": "tf.unique(C([4, 1, 4, 2]))",
    "partition": "tf.dynamic_partition(C([1, 2, 3]), C([0, 1, 0]), 2)",
    "sequence mask": "tf.sequence_mask(C([1, 3]), 4)",
    "meshgrid": "tf.meshgrid(C([1, 2]), C([3, 4, 5]))",
    "matmul": "tf.matmul(C(FLOATS), C(FLOATS), transpose_b=True)",
    "tensordot": "tf.tensordot(C(FLOATS), C(FLOATS), axes=[[1], [1]])",
    "einsum": "tf.einsum('ij,kj->ik', C(FLOATS), C(FLOATS))",
    "band part": "tf.linalg.band_part(tf.ones((3, 3)), -1, 0)",
    "set diag": "tf.linalg.set_diag(tf.zeros((2, 2)), C([1.0, 2.0]))",
    "diag part": "tf.linalg.diag_part(C([[1.0, 2.0], [3.0, 4.0]]))",
    "diag": "tf.linalg.diag(C([1.0, 2.0]))",
    "trace": "tf.linalg.trace(C([[1.0, 2.0], [3.0, 4.0]]))",
    "segment sum": "tf.math.unsorted_segment_sum(C([1.0, 2.0, 3.0]), C([1, 0, 1]), 3)",
    "segment mean": "tf.math.unsorted_segment_mean(C(FLOATS), C([1, 1]), num_segments=2)",
    "segment max": "tf.math.unsorted_segment_max(C([1.0, 2.0, 3.0]), C([1, 0, 1]), 2)",
    "segments in order": "tf.math.segment_sum(C([1.0, 2.0, 3.0]), C([0, 0, 1]))",
    "top k": "tf.math.top_k(C(FLOATS), k=2)",
    "in top k": "tf.math.in_top_k(C([0, 1]), C(FLOATS), 1)",
    "bincount": "tf.math.bincount(C([1, 1, 3]))",
    "confusion": "tf.math.confusion_matrix(C([0, 1, 1]), C([0, 1, 0]))",
    "complex": "tf.math.real(tf.complex(C([1.0, 2.0]), C([3.0, 4.0])))",
    "map_fn": "tf.map_fn(lambda row: row * 2, C(FLOATS))",
    "scan": "tf.scan(lambda a, x: a + x, C([1.0, 2.0, 3.0]))",
    "while": "tf.while_loop(lambda i: i < 5, lambda i: (i + 2,), (C(0),))",
    "cond": "tf.cond(C(1.0) > 0, lambda: C(2.0), lambda: C(3.0))",
    "numpy function": "tf.numpy_function(lambda x: x + 1, [C(FLOATS)], tf.float32)",
    "nest": "tf.nest.map_structure(lambda x: x + 1, {'a': C([1]), 'b': (C([2]),)})",
    "conv2d": "tf.nn.conv2d(C(PICTURES / 255.0, 'float32'), tf.ones((2, 2, 3, 1)), strides=[1, 2, 2, 1], padding='SAME')",
    "conv2d transposed": "tf.nn.conv2d_transpose(tf.ones((1, 2, 2, 1)), tf.ones((3, 3, 2, 1)), (1, 4, 4, 2), 2)",
    "depthwise": "tf.nn.depthwise_conv2d(C(PICTURES / 255.0, 'float32'), tf.ones((2, 2, 3, 1)), [1, 1, 1, 1], 'VALID')",
    "max pool": "tf.nn.max_pool2d(C(PICTURES / 255.0, 'float32'), 2, 2, 'VALID')",
    "average pool": "tf.nn.avg_pool2d(C(PICTURES / 255.0, 'float32'), ksize=2, strides=1, padding='SAME')",
    "moments": "tf.nn.moments(C(FLOATS), axes=[0])",
    "batch normalization": "tf.nn.batch_normalization(C(FLOATS), 0.5, 2.0, 1.0, 3.0, 1e-3)",
    "sigmoid crossentropy": "tf.nn.sigmoid_cross_entropy_with_logits(labels=C([0.0, 1.0]), logits=C([2.0, -1.0]))",
    "softmax crossentropy": "tf.nn.softmax_cross_entropy_with_logits(labels=C([[0.0, 1.0]]), logits=C([[2.0, -1.0]]))",
    "sparse crossentropy": "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=C([1]), logits=C([[2.0, -1.0]]))",
    "embedding lookup": "tf.nn.embedding_lookup(C(FLOATS), C([[1], [0]]))",
    "space to depth": "tf.nn.space_to_depth(C(np.arange(16.0).reshape(1, 4, 4, 1), 'float32'), 2)",
    # pictures
    **{
        f"resize {method}": f"tf.image.resize(C(PICTURE), (7, 3), method='{method}')"
        for method in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
    },
    "resize of a batch": "tf.image.resize(C(PICTURES), [2, 2])",
    "resize antialiased": "tf.image.resize(C(PICTURE), [2, 2], antialias=True)",
    "resize with proportions": "tf.image.resize(C(PICTURE), [10, 6], preserve_aspect_ratio=True)",
    "resize with pad": "tf.image.resize_with_pad(C(PICTURE), 6, 8)",
    "crop or pad": "tf.image.resize_with_crop_or_pad(C(PICTURE), 3, 7)",
    "crop": "tf.image.crop_to_bounding_box(C(PICTURE), 1, 1, 2, 3)",
    "pad picture": "tf.image.pad_to_bounding_box(C(PICTURE), 1, 0, 7, 5)",
    "central crop": "tf.image.central_crop(C(PICTURE), 0.5)",
    "flip": "tf.image.flip_left_right(C(PICTURES))",
    "flip down": "tf.image.flip_up_down(C(PICTURE))",
    "rot90": "tf.image.rot90(C(PICTURE), k=1)",
    "to fractions": "tf.image.convert_image_dtype(C(PICTURE), tf.float32)",
    "to bytes": "tf.image.convert_image_dtype(C([[[0.0, 0.5, 1.0]]]), tf.uint8, saturate=True)",
    "gray": "tf.image.rgb_to_grayscale(C(PICTURE / 255.0, 'float32'))",
    "gray bytes": "tf.image.rgb_to_grayscale(C(PICTURE))",
    "from gray": "tf.image.grayscale_to_rgb(C([[[0.5]]]))",
    "yuv": "tf.image.rgb_to_yuv(C(PICTURE / 255.0, 'float32'))",
    "hsv": "tf.image.rgb_to_hsv(C(PICTURE / 255.0, 'float32'))",
    "brightness": "tf.image.adjust_brightness(C(PICTURE), 0.1)",
    "contrast": "tf.image.adjust_contrast(C(PICTURE / 255.0, 'float32'), 1.5)",
    "saturation": "tf.image.adjust_saturation(C(PICTURE / 255.0, 'float32'), 0.5)",
    "hue": "tf.image.adjust_hue(C(PICTURE / 255.0, 'float32'), 0.2)",
    "gamma": "tf.image.adjust_gamma(C(PICTURE / 255.0, 'float32'), 2.0)",
    "standardized": "tf.image.per_image_standardization(C(PICTURE))",
    "psnr": "tf.image.psnr(C(PICTURES[:1] / 255.0, 'float32'), C(PICTURES[1:] / 255.0, 'float32'), max_val=1.0)",
    "ssim": "tf.image.ssim(tf.image.resize(C(PICTURE), (16, 16)), tf.image.resize(C(PICTURE[::-1]), (16, 16)), 255.0)",
    "total variation": "tf.image.total_variation(C(PICTURES / 255.0, 'float32'))",
    "sobel": "tf.image.sobel_edges(C(PICTURES / 255.0, 'float32'))",
    "gradients of pictures": "tf.image.image_gradients(C(PICTURES / 255.0, 'float32'))",
    "patches": "tf.image.extract_patches(C(PICTURES / 255.0, 'float32'), [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'VALID')",
    "png": "tf.io.decode_png(tf.io.encode_png(C(PICTURE)))",
    "png in gray": "tf.image.decode_image(tf.io.encode_png(C(PICTURE)), channels=1)",
    "crop and resize": "tf.image.crop_and_resize(C(PICTURES / 255.0, 'float32'), [[0.0, 0.1, 0.8, 1.0]], [1], [3, 3])",
    "boxes that stay": "tf.image.non_max_suppression([[0., 0., 1., 1.], [0., 0., 1., .9], [2., 2., 3., 3.]], [.9, .8, .7], 3)",
    # text
    "lower": "tf.strings.lower(C(WORDS))",
    "upper": "tf.strings.upper(C('abc'))",
    "words": "tf.strings.split(C(WORDS)).to_list()",
    "words of one": "tf.strings.split(C('a,b,,c'), sep=',')",
    "replaced": r"tf.strings.regex_replace(C(WORDS), r'[^a-z ]', '')",
    "replaced by groups": r"tf.strings.regex_replace(C('ab12'), r'([a-z]+)(\d+)', r'\2-\1')",
    "fits": "tf.strings.regex_full_match(C(WORDS), '.*fox')",
    "lengths": "tf.strings.length(C(WORDS))",
    "lengths in characters": "tf.strings.length(C('größe'), unit='UTF8_CHAR')",
    "joined": "tf.strings.join([C(WORDS), C('end')], separator='-')",
    "joined to one": "tf.strings.reduce_join(C(WORDS), separator='|')",
    "joined along an axis": "tf.strings.reduce_join(C([['a', 'b'], ['c', 'd']]), axis=1)",
    "part of text": "tf.strings.substr(C(WORDS[:2]), 1, 3)",
    "numbers of text": "tf.strings.to_number(C(['1.5', '-2']))",
    "whole numbers of text": "tf.strings.to_number(C(['1', '-2']), tf.int32)",
    "stripped": "tf.strings.strip(C(['  a ', 'b']))",
    "characters": "tf.strings.unicode_split(C('größe'), 'UTF-8')",
    "numbers of characters": "tf.strings.unicode_decode(C('größe'), 'UTF-8')",
    "text of characters": "tf.strings.unicode_encode(C([103, 246]), 'UTF-8')",
    "numbers as text": "tf.strings.as_string(C([1, 2]))",
    "text added": "C('a') + C('b')",
    "text equal": "C(['a', 'b']) == 'a'",
    "columns of text": "tf.io.decode_csv(C(['1,2.5,a', '3,,b']), [[0], [9.0], ['']])",
    "raw": "tf.io.decode_raw(C(b'\\x01\\x02'), tf.uint8)",
    "tensor as bytes": "tf.io.parse_tensor(tf.io.serialize_tensor(C(FLOATS)), tf.float32)",
    # ragged, sparse
    "ragged lists": "tf.ragged.constant([[1, 2], [], [3]]).to_list()",
    "ragged as tensor": "tf.ragged.constant([[1, 2], [], [3]]).to_tensor(default_value=-1)",
    "ragged lengths": "tf.ragged.constant([[1, 2], [], [3]]).row_lengths()",
    "ragged values": "tf.ragged.constant([[1, 2], [], [3]]).flat_values",
    "sparse as dense": "tf.sparse.to_dense(tf.SparseTensor([[0, 1], [1, 0]], [5, 6], [2, 2]))",
    "dense as sparse": "tf.sparse.from_dense(C(WHOLE)).indices",
    "sparse product": "tf.sparse.sparse_dense_matmul(tf.SparseTensor([[0, 1]], [2.0], [2, 3]), tf.ones((3, 2)))",
    # signals
    "frames": "tf.signal.frame(C(SIGNAL), 16, 8)",
    "stft": "tf.abs(tf.signal.stft(C(SIGNAL), frame_length=16, frame_step=8))",
    "fft": "tf.abs(tf.signal.fft(tf.cast(C(SIGNAL), tf.complex64)))",
    "rfft": "tf.abs(tf.signal.rfft(C(SIGNAL)))",
    "window": "tf.signal.hann_window(8)",
    "mel": "tf.signal.linear_to_mel_weight_matrix(4, 17, 8000, 80.0, 3000.0)",
    "cepstrum": "tf.signal.mfccs_from_log_mel_spectrograms(C(FLOATS))",
    "overlap": "tf.signal.overlap_and_add(C(FLOATS), 2)",
    "sound": "tf.audio.decode_wav(tf.audio.encode_wav(C([[0.5], [-0.25]]), 8000))[0]",
    # keras.backend as it was
    **{
        f"K.{name}": f"K.{name}(C(FLOATS))"
        for name in "abs exp sign square sum mean max min prod std var flatten batch_flatten "
        "transpose argmax argmin softmax sigmoid tanh relu hard_sigmoid l2_normalize expand_dims zeros_like eval "
        "int_shape ndim count_params cumsum".split()
    },
    **{
        f"K.{name} along an axis": f"K.{name}(C(FLOATS), axis=-1, keepdims=True)"
        for name in "sum mean max std all".split()
    },
    "K.dot": "K.dot(C(FLOATS), K.transpose(C(FLOATS)))",
    "K.dot of three axes": "K.dot(C(np.arange(12.0).reshape(2, 2, 3), 'float32'), C(np.arange(6.0).reshape(3, 2), 'float32'))",
    "K.batch_dot": "K.batch_dot(C(np.arange(12.0).reshape(2, 2, 3), 'float32'), C(np.arange(12.0).reshape(2, 3, 2), 'float32'))",
    "K.concatenate": "K.concatenate([C(FLOATS), C(FLOATS)])",
    "K.clip": "K.clip(C(FLOATS), 0.0, 2.0)",
    "K.pow": "K.pow(C(FLOATS), 2)",
    "K.permute_dimensions": "K.permute_dimensions(C(FLOATS), (1, 0))",
    "K.repeat": "K.repeat(C(FLOATS), 2)",
    "K.repeat_elements": "K.repeat_elements(C(FLOATS), 2, axis=1)",
    "K.reshape": "K.reshape(C(FLOATS), (3, 2))",
    "K.tile": "K.tile(C(FLOATS), (1, 2))",
    "K.reverse": "K.reverse(C(FLOATS), 1)",
    "K.gather": "K.gather(C(FLOATS), C([1, 0]))",
    "K.one_hot": "K.one_hot(C([1, 0]), 3)",
    "K.switch": "K.switch(C(FLOATS) > 0, C(FLOATS), K.zeros_like(C(FLOATS)))",
    "K.relu of slopes": "K.relu(C(FLOATS), alpha=0.1, max_value=3.0)",
    "K.constant": "K.constant(2.0, shape=(2,))",
    "K.cast": "K.cast(C(WHOLE), 'float32')",
    "K.maximum": "K.maximum(C(FLOATS), 0.0)",
    "K.binary_crossentropy": "K.binary_crossentropy(C([1.0, 0.0]), C([0.8, 0.4]))",
    "K.categorical_crossentropy": "K.categorical_crossentropy(C([[1.0, 0.0]]), C([[0.8, 0.2]]))",
    "K.sparse_categorical_crossentropy": "K.sparse_categorical_crossentropy(C([1]), C([[0.8, 0.2]]))",
    "K.resize_images": "K.resize_images(C(PICTURES / 255.0, 'float32'), 2, 2, 'channels_last')",
    "K.spatial_2d_padding": "K.spatial_2d_padding(C(PICTURES / 255.0, 'float32'))",
    "K.conv2d": "K.conv2d(C(PICTURES / 255.0, 'float32'), tf.ones((2, 2, 3, 1)))",
    "K.pool2d": "K.pool2d(C(PICTURES / 255.0, 'float32'), (2, 2), pool_mode='avg')",
    "K.variable": "K.get_value(K.variable([1.0, 2.0]))",
    "K.update": "[K.update_add(V, [1.0, 1.0]) for V in [K.variable([1.0, 2.0])]]",
    "K.ctc_batch_cost": "K.ctc_batch_cost(C([[0, 1], [1, 1]]), tf.nn.softmax(C(np.arange(24.0).reshape(2, 4, 3) % 5,"
    " 'float32')), C([[4], [3]]), C([[2], [1]]))",
    "K.ctc_decode": "K.ctc_decode(tf.nn.softmax(C(np.arange(24.0).reshape(2, 4, 3) % 5, 'float32')), C([4, 3]))[0]",
    # data sets
    "windows": "list(tf.data.Dataset.range(7).window(3, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(3)))",
    "windows of pairs": "list(tf.data.Dataset.from_tensor_slices((np.arange(4), np.arange(4) * 2)).window(2)"
    ".flat_map(lambda a, b: tf.data.Dataset.zip((a.batch(2), b.batch(2)))))",
    "interleaved": "list(tf.data.Dataset.range(1, 4).interleave(lambda x: tf.data.Dataset.from_tensors(x).repeat(3),"
    " cycle_length=2, block_length=2))",
    "concatenated": "list(tf.data.Dataset.range(2).concatenate(tf.data.Dataset.range(5, 7)))",
    "padded": "list(tf.data.Dataset.range(1, 4).map(lambda n: tf.fill([n], n)).padded_batch(2))",
    "padded to a shape": "list(tf.data.Dataset.range(1, 3).map(lambda n: (tf.fill([n], n), n))"
    ".padded_batch(2, padded_shapes=([4], []), padding_values=(tf.constant(-1, tf.int64), tf.constant(0, tf.int64))))",
    "reduced": "tf.data.Dataset.range(5).reduce(np.int64(0), lambda a, b: a + b)",
    "sharded": "list(tf.data.Dataset.range(7).shard(3, 1))",
    "enumerated": "list(tf.data.Dataset.from_tensor_slices([5, 6]).enumerate())",
    "single": "tf.data.Dataset.range(4).batch(4).get_single_element()",
    "applied": "list(tf.data.Dataset.range(4).apply(lambda d: d.filter(lambda x: x % 2 == 0)))",
    "taken while": "list(tf.data.Dataset.range(9).take_while(lambda x: x < 3))",
    "from a list of text": "list(tf.data.Dataset.from_tensor_slices((['a b', 'c'], [0, 1])))",
    "from a dict": "list(tf.data.Dataset.from_tensor_slices({'a': [1, 2], 'b': [[3.0], [4.0]]}))",
    "from a generator": "list(tf.data.Dataset.from_generator(lambda: iter([(1, [2.0]), (3, [4.0])]),"
    " output_signature=(tf.TensorSpec((), tf.int64), tf.TensorSpec((1,), tf.float32))))",
    "zipped": "list(tf.data.Dataset.zip((tf.data.Dataset.range(2), tf.data.Dataset.range(5, 9))))",
    "cardinality": "tf.data.experimental.cardinality(tf.data.Dataset.range(10).batch(3))",
    "unbatched": "list(tf.data.Dataset.range(4).batch(3).unbatch())",
    "as numpy": "list(tf.data.Dataset.from_tensor_slices(['a', 'b']).as_numpy_iterator())",
}


def evaluated(expression: str, tf, make) -> list:
    """The leaves of an expression's value, as plain data."""
    names = {name: value for name, value in globals().items() if name.isupper()}
    return leaves_of(eval(expression, {"tf": tf, "np": np, "C": make, "K": tf.keras.backend, **names}))


def leaves_of(value) -> list:
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves_of(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in leaves_of(part)]
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    texts = np.vectorize(lambda x: x.decode() if isinstance(x, bytes) else str(x), otypes=[object])
    plain = texts(array) if array.dtype.kind in "OSU" and array.size else array
    return [[list(array.shape), plain.tolist()]]


def main() -> None:
    import tensorflow as tf

    answers = {}
    for name, expression in CASES.items():
        answers[name] = evaluated(expression, tf, lambda value, dtype=None: tf.constant(value, dtype))
    json.dump({"tensorflow": tf.__version__, "answers": answers}, ANSWERS.open("w"), separators=(",", ":"))
    print(f"{len(answers)} answers of TensorFlow {tf.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
