"""All sizes of all architectures against what Keras makes of them, which `tools/golden_applications.py` wrote down."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import plait
from plait.common.scope import scope

SPEC = importlib.util.spec_from_file_location(
    "golden_applications", Path(__file__).parents[2] / "tools" / "golden_applications.py"
)
assert SPEC is not None and SPEC.loader is not None
golden: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(golden)

EXPECTED = json.loads(golden.FILE.read_text())
NAMES = [name for name in plait.applications.__all__ if name[0].isupper()]
QUICK = ("ConvNeXtTiny", "MobileNetV3Small", "VGG19")
pytestmark = pytest.mark.filterwarnings("ignore:`input_shape` is undefined:UserWarning")  # of MobileNets, as in Keras
BOTH = [("with_top", True), ("without_top", False)]


@pytest.fixture
def unloaded(monkeypatch):
    """Published weights count as loaded, and none are drawn before."""
    monkeypatch.setattr("plait.applications.classifier.fetched", lambda *file: "")
    monkeypatch.setattr(plait.Model, "load_weights", lambda self, path: None)
    with scope(allowance=[1 << 60]):
        yield


def test_every_architecture_of_keras_is_here():
    assert sorted(EXPECTED) == sorted(NAMES)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_layers_weights_and_parameters_are_those_of_keras(name, unloaded):
    expected = EXPECTED[name]["with_top"]
    model = getattr(plait.applications, name)()
    assert golden.described(model, expected["file"]) == expected


@pytest.mark.parametrize("name", QUICK)
def test_without_the_top_they_are_those_of_keras(name, unloaded):
    expected = EXPECTED[name]["without_top"]
    model = getattr(plait.applications, name)(include_top=False)
    assert golden.described(model, expected["file"]) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("title, include_top", BOTH)
def test_the_published_files_are_asked_for_as_keras_does(name, title, include_top, monkeypatch):
    """The model isn't built: its weights are looked for at once."""
    architecture = getattr(plait.applications, name)
    module = sys.modules[architecture.__module__]

    def nothing_but_weights(options, shape, body, files, *more, **named):
        return plait.applications.classifier._fetched(files[0 if options.include_top else 1])

    def fetch(file, origin, file_hash=None, cache_subdir="", cache_dir=None):
        return [file, origin, cache_subdir, file_hash]

    home = sys.modules["plait.applications.vgg"] if name.startswith("VGG") else module
    monkeypatch.setattr(home, "classifier", nothing_but_weights)
    monkeypatch.setattr("plait.applications.files.get_file", fetch)
    assert architecture(include_top=include_top) == EXPECTED[name][title]["file"]
