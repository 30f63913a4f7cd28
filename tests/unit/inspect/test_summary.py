"""The summary: its text at three widths, what it costs, and where it has no colours."""

import io
import sys

import pytest

import plait
from plait import layers
from unit.inspect.example_models import chain, residual, siamese, tickets


def text_of(model, **options):
    texts = []
    model.summary(print_fn=texts.append, **options)
    assert len(texts) == 1
    return texts[0]


def cells_of(text):
    """The cells of each layer's first line, by the layer's name."""
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    return {cells[0].split(" ")[0].removeprefix("└─"): cells for cells in lines if cells[0][:1] not in ("", "(")}


NARROW = """\
Model: "small"
┏━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer      ┃ Output    ┃         ┃ Connected ┃
┃ (type)     ┃ Shape     ┃ Param # ┃ to        ┃
┡━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━┩
│ a          │ (None,    │       0 │ -         │
│ (InputLaye │ 20)       │         │           │
│ r)         │           │         │           │
├────────────┼───────────┼─────────┼───────────┤
│ b          │ (None,    │       0 │ -         │
│ (InputLaye │ 30)       │         │           │
│ r)         │           │         │           │
├────────────┼───────────┼─────────┼───────────┤
│ together   │ (None,    │       0 │ a[0][0]   │
│ (Concatena │ 50)       │         │ b[0][0]   │
│ te)        │           │         │           │
└────────────┴───────────┴─────────┴───────────┘
 Total params: 0 (0.00 B)
 Trainable params: 0 (0.00 B)
 Non-trainable params: 0 (0.00 B)
"""
NEEDED = """\
Model: "small"
┏━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━┓
┃ Layer (type)           ┃ Output Shape ┃ Param # ┃ Connected to ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━┩
│ a (InputLayer)         │ (None, 20)   │       0 │ -            │
├────────────────────────┼──────────────┼─────────┼──────────────┤
│ b (InputLayer)         │ (None, 30)   │       0 │ -            │
├────────────────────────┼──────────────┼─────────┼──────────────┤
│ together (Concatenate) │ (None, 50)   │       0 │ a[0][0]      │
│                        │              │         │ b[0][0]      │
└────────────────────────┴──────────────┴─────────┴──────────────┘
 Total params: 0 (0.00 B)
 Trainable params: 0 (0.00 B)
 Non-trainable params: 0 (0.00 B)
"""
WIDE = """\
Model: "small"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)               ┃ Output Shape     ┃ Param # ┃ Connected to     ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━┩
│ a (InputLayer)             │ (None, 20)       │       0 │ -                │
├────────────────────────────┼──────────────────┼─────────┼──────────────────┤
│ b (InputLayer)             │ (None, 30)       │       0 │ -                │
├────────────────────────────┼──────────────────┼─────────┼──────────────────┤
│ together (Concatenate)     │ (None, 50)       │       0 │ a[0][0]          │
│                            │                  │         │ b[0][0]          │
└────────────────────────────┴──────────────────┴─────────┴──────────────────┘
 Total params: 0 (0.00 B)
 Trainable params: 0 (0.00 B)
 Non-trainable params: 0 (0.00 B)
"""


def small():
    a, b = plait.Input((20,), name="a"), plait.Input((30,), name="b")
    return plait.Model([a, b], layers.Concatenate(name="together")([a, b]), name="small")


@pytest.mark.parametrize("width, text", [(48, NARROW), (None, NEEDED), (78, WIDE)], ids=["narrow", "needed", "wide"])
def test_the_text_at_three_widths(width, text):
    assert text_of(small(), line_length=width) == text


@pytest.mark.parametrize("width", [40, 66, 140])
@pytest.mark.parametrize("make", [chain, residual, siamese, tickets])
def test_no_line_is_wider_than_asked_and_nothing_is_cut(make, width):
    model = make()
    text = text_of(model, line_length=width, expand_nested=True, show_trainable=True)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    names = "".join(line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│"))
    for layer in model.layers:
        assert f"{layer.name}({type(layer).__name__})" in names.replace(" ", "")


def test_positions_are_where_columns_end():
    line = text_of(chain(), positions=[0.5, 0.75, 1.0], line_length=100).splitlines()[1]
    assert [len(part) - 2 for part in line.strip("┏┓").split("┳")] == [45, 22, 22]


def test_inner_layers_and_marks():
    model = siamese()
    assert "wide" not in text_of(model)
    marks = {name: cells[4] for name, cells in cells_of(text_of(model, expand_nested=True)).items()}
    assert marks["encoder"] == marks["wide"] == "N"
    assert marks["compare"] == marks["weigh"] == "Y"
    assert marks["join"] == "-"
    inner = model.get_layer("encoder")
    inner.trainable = True
    inner.get_layer("wide").trainable = False
    assert " part " in text_of(model)


def test_operations_and_memory_are_counted():
    model = chain()
    text = text_of(model, batch_size=32)
    rows = {name: cells[3:5] for name, cells in cells_of(text).items()}
    convolution = 32 * 26 * 26 * 8 * (2 * 9 + 2)  # nine multiplications and additions, the bias, relu
    assert rows["edges"][0] == f"{convolution / 1e6:.2f} M"
    assert rows["edges"][1] == f"{32 * 26 * 26 * 8 * 4 / 1024:.2f} KB"
    assert rows["flat"][0] == "0"
    assert "Forward at batch size 32: 4.46 M FLOPs" in text


def test_an_inner_model_costs_what_its_calls_cost():
    text = text_of(siamese(), batch_size=8, expand_nested=True)
    rows = {name: cells[5:7] for name, cells in cells_of(text).items()}
    wide = 2 * 8 * 16 * (2 * 32 + 2)  # two calls
    assert rows["wide"][0] == f"{wide / 1e3:.2f} k"
    assert rows["encoder"][1] == "2.50 KB"


def test_a_recurrent_layer_counts_each_step():
    def operations(steps):
        shapes = {"title": (2, steps), "body": (2, 5), "tags": (2, 12)}
        text = text_of(tickets(), batch_size=shapes)
        return float(cells_of(text)["title_lstm"][4].split()[0])

    assert operations(20) == pytest.approx(2 * operations(10), rel=0.01)


def test_what_cannot_be_counted_is_told():
    with pytest.raises(ValueError, match=r"'body' is int32\[None, None\].*batch_size=\{'body': \(32, 32\)\}"):
        tickets().summary(batch_size=4)

    class Own(plait.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="only of functional models"):
        Own().summary(batch_size=4)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("terminal, no_color, escapes", [(True, "", True), (True, "1", False), (False, "", False)])
def test_colours_only_in_a_terminal(monkeypatch, terminal, no_color, escapes):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    chain().summary()
    assert ("\x1b[" in screen.getvalue()) == escapes


@pytest.mark.parametrize("wrong", ["many", 0, -1, 2.5, True])
def test_a_batch_size_that_is_none_is_refused(wrong):
    with pytest.raises(plait.errors.ArgumentError, match="`batch_size` must be a whole number from 1 up"):
        chain().summary(batch_size=wrong)
