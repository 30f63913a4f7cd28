"""Files that other libraries and releases wrote, each with its own numbers: whole models, weights, configs.

`files/<origin>.tar.xz` holds what `write.py` wrote with that library: two models, in each form it had.
"""

import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import plait

sys.path.insert(0, str(Path(__file__).parent))
from write import FILES, data

ORIGINS = sorted(path.name.removesuffix(".tar.xz") for path in FILES.glob("*.tar.xz"))
NAMES = ("branches", "series")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Gives the folder with the files of an origin."""
    folders = {}

    def unpack(origin):
        if origin not in folders:
            folders[origin] = tmp_path_factory.mktemp(origin)
            with tarfile.open(FILES / f"{origin}.tar.xz") as archive:
                archive.extractall(folders[origin], filter="data")
        return folders[origin]

    return unpack


def whole_models():
    """Each whole model in each archive."""
    for origin in ORIGINS:
        with tarfile.open(FILES / f"{origin}.tar.xz") as archive:
            for member in sorted(archive.getnames()):
                if member.endswith((".keras", ".h5")) and ".weights." not in member:
                    yield pytest.param(origin, member, id=member)


def expected(folder, name):
    """The outputs that the origin's own library computed: before, and after one more step."""
    arrays = np.load(next(folder.glob(f"*_{name}.npz")))
    return ([arrays[f"{start}{i}"] for i in range(2) if f"{start}{i}" in arrays] for start in ("out", "later"))


def predictions(model, x):
    """The outputs as a list."""
    outputs = model.predict(x, verbose=0)
    return outputs if isinstance(outputs, list) else [outputs]


def assert_close(found, wanted, tolerance):
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore:Optimizer 'adam' begins anew:UserWarning")  # Keras 1, whose state has another order
@pytest.mark.parametrize(("origin", "file"), list(whole_models()))
def test_a_whole_model_predicts_what_its_own_library_did(origin, file, unpacked):
    folder, name = unpacked(origin), file.split("_")[1].partition(".")[0]
    model = plait.load_model(folder / file)
    x, _ = data(name)
    assert_close(predictions(model, x), next(iter(expected(folder, name))), 2e-6)


# Not those of Keras 1 and 2 of its own: its normalization kept another variance, so a step there is another one.
GOING_ON = {p.id for p in whole_models() if "branches" in p.id and not p.id.startswith(("keras1", "keras2"))}


@pytest.mark.parametrize(("origin", "file"), [p for p in whole_models() if p.id in GOING_ON])
def test_training_goes_on_where_the_file_left_it(origin, file, unpacked):
    folder = unpacked(origin)
    model = plait.load_model(folder / file)
    x, y = data("branches")
    model.fit(x, y, batch_size=4, verbose=0)
    _, later = expected(folder, "branches")
    assert_close(predictions(model, x), later, 1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("origin", ORIGINS)
def test_weights_alone_go_into_the_model_of_the_config(origin, name, unpacked):
    folder = unpacked(origin)
    weights, config = folder / f"{origin}_{name}.weights.h5", folder / f"{origin}_{name}.json"
    if not weights.exists():
        pytest.skip("this Keras could not write it")
    model = plait.models.model_from_json(config.read_text())
    model.load_weights(weights)
    assert_close(predictions(model, data(name)[0]), next(iter(expected(folder, name))), 2e-6)
