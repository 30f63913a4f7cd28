"""The comparison of packages on plait and on Keras with JAX: `tools/packages.py`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from tools import packages  # noqa: E402


def test_lines_agree_in_words_and_nearly_in_numbers():
    assert packages.agree("loss 0.5000 [1, nan]", "loss 0.5004 [1, nan]")
    assert not packages.agree("loss 0.5", "loss 0.52") and not packages.agree("loss 1", "mae 1")
    assert packages.alike(["a 1", "b 2", "c 3"], ["a 1", "more", "b 2", "c 4"]) == 2
    assert packages.alike(["a 1", "b 2"], ["b 2", "a 1"]) == 1


def test_a_program_is_run_on_both(tmp_path, monkeypatch):
    program = tmp_path / "tried_program.py"
    program.write_text(
        "import keras\nprint(keras.ops.sum([1.5, 2.0]).shape, 3.5)\nprint(keras.Model.__module__.split('.')[0])\n"
    )
    monkeypatch.setattr(packages.importlib.metadata, "version", lambda name: "1.0")
    result = packages.tried(program, None)
    assert packages.row(result) == "| tried | 1.0 | 1 of 2 lines | - |"
    program.write_text("import keras\nassert keras.Model.__module__.startswith('keras'), 'not here'\nprint(1)\n")
    assert "fails on plait: `AssertionError: not here`" in packages.row(packages.tried(program, None))


def test_own_tests_of_a_source_tree_are_counted(tmp_path):
    (tmp_path / "tried").mkdir()
    (tmp_path / "tried" / "test_it.py").write_text(
        "import keras\ndef test_one(): assert keras.ops.abs(-1) == 1\n"
        "def test_two(): assert keras.Model.__module__.startswith('keras')\n"
    )
    assert packages.own_tests(tmp_path, "tried") == "1 of 2" and packages.own_tests(tmp_path, "other") == "-"
