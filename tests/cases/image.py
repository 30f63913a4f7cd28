"""Rows of the image and audio layers of `layers/preprocessing`."""

from cases import Case, Input

IMAGES = Input((3, 6, 8, 3), low=0.0, high=255.0)
FRONT = Input((3, 3, 6, 8), low=0.0, high=255.0)
SIGNAL = Input((2, 200, 2))

# `transform_images` rounds, clips or picks by position: gradients with respect to images mean nothing there.
STEPPED = {"differentiable": False}


def random(name, make, **options):
    """A row of a layer that only draws, and only while training."""
    return Case(name, make, IMAGES, training=True, random=True, atol=1e-3, **{**STEPPED, **options})


CASES = [
    Case("Resizing", lambda L: L.Resizing(3, 5), IMAGES, atol=1e-3),
    Case("Resizing cropped", lambda L: L.Resizing(3, 8, "bicubic", crop_to_aspect_ratio=True), IMAGES, atol=1e-3),
    Case(
        "Resizing padded channels first",
        lambda L: L.Resizing(
            3, 8, pad_to_aspect_ratio=True, fill_value=3.0, antialias=True, data_format="channels_first"
        ),
        FRONT,
        atol=1e-3,
    ),
    Case("CenterCrop", lambda L: L.CenterCrop(3, 5), IMAGES),
    Case("CenterCrop of small", lambda L: L.CenterCrop(7, 5), IMAGES, atol=1e-3),
    random("RandomFlip", lambda L: L.RandomFlip(seed=1)),
    random("RandomRotation", lambda L: L.RandomRotation(0.2, seed=1)),
    random("RandomTranslation", lambda L: L.RandomTranslation(0.2, (-0.1, 0.3), "constant", fill_value=2.0, seed=1)),
    random("RandomZoom", lambda L: L.RandomZoom(0.2, (0.1, 0.2), "wrap", seed=1)),
    random("RandomZoom in proportion", lambda L: L.RandomZoom(0.2, seed=1)),
    random("RandomShear", lambda L: L.RandomShear((0.1, 0.2), (0.1, 0.3), fill_mode="nearest", seed=1)),
    random("RandomPerspective", lambda L: L.RandomPerspective((0.9, 1.0), 0.6, seed=1)),
    random("RandomElasticTransform", lambda L: L.RandomElasticTransform((0.9, 1.0), seed=1)),
    random("RandomBrightness", lambda L: L.RandomBrightness(0.2, seed=1)),
    random("RandomContrast", lambda L: L.RandomContrast((0.1, 0.3), seed=1)),
    random("RandomHue", lambda L: L.RandomHue((0.1, 0.3), value_range=(-10, 300), seed=1)),
    random("RandomSaturation", lambda L: L.RandomSaturation((0.2, 0.7), seed=1)),
    random(
        "RandomColorJitter",
        lambda L: L.RandomColorJitter(
            brightness_factor=0.1, contrast_factor=0.2, saturation_factor=0.3, hue_factor=0.2, seed=1
        ),
    ),
    random("RandomColorDegeneration", lambda L: L.RandomColorDegeneration(0.4, seed=1)),
    random("RandomGrayscale", lambda L: L.RandomGrayscale(0.6, seed=1)),
    random("RandomSharpness", lambda L: L.RandomSharpness(0.9, seed=1)),
    random("RandomPosterization", lambda L: L.RandomPosterization((3, 7), value_range=(-10, 300), seed=1)),
    random("RandomInvert", lambda L: L.RandomInvert((0.8, 1.0), seed=1)),
    random("Solarization", lambda L: L.Solarization(0.3, (0.1, 0.4), seed=1)),
    random("RandomGaussianBlur", lambda L: L.RandomGaussianBlur((0.9, 1.0), (3, 5), (0.5, 0.9), seed=1)),
    random("RandomErasing", lambda L: L.RandomErasing((0.9, 1.0), seed=1)),
    random("CutMix", lambda L: L.CutMix((0.5, 1.0), seed=1), batchwise=True),
    random("RandAugment", lambda L: L.RandAugment(num_ops=1, seed=1), batchwise=True),
    Case("Equalization", lambda L: L.Equalization(bins=32), IMAGES, training=True, batchwise=True, **STEPPED),
    Case(
        "ContrastLimitedAdaptiveHistogramEqualization",
        lambda L: L.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 4)),
        IMAGES,
        atol=1e-3,
        **STEPPED,
    ),
    Case("AutoContrast", lambda L: L.AutoContrast((-10, 300)), IMAGES, atol=1e-3, **STEPPED),
    Case("Pipeline", lambda L: L.Pipeline([L.Rescaling(2.0), L.Resizing(3, 4)]), IMAGES, atol=1e-3),
    Case("STFTSpectrogram", lambda L: L.STFTSpectrogram(frame_length=16), SIGNAL, atol=1e-4),
    Case(
        "STFTSpectrogram magnitudes",
        lambda L: L.STFTSpectrogram("magnitude", 16, 5, 32, "hamming", True, "spectrum", "same", True),
        SIGNAL,
        atol=1e-4,
    ),
    Case(
        "MelSpectrogram",
        lambda L: L.MelSpectrogram(64, 16, num_mel_bins=8),
        Input((2, 160)),
        atol=1e-3,
        **STEPPED,
    ),
]
