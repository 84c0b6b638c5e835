"""What is drawn stays in the frame, depends on the number alone, and can be stored."""

import struct
import zlib

import numpy as np
import pytest

from camera_models import EXAMPLE  # noqa: F401 - its folder is where the next ones are
from drawing import GLYPHS, draw_box, draw_text, width_of
from png import SIGNATURE, UP, save
from scene import draw_frame


def frame_with_pitch(height, width, pitch):
    memory = np.full((height, pitch), 77, np.uint8)
    return memory, np.ndarray((height, width, 3), np.uint8, memory, strides=(pitch, 3, 1))


def test_rows_may_lie_further_apart_than_they_are_long():
    whole = np.zeros((480, 640, 3), np.uint8)
    memory, frame = frame_with_pitch(480, 640, 2048)
    draw_frame(whole, 90210)
    draw_frame(frame, 90210)
    assert (frame == whole).all()
    assert (memory[:, 640 * 3 :] == 77).all(), "nothing between the rows"


def test_a_frame_depends_on_its_number_alone():
    first, again, next_one = (np.empty((480, 640, 3), np.uint8) for _ in range(3))
    draw_frame(first, 1200)
    draw_frame(next_one, 1201)
    draw_frame(again, 1200)
    assert (first == again).all()
    assert (first != next_one).any(axis=2).mean() > 0.5, "the background moves too"


@pytest.mark.parametrize("shape", [(480, 640), (720, 1280), (1080, 1920)])
@pytest.mark.parametrize("digits", range(1, 8))
def test_all_digits_are_in_the_frame(shape, digits):
    frame = np.empty((*shape, 3), np.uint8)
    for number in (10 ** (digits - 1), 10**digits - 1, 10**digits - 37):
        draw_frame(frame, number)
        white = (frame > 250).all(axis=2)
        assert white.sum() > digits * shape[0]
        assert not white[[0, 1, -2, -1]].any()
        assert not white[:, [0, 1, -2, -1]].any()


@pytest.mark.parametrize("place", [(-30, -30), (630, 470), (-900, 10), (10, 900), (300, -10)])
def test_what_is_outside_of_the_frame_is_left_out(place):
    memory, frame = frame_with_pitch(480, 640, 2000)
    draw_text(frame, "0.5%-?", *place, 60)
    draw_box(frame, (place[0], place[1], place[0] + 50, place[1] + 50))
    assert (memory[:, 640 * 3 :] == 77).all()


def test_of_a_box_only_what_is_in_the_frame_is_drawn():
    frame = np.zeros((48, 64, 3), np.uint8)
    draw_box(frame, (-30, -30, 20, 10))
    drawn = frame.any(axis=2)
    assert drawn[9, 0]
    assert drawn[0, 19]
    drawn[:10, :20] = False
    assert not drawn.any()


def test_characters_differ_and_unknown_ones_are_drawn_too():
    drawn = set()
    for character in [*GLYPHS, "x"]:
        frame = np.zeros((60, 60, 3), np.uint8)
        draw_text(frame, character, 2, 2, 40)
        drawn.add(frame.tobytes())
    assert len(drawn) == len(GLYPHS) + 1


def test_a_text_is_as_wide_as_is_said():
    frame = np.full((80, 400, 3), 90, np.uint8)
    draw_text(frame, "40", 0, 0, 60)
    columns = np.flatnonzero((frame != 90).any(axis=(0, 2)))
    assert width_of("40", 60) - 2 <= columns[-1] + 1 <= width_of("40", 60)


def test_a_stored_frame_is_the_frame(tmp_path):
    _, frame = frame_with_pitch(48, 64, 256)
    frame[:] = np.random.default_rng(1).integers(0, 256, frame.shape)
    save(frame, tmp_path / "frame.png")
    assert (decoded((tmp_path / "frame.png").read_bytes()) == frame).all()
    assert [path.name for path in tmp_path.iterdir()] == ["frame.png"]


def decoded(file):
    assert file[:8] == SIGNATURE
    chunks, at = {}, 8
    while at < len(file):
        length, kind = struct.unpack_from(">I4s", file, at)
        body = file[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", file, at + 8 + length)[0] == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + length
    width, height, bits, colours = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert (bits, colours, chunks[b"IEND"]) == (8, 2, b"")
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == UP).all()
    return np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, 3)
