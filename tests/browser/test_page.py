"""The page of a model in a real Chromium: it zooms, folds, finds, tells, and asks no network for anything."""

import pytest

import plait
from plait import layers
from plait.inspect.page import page_of
from unit.inspect.example_models import EXAMPLES, long, residual, siamese


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_model_is_shown(show, name):
    model = EXAMPLES[name]()
    shown = show(page_of([model]))
    assert model.name in shown.page.inner_text("h1")
    assert shown.drawn()
    shown.picture(f"page-{name}")
    shown.page.click("#open-all")
    shown.page.click("#fit")
    assert len(shown.drawn()) >= min(len(model.operations), 3)
    shown.picture(f"page-{name}-open")


def test_a_click_tells_what_a_layer_is(show):
    shown = show(page_of([EXAMPLES["chain"]()]))
    shown.page.click("[data-key='digit']")
    text = shown.page.inner_text("aside")
    for part in ("Dense", "float32(None, 1352)", "13,530", "kernel", "units", "softmax", "Fed by", "drop"):
        assert part in text
    assert shown.page.locator("aside .weight svg rect").count() >= 24
    shown.page.click("aside >> text=drop")
    assert "rate" in shown.page.inner_text("aside")


def test_frames_open_and_fold(show):
    shown = show(page_of([siamese()]))
    assert "encoder:0/wide" not in shown.drawn()
    shown.page.dblclick("[data-key='encoder:0']")
    assert "encoder:0/wide" in shown.drawn()
    shown.page.click("[data-key='encoder:0'] .grip")
    assert "encoder:0/wide" not in shown.drawn()
    shown.page.click("#open-all")
    assert {"encoder:0/wide", "encoder:1/wide", "compare/weigh"} <= shown.drawn()
    shown.page.click("#fold-all")
    assert "compare/weigh" not in shown.drawn()


def test_opened_frames_overlap_nothing(show):
    shown = show(page_of([siamese()]))
    for opened in (["encoder:0"], ["encoder:1", "compare"], ["encoder:0", "encoder:1", "compare"]):
        boxes = shown.page.evaluate(
            """opened => { const p = panes[0]; p.open = new Set(opened); p.layout();
            const outer = p.scene.frames.filter(f => p.model.frames[f.key].parent === null);
            return [...p.scene.boxes, ...outer].map(b => [b.x, b.y, b.width, b.height, b.key]) }""",
            opened,
        )
        outer = [box for box in boxes if "/" not in box[4]]
        for i, a in enumerate(outer):
            for b in outer[i + 1 :]:
                apart = a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]
                assert apart, (a, b)


def test_search_finds_what_is_folded(show):
    shown = show(page_of([residual(6)]))
    assert "block4_conv1" not in shown.drawn()
    shown.page.keyboard.press("/")
    shown.page.keyboard.type("block4 conv")
    assert shown.page.locator("#results li").count() == 2
    shown.page.keyboard.press("Enter")
    assert "block4_conv1" in shown.drawn()
    assert "block4_conv1" in shown.page.inner_text("aside h2")


def test_zoom_and_pan(show):
    shown = show(page_of([EXAMPLES["tickets"]()]))
    before = shown.page.evaluate("panes[0].view.k")
    shown.page.click("#larger")
    assert shown.page.evaluate("panes[0].view.k") > before
    shown.page.mouse.move(300, 400)
    shown.page.mouse.wheel(0, 400)
    shown.settle()
    assert shown.page.evaluate("panes[0].view.k") < before * 1.3
    x = shown.page.evaluate("panes[0].view.x")
    shown.page.mouse.move(40, 700)
    shown.page.mouse.down()
    shown.page.mouse.move(140, 720, steps=4)
    shown.page.mouse.up()
    assert shown.page.evaluate("panes[0].view.x") == pytest.approx(x + 100)


def test_the_keyboard_is_enough(show):
    shown = show(page_of([siamese()]))
    page = shown.page
    page.focus("#panes svg")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("panes[0].selected") in ("left", "right")
    page.keyboard.press("ArrowDown")
    page.evaluate("choose(panes[0], 'compare')")
    page.focus("#panes svg")
    page.keyboard.press("Enter")
    assert "compare/weigh" in shown.drawn()
    assert "opened" in page.inner_text("#voice") or "Model" in page.inner_text("#voice")
    page.keyboard.press("Enter")
    assert "compare/weigh" not in shown.drawn()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("panes[0].selected") == "join"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("panes[0].selected") in ("compare", "skip")
    page.keyboard.press("e")
    assert "encoder:0/wide" in shown.drawn()
    page.keyboard.press("Escape")
    assert "Made of" in page.inner_text("aside")


