"""Drawing on pictures, pixel by pixel beside Keras's; galleries, by what is on them."""

import keras
import matplotlib
import numpy as np
import pytest

from plait import visualization
from plait.errors import ArgumentError

matplotlib.use("agg")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 40, 50, 3)).astype("uint8")
MASKS = RNG.integers(-1, 5, (3, 40, 50, 1)).astype("int32")
COLORS = {0: (1, 2, 3), 1: (200, 0, 0), 2: (0, 200, 0), 3: (9, 9, 9), 4: (255, 255, 255)}
BOXES = {
    "boxes": np.array([[[5, 6, 30, 30], [10, 30, 45, 38]]] * 3, "float32"),
    "labels": np.array([[0, 1], [1, -1], [5, 0]]),
    "confidences": np.linspace(0, 1, 6).reshape(3, 2),
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 5},
        {"num_classes": 3, "alpha": 0.3},
        {"color_mapping": COLORS, "num_classes": 5},
        {"ignore_index": 0},
        {"blend": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("images", [IMAGES, IMAGES.astype("float32")], ids=["bytes", "floats"])
def test_masks_are_drawn_as_keras_draws_them(images, options):
    found = visualization.draw_segmentation_masks(images, MASKS, **options)
    expected = np.asarray(keras.visualization.draw_segmentation_masks(images, MASKS, **options))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_masks_without_an_axis_of_channels_and_with_it_first():
    expected = visualization.draw_segmentation_masks(IMAGES, MASKS)
    np.testing.assert_array_equal(visualization.draw_segmentation_masks(IMAGES, MASKS[..., 0]), expected)
    turned = [np.moveaxis(x, -1, 1) for x in (IMAGES, MASKS)]
    found = visualization.draw_segmentation_masks(*turned, data_format="channels_first")
    np.testing.assert_array_equal(found, expected)
    theirs = keras.visualization.draw_segmentation_masks(*turned, data_format="channels_first")
    np.testing.assert_array_equal(found, theirs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mapping": {0: "cat", 1: "dog"}},
        {
            "color": (255, 0, 0),
            "line_thickness": 1,
            "font_scale": 0.4,
            "class_mapping": {0: "cat"},
            "text_thickness": 2,
        },
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "images", [IMAGES, IMAGES / 255.0, IMAGES.astype("float32")], ids=["bytes", "shares", "floats"]
)
def test_boxes_are_drawn_as_keras_draws_them(images, options):
    pytest.importorskip("cv2", reason="boxes are drawn by OpenCV")
    for boxes in (BOXES, {key: BOXES[key] for key in ("boxes", "labels")}):
        found = visualization.draw_bounding_boxes(images, boxes, "xyxy", **options)
        expected = keras.visualization.draw_bounding_boxes(images, boxes, "xyxy", **options)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    relative = {**BOXES, "boxes": BOXES["boxes"][..., [1, 0, 3, 2]] / [40, 50, 40, 50]}
    again = visualization.draw_bounding_boxes(images, relative, "rel_yxyx", **options)
    theirs = keras.visualization.draw_bounding_boxes(images, relative, "rel_yxyx", **options)
    np.testing.assert_array_equal(again, theirs)


def test_boxes_with_the_channels_first():
    pytest.importorskip("cv2", reason="boxes are drawn by OpenCV")
    turned = np.moveaxis(IMAGES, -1, 1)
    found = visualization.draw_bounding_boxes(turned, BOXES, "xyxy", data_format="channels_first")
    expected = visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy")
    np.testing.assert_array_equal(np.moveaxis(found, 1, -1), expected)


@pytest.fixture
def shown(monkeypatch):
    """The figure that is shown, kept open for a look."""
    from matplotlib import pyplot

    figures = []
    monkeypatch.setattr(pyplot, "show", lambda: figures.append(pyplot.gcf()))
    monkeypatch.setattr(pyplot, "close", lambda *figure: None)
    yield figures
    monkeypatch.undo()
    pyplot.close("all")


def pictures(figure):
    """The pixels and titles of a gallery's places."""
    return [(panel.images[0].get_array() if panel.images else None, panel.get_title()) for panel in figure.axes]


def test_a_gallery_shows_what_keras_s_shows(shown):
    names = {0: "cat", 1: "dog"}
    images = np.concatenate([IMAGES, IMAGES[:1]]) / 255.0
    for engine in (visualization, keras.visualization):
        engine.plot_image_gallery(images, [0, 1, 0, 2], [1, 1], names, value_range=(0, 1), rows=2, cols=2)
    ours, theirs = map(pictures, shown)
    for (mine, title), (other, wanted) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)
        assert title == wanted
    assert ours[0][1] == "Label: cat  Pred: dog" and ours[3][1] == "Label: Unknown"


def test_a_gallery_shows_all_its_images(shown):
    visualization.plot_image_gallery(np.concatenate([IMAGES, IMAGES[:2]]))  # Keras's shows 3 of them
    found = [image is not None for image, _ in pictures(shown[0])]
    assert found == [True] * 5 + [False]


def test_masks_stand_beside_their_images(shown):
    for engine in (visualization, keras.visualization):
        engine.plot_segmentation_mask_gallery(IMAGES, 5, y_true=MASKS, y_pred=MASKS[::-1])
    ours, theirs = map(pictures, shown)
    assert len(ours) == 9
    for (mine, _), (other, _) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_boxes_of_both_kinds_are_in_one_gallery(shown):
    pytest.importorskip("cv2", reason="boxes are drawn by OpenCV")
    other = {**BOXES, "boxes": BOXES["boxes"] + 3}
    for engine in (visualization, keras.visualization):
        engine.plot_bounding_box_gallery(
            IMAGES, "xyxy", y_true=BOXES, y_pred=other, rows=3, cols=1, legend=True, class_mapping={0: "cat"}
        )
    ours, theirs = shown
    for (mine, _), (wanted, _) in zip(pictures(ours), pictures(theirs), strict=True):
        np.testing.assert_array_equal(mine, wanted)
    assert [text.get_text() for text in ours.legends[0].texts] == ["Ground Truth", "Prediction"]


def test_a_gallery_is_written(tmp_path):
    visualization.plot_image_gallery(IMAGES, path=tmp_path / "gallery.png")
    assert (tmp_path / "gallery.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_is_refused(tmp_path):
    for draw in (
        lambda engine: engine.draw_segmentation_masks(IMAGES[0], MASKS),
        lambda engine: engine.plot_image_gallery(IMAGES, [0, 1, 2]),
        lambda engine: engine.plot_image_gallery(IMAGES, path=tmp_path / "x.png", show=True),
    ):
        for engine, error in ((visualization, ArgumentError), (keras.visualization, ValueError)):
            with pytest.raises(error):
                draw(engine)
    with pytest.raises(TypeError, match="integer"):
        visualization.draw_segmentation_masks(IMAGES, MASKS / 2)
    with pytest.raises(ArgumentError, match="class for each pixel"):
        visualization.draw_segmentation_masks(IMAGES, MASKS[:, :5])
