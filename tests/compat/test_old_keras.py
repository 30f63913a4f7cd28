"""Keras 1 and 2: names, modules, arguments and methods that Keras 3 dropped; Keras's own legacy code is the oracle where it is left."""

import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas
import pytest
from keras.src.legacy.preprocessing import sequence as old_sequence
from keras.src.legacy.preprocessing import text as old_text
from keras.src.legacy.preprocessing.image import ImageDataGenerator as OldGenerator
from PIL import Image

import plait
from plait.compat import old_arguments
from plait.compat import old_text as our_text
from plait.compat.old_images import ImageDataGenerator

rng = np.random.default_rng(0)
PICTURES = rng.uniform(0, 255, (10, 8, 6, 3)).astype("float32")
LABELS = np.arange(10) % 2


@pytest.fixture
def hook():
    plait.compat.install()
    old_arguments._translated["(a test)"] = None  # so that no line is printed at the end
    yield
    plait.compat.uninstall()


# ---------------------------------------------------------------------------- pictures

CHANGES = {
    "none": {},
    "flips": {"horizontal_flip": True, "vertical_flip": True, "rescale": 1 / 255},
    "turned and stretched": {
        "rotation_range": 30,
        "width_shift_range": 0.2,
        "height_shift_range": 0.1,
        "shear_range": 10,
        "zoom_range": 0.2,
    },
    "moved by points": {"width_shift_range": 2, "fill_mode": "constant", "cval": 3.0},
    "channels and brightness": {"channel_shift_range": 20.0, "brightness_range": (0.5, 1.5)},
    "by the data": {"featurewise_center": True, "featurewise_std_normalization": True},
    "by each picture": {"samplewise_center": True, "samplewise_std_normalization": True},
    "reflected": {"rotation_range": 40, "fill_mode": "reflect"},
    "a part": {"validation_split": 0.3},
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("seed", [None, 5])
def test_pictures_are_changed_as_in_keras_2(name, seed):
    options, told = CHANGES[name], []
    for cls in (OldGenerator, ImageDataGenerator):
        np.random.seed(1)  # noqa: NPY002
        generator = cls(**options)
        if options.get("featurewise_center"):
            generator.fit(PICTURES)
        part = "training" if "validation_split" in options else None
        batches = generator.flow(PICTURES, LABELS, batch_size=4, seed=seed, subset=part)
        found = [next(batches) for _ in range(4)] + [batches[index] for index in range(len(batches))]
        batches.on_epoch_end()
        told.append([*found, batches[0]])
    for (theirs, labels), (ours, own_labels) in zip(*told, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-2)
        np.testing.assert_array_equal(own_labels, labels)


@pytest.fixture
def folder(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(3):
            picture = rng.integers(0, 255, (7, 9, 3)).astype("uint8")
            Image.fromarray(picture).save(tmp_path / name / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize("mode", ["categorical", "binary", "sparse", "input", None])
def test_pictures_come_from_folders(folder, mode, capsys):
    told = []
    for cls in (OldGenerator, ImageDataGenerator):
        np.random.seed(1)  # noqa: NPY002
        generator = cls(rescale=1 / 255, horizontal_flip=True)
        options = {"target_size": (8, 8), "batch_size": 4, "class_mode": mode}
        batches = generator.flow_from_directory(str(folder), **options)
        told.append(
            (batches[0], batches[1], batches.class_indices, sorted(batches.filenames), batches.samples, len(batches))
        )
    (*theirs, classes, files, samples, length), (*ours, own_classes, own_files, own_samples, own_length) = told
    assert (own_classes, own_files, own_samples, own_length) == (classes, files, samples, length)
    for left, right in zip(theirs, ours, strict=True):
        for a, b in zip(left if mode else [left], right if mode else [right], strict=True):
            np.testing.assert_allclose(b, a, atol=1e-5)
    assert capsys.readouterr().out.count("Found 6 images belonging to 2 classes.") == 2


@pytest.mark.parametrize("mode", ["categorical", "raw", "binary"])
def test_pictures_come_from_frames(folder, mode):
    frame = pandas.DataFrame(
        {
            "file": ["cats/0.png", "dogs/1.png", "nowhere.png", "cats/2.png"],
            "kind": ["a", "b", "a", "a"],
            "size": [1.0, 2.0, 3.0, 4.0],
        }
    )
    told = []
    for cls in (OldGenerator, ImageDataGenerator):
        options = {"x_col": "file", "y_col": "size" if mode == "raw" else "kind", "class_mode": mode, "shuffle": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one of the files isn't there
            told.append(cls().flow_from_dataframe(frame, str(folder), target_size=(7, 9), **options)[0])
    for left, right in zip(*told, strict=True):
        np.testing.assert_allclose(right, left, atol=1e-5)


def test_fit_takes_such_batches(folder, hook):
    import keras

    generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
    batches = generator.flow_from_directory(str(folder), target_size=(8, 8), batch_size=2)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    assert len(model.fit_generator(batches, steps_per_epoch=3, epochs=2, verbose=0).history["loss"]) == 2
    assert model.predict_generator(batches, steps=3).shape == (6, 2)


# ---------------------------------------------------------------------------- text and sequences

TEXTS = ["The quick brown fox; the fox!", "a Brown dog, the dog", "zebra"]


@pytest.mark.parametrize(
    "options", [{}, {"num_words": 4}, {"oov_token": "?"}, {"num_words": 5, "oov_token": "?"}, {"char_level": True}]
)
def test_a_tokenizer_numbers_words_as_keras_2(options):
    told = []
    for module in (old_text, our_text):
        tokenizer = module.Tokenizer(**options)
        tokenizer.fit_on_texts(TEXTS)
        sequences = tokenizer.texts_to_sequences([*TEXTS, "unknown fox"])
        matrices = [
            tokenizer.sequences_to_matrix(sequences[:3], mode).round(6).tolist()
            for mode in ("binary", "count", "tfidf")
        ]
        again = module.tokenizer_from_json(tokenizer.to_json())
        told.append(
            (tokenizer.word_index, sequences, tokenizer.sequences_to_texts(sequences), matrices, again.word_index)
        )
    assert told[0] == told[1]


def test_pairs_of_words_are_drawn_as_in_keras_2():
    told = []
    for module in (old_sequence, our_text):
        random.seed(3)
        told.append(module.skipgrams([1, 2, 3, 0, 4, 5], 9, window_size=2, negative_samples=0.5, seed=1))
    assert told[0] == told[1]
    np.testing.assert_allclose(our_text.make_sampling_table(20), old_sequence.make_sampling_table(20))


@pytest.mark.parametrize("options", [{}, {"stride": 2, "sampling_rate": 2}, {"reverse": True, "batch_size": 3}])
def test_stretches_of_a_series_are_those_of_keras_2(options):
    data = np.arange(40.0).reshape(20, 2)
    theirs = old_sequence.TimeseriesGenerator(data, np.arange(20), 4, **options)
    ours = our_text.TimeseriesGenerator(data, np.arange(20), 4, **options)
    assert len(ours) == len(theirs)
    for index in range(len(theirs)):
        for left, right in zip(theirs[index], ours[index], strict=True):
            np.testing.assert_array_equal(right, left)


# ---------------------------------------------------------------------------- names, arguments, methods


@pytest.mark.parametrize(
    "statement",
    [
        "from keras.layers.convolutional import Conv2D, MaxPooling2D",
        "from keras.layers.core import Dense, Dropout, Activation",
        "from keras.layers.recurrent import LSTM",
        "from keras.layers.normalization import BatchNormalization",
        "from keras.layers.advanced_activations import LeakyReLU",
        "from keras.layers.merge import concatenate, add",
        "from keras.layers.embeddings import Embedding",
        "from keras.layers import CuDNNLSTM, merge",
        "from keras.engine.topology import Layer",
        "from keras.utils import np_utils",
        "from keras.utils.np_utils import to_categorical",
        "from keras.utils.data_utils import get_file, Sequence",
        "from keras.utils.generic_utils import get_custom_objects",
        "from keras.preprocessing.text import Tokenizer, one_hot",
        "from keras.preprocessing.sequence import pad_sequences, skipgrams, TimeseriesGenerator",
        "from keras.preprocessing.image import ImageDataGenerator, load_img",
        "from keras.losses import mse, kullback_leibler_divergence, Reduction",
        "from keras.optimizers.legacy import Adam",
        "from tensorflow.keras.optimizers import legacy, experimental",
        "from keras.wrappers.scikit_learn import KerasClassifier",
        "from keras.layers.experimental import preprocessing; preprocessing.Resizing",
        "from keras.layers.experimental.preprocessing import Rescaling",
        "from tensorflow.keras.layers import TFSMLayer",
        "from keras import backend as K; K.set_learning_phase(0)",
        "import tensorflow as tf; tf.keras.losses.mse; tf.keras.backend.ctc_batch_cost",
    ],
)
def test_old_names_are_there(hook, statement):
    exec(statement)


def test_arguments_of_keras_1_make_the_same_layers(hook):
    import keras
    from keras.layers import LSTM, Convolution2D, Dense, Dropout, MaxPooling2D

    pairs = [
        (Dense(output_dim=3, init="normal", W_regularizer="l2", bias=False), {"units": 3, "use_bias": False}),
        (
            Convolution2D(8, 3, 5, border_mode="same", subsample=(2, 2)),
            {"kernel_size": (3, 5), "padding": "same", "strides": (2, 2)},
        ),
        (
            Convolution2D(nb_filter=4, nb_row=3, nb_col=3, dim_ordering="tf"),
            {"filters": 4, "data_format": "channels_last"},
        ),
        (Dropout(p=0.4), {"rate": 0.4}),
        (
            LSTM(output_dim=5, inner_activation="hard_sigmoid", dropout_W=0.1, consume_less="cpu"),
            {"units": 5, "dropout": 0.1},
        ),
        (MaxPooling2D(border_mode="same"), {"padding": "same"}),
    ]
    for layer, expected in pairs:
        config = layer.get_config()
        assert {key: config[key] for key in expected} == expected
        assert type(layer).from_config(config).get_config() == config
    x = keras.Input((4,))
    assert keras.Model(input=x, output=Dense(output_dim=2)(x)).output_shape == (None, 2)
    assert "Dense(output_dim as units)" in old_arguments.line()


def test_arguments_of_keras_2_optimizers(hook):
    import keras

    assert float(keras.optimizers.Adam(lr=0.25).learning_rate) == 0.25
    decayed = keras.optimizers.SGD(lr=0.1, decay=0.5, momentum=0.9)
    variable = plait.Variable([1.0])
    for expected in (0.1, 0.1 / 1.5, 0.1 / 2):
        assert float(decayed.learning_rate) == pytest.approx(expected)
        decayed.apply_gradients([(np.ones(1, "float32"), variable)])


def test_arguments_of_today_go_through(hook):
    layer = plait.layers.Conv2D(4, 3, 2, padding="same", kernel_initializer="ones")
    assert (layer.strides, layer.kernel_size) == ((2, 2), (3, 3))
    assert plait.layers.GaussianNoise(stddev=0.5).stddev == 0.5
    with pytest.raises(ValueError, match="nonsense"):
        plait.layers.Dense(3, nonsense=4)


def test_old_methods_train_and_predict(hook):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["acc"])
    x, y = np.ones((8, 3), "float32"), np.zeros(8, int)

    def batches():
        while True:
            yield x[:4], y[:4]

    assert len(model.fit(x, y, nb_epoch=2, verbose=0).history["loss"]) == 2
    assert len(model.fit_generator(batches(), samples_per_epoch=8, nb_epoch=3, verbose=0).history["loss"]) == 3
    assert len(model.fit(x, y, epochs=1, verbose=0, workers=2, use_multiprocessing=True).history["loss"]) == 1
    assert len(model.evaluate_generator(batches(), steps=2)) == 2
    assert model.predict_classes(x).tolist() == model.predict(x, verbose=0).argmax(-1).tolist()


def test_functions_and_gradients_of_a_graph(hook):
    import keras
    from keras import backend as K

    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    output = keras.layers.Dense(1)(hidden)
    x = rng.normal(size=(2, 3)).astype("float32")
    look = K.function([inputs, K.learning_phase()], [hidden, K.gradients(K.sum(output), inputs)[0]])
    shown, slope = look([x, 0])
    kernel, bias, last, _ = keras.Model(inputs, output).get_weights()
    expected = np.tanh(x @ kernel + bias)
    np.testing.assert_allclose(shown, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, ((1 - expected**2) * last.ravel()) @ kernel.T, rtol=1e-4)
    inner = K.function([inputs], [K.gradients(output, hidden)[0]])([x])[0]
    np.testing.assert_allclose(inner, np.tile(last.ravel(), (2, 1)), rtol=1e-5)


def test_a_program_of_keras_1_runs_and_says_in_a_line_what_was_translated(tmp_path):
    (tmp_path / "script.py").write_text(
        "import numpy as np\n"
        "from keras.models import Sequential\n"
        "from keras.layers.core import Dense, Dropout\n"
        "from keras.optimizers import SGD\n"
        "from keras.utils import np_utils\n"
        "model = Sequential()\n"
        "model.add(Dense(output_dim=8, input_dim=4, init='uniform', activation='relu'))\n"
        "model.add(Dropout(p=0.2))\n"
        "model.add(Dense(3, activation='softmax'))\n"
        "model.compile(loss='categorical_crossentropy', optimizer=SGD(lr=0.1, decay=1e-6, nesterov=True, momentum=0.9))\n"
        "y = np_utils.to_categorical(np.arange(12) % 3, 3)\n"
        "h = model.fit(np.ones((12, 4)), y, nb_epoch=2, batch_size=4, verbose=0)\n"
        "print(len(h.history['loss']), model.predict_classes(np.ones((2, 4)), verbose=0).shape)\n"
    )
    source = {**os.environ, "PYTHONPATH": str(Path(plait.__file__).parents[1])}
    command = [sys.executable, "-W", "ignore", "-m", "plait", "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=source, timeout=120, check=False)
    assert done.stdout.strip() == "2 (2,)", done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("plait: written for an older Keras")]
    for what in ("Dense(output_dim as units)", "SGD(lr as learning_rate)", "nb_epoch as epochs", "Dropout(p as rate)"):
        assert what in line


def test_classes_are_as_they_were_when_the_hook_is_out():
    before = {cls: dict(vars(cls)) for cls in (plait.layers.Dense, plait.Model, plait.optimizers.Adam, plait.Variable)}
    plait.compat.install()
    import keras

    assert keras.layers.Dense(output_dim=2).units == 2
    plait.compat.uninstall()
    assert {cls: dict(vars(cls)) for cls in before} == before


def test_shapes_of_symbolic_tensors_are_reckoned_with(hook):
    import keras

    backend = keras.backend
    x = keras.layers.Input((5, 4))
    shape = backend.shape(x)
    assert tuple(shape) == (None, 5, 4)
    sizes = backend.cast(shape, "float32")
    loss = backend.sum(backend.square(x)) / backend.prod(sizes)
    (gradient,) = backend.gradients(loss, x)
    run = backend.function([x], [loss, gradient])
    value = rng.normal(size=(3, 5, 4)).astype("float32")
    found, slope = run([value])
    np.testing.assert_allclose(found, np.mean(value**2), rtol=1e-5)
    np.testing.assert_allclose(slope, 2 * value / value.size, rtol=1e-5)


def test_accuracy_is_found_by_its_name_of_before(hook, tmp_path):
    from keras.callbacks import Callback, EarlyStopping, ModelCheckpoint
    from keras.layers import Dense
    from keras.models import Sequential

    seen = []

    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs.get("acc"))
            logs["extra"] = epoch

    model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rng.normal(size=(8, 3)), np.arange(8) % 2
    best = ModelCheckpoint(str(tmp_path / "w.{epoch:02d}-{val_acc:.2f}.hdf5"), monitor="val_acc", save_best_only=True)
    history = model.fit(
        x, y, epochs=2, verbose=0, validation_data=(x, y), callbacks=[Stop(), EarlyStopping("acc"), best]
    )
    assert history.history["acc"] == history.history["accuracy"] == seen
    assert "val_acc" in history.history
    assert sorted(history.history) == ["accuracy", "extra", "loss", "val_accuracy", "val_loss"]
    assert best.monitor == "val_accuracy"
    assert len(list(tmp_path.iterdir())) >= 1
    with pytest.raises(KeyError):
        history.history["auc"]


def test_acc_stays_acc_where_it_is_called_so(hook):
    from keras.callbacks import EarlyStopping
    from keras.layers import Dense
    from keras.models import Sequential

    model, stop = Sequential([Dense(1, activation="sigmoid", input_shape=(3,))]), EarlyStopping("acc")
    model.compile("sgd", "binary_crossentropy", metrics=["acc"])
    history = model.fit(rng.normal(size=(8, 3)), np.arange(8) % 2, epochs=2, verbose=0, callbacks=[stop])
    assert stop.monitor == "acc"
    assert sorted(history.history) == ["acc", "loss"]


def test_estimators_of_keras_2(hook):
    from keras.layers import Dense
    from keras.models import Sequential
    from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor
    from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    def classifier(units=4, loss="binary_crossentropy"):
        model = Sequential()
        model.add(Dense(units, input_dim=3, activation="relu"))
        outputs = 1 if loss == "binary_crossentropy" else 3
        model.add(Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax"))
        model.compile(loss=loss, optimizer="adam", metrics=["accuracy"])
        return model

    def regressor():
        model = Sequential([Dense(1, input_dim=3)])
        model.compile(loss="mean_squared_error", optimizer="adam")
        return model

    x = rng.normal(size=(30, 3))
    names = np.array(["no", "yes"])[(x[:, 0] > 0).astype(int)]
    search = GridSearchCV(
        KerasClassifier(build_fn=classifier, verbose=0, batch_size=10), {"units": [2, 3], "epochs": [1]}, cv=2
    )
    search.fit(x, names)
    assert search.best_params_["epochs"] == 1
    best = search.best_estimator_
    assert set(best.predict(x)) <= {"no", "yes"}
    assert best.predict_proba(x).shape == (30, 2)
    assert len(best.model.layers[0].get_weights()[1]) == search.best_params_["units"]
    three = KerasClassifier(classifier, loss="categorical_crossentropy", epochs=1, verbose=0)
    history = three.fit(x, np.arange(30) % 3)
    assert sorted(history.history) == ["accuracy", "loss"]
    assert 0 <= three.score(x, np.arange(30) % 3) <= 1
    pipe = Pipeline([("scale", StandardScaler()), ("net", KerasRegressor(build_fn=regressor, epochs=1, verbose=0))])
    scores = cross_val_score(pipe, x, x[:, 0], cv=KFold(n_splits=3))
    assert scores.shape == (3,)
    assert np.all(scores <= 0)
    with pytest.raises(plait.errors.ArgumentError, match=r"neither the function nor `fit` takes \['epoch'\]"):
        KerasClassifier(build_fn=classifier, epoch=3)


def test_states_of_a_whole_model_are_reset(hook):
    from keras.layers import LSTM, Bidirectional, Dense
    from keras.models import Sequential

    model = Sequential()
    model.add(Bidirectional(LSTM(2, stateful=True), batch_input_shape=(2, 3, 1)))
    model.add(Dense(1))
    x = rng.normal(size=(2, 3, 1)).astype("float32")
    first, second = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert not np.allclose(first, second)
    model.reset_states()
    np.testing.assert_allclose(model.predict(x, verbose=0), first, rtol=1e-6)
