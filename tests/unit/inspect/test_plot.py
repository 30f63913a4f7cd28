"""Pictures of models in files, with Keras's options."""

import builtins
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from click.testing import CliRunner

import plait
from plait import layers
from plait.cli import main
from unit.inspect.example_models import GOLDEN, chain, residual, siamese, tickets


def texts(file):
    """All that is written in an SVG file."""
    return [element.text for element in ElementTree.parse(file).iter() if element.tag.endswith("}text")]


def test_an_svg_tells_classes_and_what_is_asked_for(tmp_path):
    plain, full = tmp_path / "plain.svg", tmp_path / "full.svg"
    plait.utils.plot_model(chain(), plain)
    assert {"Conv2D", "Dense"} <= set(texts(plain))
    assert "digit" not in texts(plain)
    options = dict.fromkeys(("show_shapes", "show_dtype", "show_layer_names", "show_layer_activations"), True)
    chain().plot(full, show_trainable=True, **options)
    for part in ("digit", "(None, 1352) → (None, 10)", "float32", "activation: softmax", "Trainable"):
        assert part in texts(full)


@pytest.mark.parametrize("kind, start", [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("jpg", b"\xff\xd8")])
def test_other_kinds_of_files(tmp_path, kind, start):
    pytest.importorskip("matplotlib")
    plait.utils.plot_model(tickets(), tmp_path / f"model.{kind}", show_shapes=True, dpi=60)
    assert (tmp_path / f"model.{kind}").read_bytes().startswith(start)


def test_inner_models_are_drawn_when_expanded(tmp_path):
    for expand in (False, True):
        plait.utils.plot_model(siamese(), tmp_path / "model.svg", expand_nested=expand, show_layer_names=True)
        assert ("wide" in texts(tmp_path / "model.svg")) == expand


@pytest.mark.parametrize("direction", ["TB", "LR", "BT", "RL"])
def test_directions(tmp_path, direction):
    plait.utils.plot_model(chain(), tmp_path / "model.svg", rankdir=direction)
    root = ElementTree.parse(tmp_path / "model.svg").getroot()
    wide = float(root.attrib["width"]) > float(root.attrib["height"])
    assert wide == (direction in ("LR", "RL"))


def test_what_is_wrong_is_told(tmp_path):
    with pytest.raises(ValueError, match="highlight_layers"):
        plait.utils.plot_model(chain(), tmp_path / "model.svg", highlight_layers=["digits"])
    with pytest.raises(ValueError, match="rankdir"):
        plait.utils.plot_model(chain(), tmp_path / "model.svg", rankdir="UP")
    with pytest.raises(ValueError, match="png"):
        plait.utils.plot_model(chain(), tmp_path / "model.doc")
    with pytest.raises(ValueError, match="not yet been built"):
        plait.utils.plot_model(plait.Sequential([layers.Dense(1)]), tmp_path / "model.svg")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_a_png_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"plait\[plot\]"):
        plait.utils.plot_model(chain(), tmp_path / "model.png")
    plait.utils.plot_model(chain(), tmp_path / "model.svg")


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_five_hundred_layers_are_quick(tmp_path, kind):
    if kind == "png":
        pytest.importorskip("matplotlib")
    plait.utils.plot_model(chain(), tmp_path / f"first.{kind}")  # matplotlib is imported
    model = residual(71)
    assert len(model.layers) > 500
    start = time.process_time()
    plait.utils.plot_model(model, tmp_path / f"model.{kind}", show_shapes=True, show_layer_names=True)
    assert time.process_time() - start < 10


def test_the_same_model_gives_the_same_picture(tmp_path):
    for name in ("a.svg", "b.svg"):
        plait.utils.plot_model(tickets(), tmp_path / name, show_shapes=True, show_layer_names=True)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("name", GOLDEN)
def test_pictures_are_as_they_were(tmp_path, name):
    """After a wanted change: PYTHONPATH=src python tools/golden_svg.py, and look at each."""
    make, options = GOLDEN[name]
    plait.utils.plot_model(make(), tmp_path / "new.svg", **options)
    golden = Path(__file__).with_name("golden") / f"{name}.svg"
    assert (tmp_path / "new.svg").read_text(encoding="utf-8") == golden.read_text(encoding="utf-8")


def test_a_notebook_shows_a_model():
    assert chain()._repr_html_().startswith("<svg")
    assert plait.Sequential([layers.Dense(1)])._repr_html_() is None


def test_a_page_is_one_file_without_links(tmp_path):
    page = siamese().view(to_file=tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    assert "<title>siamese</title>" in text
    assert "src=" not in text and "@import" not in text


def test_the_command_writes_a_page(tmp_path):
    siamese().save(tmp_path / "model.keras")
    result = CliRunner().invoke(main, ["view", str(tmp_path / "model.keras"), "--to", str(tmp_path / "page.html")])
    assert result.exit_code == 0, result.output
    assert "encoder" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_model_to_dot():
    pytest.importorskip("pydot")
    graph = plait.utils.model_to_dot(siamese(), expand_nested=True, show_shapes=True)
    written = graph.to_string()
    assert len(graph.get_subgraphs()) == 3
    assert '"encoder:0/wide" -> "encoder:0/norm"' in written


def test_what_is_no_model_is_refused(tmp_path):
    for draw in (plait.utils.plot_model, plait.inspect.view):
        with pytest.raises(plait.errors.ArgumentError, match="drawn of a model, but got 3"):
            draw(3, to_file=tmp_path / "model.svg")


def test_a_folder_that_is_not_there_is_said_without_a_traceback(tmp_path):
    chain().save(tmp_path / "model.keras")
    result = CliRunner().invoke(
        main, ["view", str(tmp_path / "model.keras"), "--to", str(tmp_path / "no" / "page.html")]
    )
    assert result.exit_code == 1
    assert "Error: [Errno 2]" in result.output
