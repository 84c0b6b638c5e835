"""What is drawn is what is read, by the real models; and the steps between them."""

import os
import random

import numpy as np
import pytest
from zenoh_pinned import models

from camera_models import EXAMPLE  # noqa: F401 - its folder is where the next ones are
from detector import Detector, boxes_of
from engine import optimise, session
from packaged import DETECTOR, RECOGNISER, path_of
from reading import Reading, draw_readings, read
from recogniser import Recogniser
from regions import regions
from resizing import normalised, resized
from scene import draw_frame

NUMBERS = int(os.environ.get("CAMERA_MODELS_NUMBERS", "30"))


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    with models.Registry() as registry:
        detecting, recognising = (
            session_of(registry, packaged, folder) for packaged in (DETECTOR, RECOGNISER)
        )
    return Detector(detecting), Recogniser(recognising)


def session_of(registry, packaged, folder):
    path = folder / f"{len(list(folder.iterdir()))}.onnx"
    optimise(path_of(packaged), path)
    weights = registry.load(path.stem, path)
    return session(bytes(weights.graph), {name: weights[name].numpy() for name in weights})


def numbers():
    chosen = random.Random(1)
    some = [
        chosen.randrange(10 ** (digits - 1), 10**digits) for digits in range(1, 8) for _ in range(NUMBERS)
    ]
    return [*range(10), *chosen.sample(some, NUMBERS)]


@pytest.mark.parametrize("shape", [(480, 640), (720, 1280)])
def test_every_number_that_is_drawn_is_read(shape, readers):
    frame = np.empty((*shape, 3), np.uint8)
    wrong = []
    for number in numbers():
        draw_frame(frame, number)
        readings = read(frame, *readers)
        if [reading.text for reading in readings] != [str(number)]:
            wrong.append((number, readings))
    assert not wrong


def test_the_box_is_around_the_digits(readers):
    frame = np.empty((480, 640, 3), np.uint8)
    draw_frame(frame, 4711)
    rows, columns = np.nonzero((frame > 250).all(axis=2))
    left, top, right, bottom = read(frame, *readers)[0].box
    assert left <= columns.min() <= columns.max() < right
    assert top <= rows.min() <= rows.max() < bottom
    assert (right - left) * (bottom - top) < 2.5 * np.ptp(rows) * np.ptp(columns)


def test_a_frame_without_text_has_none(readers):
    frame = np.empty((480, 640, 3), np.uint8)
    draw_frame(frame, 4711)
    left, top, right, bottom = read(frame, *readers)[0].box
    frame[top:bottom, left:right] = frame[top - 1 if top else bottom, left:right]
    assert read(frame, *readers) == []


def test_what_was_read_can_be_read_again_beside_its_box(readers):
    frame = np.empty((720, 1280, 3), np.uint8)
    draw_frame(frame, 4711)
    draw_readings(frame, read(frame, *readers))
    assert sum("4711" in reading.text for reading in read(frame, *readers)) == 2


@pytest.mark.parametrize("box", [(0, 0, 30, 30), (610, 450, 640, 480), (0, 200, 640, 300)])
def test_labels_stay_in_the_frame(box):
    frame = np.zeros((480, 640, 3), np.uint8)
    draw_readings(frame, [Reading("1234567", 0.5, box)])
    assert ((frame > 200).all(axis=2)).sum() > 500


def test_regions_are_those_that_a_flood_would_fill():
    chosen = np.random.default_rng(3)
    for share in (0.2, 0.5, 0.6, 0.8):
        mask = chosen.random((40, 60)) < share
        assert sorted(regions(mask)) == sorted(flooded(mask.copy()))
    assert regions(np.zeros((4, 4), bool)) == []
    assert regions(np.ones((4, 5), bool)) == [(0, 0, 5, 4)]


def flooded(mask):
    boxes = []
    for row, column in np.argwhere(mask):
        if not mask[row, column]:
            continue
        mask[row, column] = False
        todo, seen = [(row, column)], []
        while todo:
            y, x = todo.pop()
            seen.append((y, x))
            for beside in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= beside[0] < mask.shape[0] and 0 <= beside[1] < mask.shape[1] and mask[beside]:
                    mask[beside] = False
                    todo.append(beside)
        ys, xs = zip(*seen, strict=True)
        boxes.append((min(xs), min(ys), max(xs) + 1, max(ys) + 1))
    return boxes


def test_boxes_are_in_pixels_of_the_frame_and_what_is_unlikely_or_small_is_none():
    probability = np.zeros((32, 64), np.float32)
    probability[8:16, 10:30] = 0.9
    probability[20:28, 40:50] = 0.4  # a region, but too unlikely
    probability[0:2, 0:60] = 0.9  # too thin
    assert boxes_of(probability, 64, 64) == [(4, 5, 36, 43)]


def test_a_picture_is_resized_as_by_weighing_four_neighbours():
    picture = np.random.default_rng(4).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    assert (resized(picture, 20, 30) == picture).all()
    halves = picture.reshape(10, 2, 15, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resized(picture, 10, 15), halves, atol=1e-3)
    assert (resized(np.full((9, 9, 3), 200, np.uint8), 48, 31) == 200).all()


def test_planes_are_blue_first_and_from_minus_one_to_one():
    picture = np.zeros((2, 2, 3), np.float32)
    picture[:, :, 0] = 255
    assert normalised(picture)[:, 0, 0].tolist() == [-1, -1, 1]


def test_a_column_more_of_the_same_character_is_no_second_one():
    columns = [1, 1, 0, 1, 2, 2, 0, 0, 3]
    probabilities = np.eye(4, dtype=np.float32)[columns]

    class Session:
        get_inputs = staticmethod(lambda: [type("Input", (), {"name": "x"})])

    recogniser = Recogniser(Session(), "a\nb")
    assert recogniser.decoded(probabilities) == ("aab ", 1.0)
    assert recogniser.decoded(probabilities[[2, 6]]) == ("", 0.0)