def test_dark_and_light(show):
    dark, light = (show(page_of([EXAMPLES["chain"]()]), dark=dark) for dark in (True, False))
    colour = "() => getComputedStyle(document.body).backgroundColor"
    assert dark.page.evaluate(colour) != light.page.evaluate(colour)
    dark.picture("page-dark")
    light.page.keyboard.press("d")
    assert dark.page.evaluate(colour) == light.page.evaluate(colour)


def test_a_ring_shows_where_the_keyboard_is_and_not_where_the_mouse_was(show):
    shown = show(page_of([EXAMPLES["chain"]()]))
    ring = "() => getComputedStyle(document.querySelector('#panes svg')).outlineStyle"
    shown.page.click("[data-key='digit']")
    assert shown.page.evaluate(ring) == "none"
    shown.page.keyboard.press("Shift+Tab")
    shown.page.keyboard.press("Tab")
    assert shown.page.evaluate(ring) == "solid"


def test_what_is_frozen_has_another_colour(show):
    shown = show(page_of([siamese()]))
    fill = "() => document.querySelector(`[data-key='skip'] rect:nth-of-type(2)`).getAttribute('fill')"
    before = shown.page.evaluate(fill)
    shown.page.select_option("#colour", "state")
    shown.settle()
    assert shown.page.evaluate(fill) != before
    shown.picture("page-frozen")


def test_two_models_side_by_side(show):
    before, after = residual(3), residual(3)
    after.set_weights(before.get_weights())
    x = layers.Dense(5, name="extra")(after.output)
    after = plait.Model(after.input, x, name="after")
    after.layers["block1_conv2"].trainable = False
    shown = show(page_of([before, after]), width=1500)
    marks = shown.page.evaluate(
        "panes.map(p => Object.fromEntries([...p.status].filter(([key]) => p.model.boxes[key])))"
    )
    assert marks == [{"block1_conv2": "changed"}, {"block1_conv2": "changed", "extra": "added"}]
    shown.picture("page-two")
    apart = shown.page.evaluate(
        "panes.map(p => { const a = p.caption.getBoundingClientRect(), b = p.svg.getBoundingClientRect();"
        " return a.bottom <= b.top && b.bottom <= p.element.getBoundingClientRect().bottom + 1; })"
    )
    assert apart == [True, True]
    shown.page.click("aside >> text=extra (added)")
    assert "extra" in shown.page.inner_text("aside h2")


def test_names_that_attack_the_page(show):
    name = "<img src=x onerror=alert(1)>'\"&<!--<script>"
    x = plait.Input((4,), name=name)
    model = plait.Model(x, layers.Dense(2, name="]]><b>")(x), name="<i>model<-script>")
    shown = show(page_of([model]))
    shown.page.on("dialog", lambda dialog: pytest.fail("a name was run"))
    assert shown.page.locator("img").count() == 0
    assert name in shown.drawn()
    shown.page.evaluate("choose(panes[0], Object.keys(panes[0].model.boxes)[0])")
    assert name in shown.page.inner_text("aside h2")


def test_a_thousand_layers_without_lag(show):
    shown = show(page_of([long(1000)]))
    page = shown.page
    page.click("#open-all")
    page.click("#fit")
    shown.settle()
    step = """() => { const start = performance.now();
        for (let i = 0; i < 10; i++) { panes[0].view.y -= 40; panes[0].redraw(); }
        return (performance.now() - start) / 10 }"""
    assert page.evaluate(step) < 30  # milliseconds, all layers in sight
    page.evaluate("panes[0].zoom(40)")
    shown.settle()
    assert page.evaluate(step) < 16
    assert page.evaluate("() => { const t = performance.now(); panes[0].layout(); return performance.now() - t }") < 200
    shown.picture("page-thousand")


def test_on_a_narrow_screen(show):
    shown = show(page_of([EXAMPLES["chain"]()]), width=420, height=800)
    assert shown.page.locator("aside").bounding_box()["y"] > 300
    shown.picture("page-narrow")
