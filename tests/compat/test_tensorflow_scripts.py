"""Programs in the manner of the tutorials that lean on TensorFlow print on plait what Keras with TensorFlow printed."""

import hashlib
import json

import pytest

from .test_scripts import HERE, differences, run_on

KEPT = json.loads((HERE / "tensorflow_printed.json").read_text())
SCRIPTS = HERE / "tensorflow_scripts"
ALWAYS = ("graph_attention", "grad_cam", "mixup_records", "wgan_gp")  # the others are marked slow
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_the_program_prints_what_it_prints_on_tensorflow(name):
    group = ALWAYS if name in ALWAYS else tuple(other for other in NAMES if other not in ALWAYS)
    script = SCRIPTS / f"{name}.py"
    assert KEPT[name]["script"] == hashlib.sha256(script.read_bytes()).hexdigest()[:16], (
        "The script is another one now: make tensorflow-answers."
    )
    ours = run_on("plait", tuple(str(SCRIPTS / f"{one}.py") for one in group))[name]
    assert not ours["error"], ours["error"]
    assert differences(KEPT[name]["printed"], ours["printed"]) == []


def test_there_are_as_many_as_are_kept():
    assert sorted(KEPT) == NAMES and len(NAMES) >= 25
