"""Draws the pictures of README.md and docs/ anew: plait shows a model that is in the same file. Look at each then.

python tools/pictures.py [--to docs/pictures]

The pictures of the page need Chromium (CHROMIUM=path) and Playwright; without them these two stay as they are.
"""

import argparse
import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

import plait
from plait import layers
from plait.training.callbacks.progress_plot import Curves

ROOT = Path(__file__).resolve().parents[1]
_MOST = 150_000  # bytes of a picture
_WIDTH = 110  # characters of a terminal
_THEME = TerminalTheme(
    (250, 250, 250),
    (55, 65, 81),
    [
        (55, 65, 81),
        (185, 28, 28),
        (21, 128, 61),
        (180, 83, 9),
        (37, 99, 201),
        (147, 51, 160),
        (14, 116, 144),
        (90, 90, 90),
    ],
)


def listing_model() -> Any:
    """A model that says of a flat what it costs and of what kind it is: two inputs, two outputs, a model inside."""
    eye = plait.Sequential(
        [
            plait.Input((32, 32, 3), name="pixels"),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="edges"),
            layers.MaxPooling2D(name="smaller"),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="shapes"),
            layers.GlobalAveragePooling2D(name="pool"),
        ],
        name="eye",
    )
    eye.trainable = False
    photo, facts = plait.Input((32, 32, 3), name="photo"), plait.Input((12,), name="facts")
    known = layers.Dense(16, activation="relu", name="known")(layers.Normalization(name="scale")(facts))
    both = layers.Concatenate(name="both")([eye(photo), known])
    x = layers.Dense(32, activation="relu", name="mix")(both)
    x = layers.Add(name="again")([both, x])
    outputs = {
        "price": layers.Dense(1, name="price")(x),
        "kind": layers.Dense(4, activation="softmax", name="kind")(layers.Dropout(0.3, name="drop")(x)),
    }
    return plait.Model({"photo": photo, "facts": facts}, outputs, name="flats")


def trained(model: Any, epochs: int = 30) -> Any:
    """The history of a short training on data made by a rule, with some noise."""
    rng = np.random.default_rng(0)
    facts, photo = rng.normal(size=(600, 12)), rng.uniform(size=(600, 32, 32, 3)).astype("float32")
    price = facts[:, :3].sum(1, keepdims=True) + 0.5 * rng.normal(size=(600, 1))
    kind = (facts[:, 0] > 0) * 2 + (facts[:, 1] + 0.5 * rng.normal(size=600) > 0)
    model.compile(
        plait.optimizers.Adam(3e-3),
        {"price": "mse", "kind": "sparse_categorical_crossentropy"},
        metrics={"price": ["mae"], "kind": ["accuracy"]},
    )
    data, labels = {"photo": photo, "facts": facts}, {"price": price, "kind": kind}
    return model.fit(data, labels, epochs=epochs, validation_split=0.3, verbose=0)


def terminal_picture(shown: Any, title: str, width: int = _WIDTH, height: int = 30) -> str:
    """What rich prints, as an SVG that asks no network for fonts."""
    console = Console(
        record=True, width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(shown)
    svg = console.export_svg(title=title, theme=_THEME, unique_id=re.sub(r"\W", "", title))
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def summary_text(model: Any) -> Text:
    """What `summary` prints in a terminal with colours."""
    printed = io.StringIO()
    wanted = {"FORCE_COLOR": "1", "COLUMNS": str(_WIDTH), "TERM": "xterm-256color"}
    before = {name: os.environ.get(name) for name in (*wanted, "NO_COLOR")}
    os.environ.update(wanted)
    os.environ.pop("NO_COLOR", None)
    try:
        with contextlib.redirect_stdout(printed):
            model.summary(batch_size=32)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    return Text.from_ansi(printed.getvalue())


def page_pictures(model: Any, folder: Path) -> None:
    """The page in Chromium, light and dark, with a layer chosen."""
    chromium = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("no pictures of the page: there is no Chromium, or no Playwright")
        return
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        page_file = model.view(to_file=Path(temporary) / "page.html", open_browser=False)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": 1200, "height": 760}, color_scheme=scheme, offline=True)
            page = context.new_page()
            page.goto(page_file.as_uri())
            page.click("#open-all")
            page.click("#fit")
            page.click("[data-key='known']")
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.screenshot(path=str(folder / f"page-{scheme}.png"))
            _few_colours(folder / f"page-{scheme}.png")
            context.close()
        browser.close()


def _few_colours(file: Path) -> None:
    """Makes a PNG small: 128 colours are enough for boxes and letters."""
    with Image.open(file) as image:
        small = image.convert("RGB").quantize(128)
    small.save(file, optimize=True)


def main() -> None:
    """Writes the pictures, and says how large they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "pictures")
    folder = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    plait.utils.set_random_seed(0)
    model = listing_model()
    history = trained(model)
    curves = Curves(len(history.epoch))
    for index, epoch in enumerate(history.epoch):
        curves.add(epoch, {name: values[index] for name, values in history.history.items()})
    (folder / "summary.svg").write_text(terminal_picture(summary_text(model), "model.summary(batch_size=32)"))
    (folder / "progress.svg").write_text(terminal_picture(curves, 'model.fit(..., progress="plot")'))
    shown = {"show_shapes": True, "show_layer_names": True, "expand_nested": True, "show_trainable": True}
    plait.utils.plot_model(model, folder / "plot.svg", **shown)
    history.plot(folder / "curves.png", names=["loss", "kind_accuracy", "price_mae"], dpi=80)
    _few_colours(folder / "curves.png")
    page_pictures(model, folder)
    too_large = []
    for file in sorted(folder.glob("*.*")):
        size = file.stat().st_size
        print(f"{file}: {size:,} bytes")
        too_large += [file.name] if size > _MOST else []
    if too_large:
        sys.exit(f"larger than {_MOST:,} bytes: {', '.join(too_large)}")


if __name__ == "__main__":
    main()
