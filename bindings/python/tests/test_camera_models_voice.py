"""The model in numpy says what the package's graph says with its weights, and its state is all it knows."""

import numpy as np
import pytest
from zenoh_pinned import models

from camera_models import EXAMPLE  # noqa: F401 - its folder is where the next ones are
from engine import session
from hearing import CONTEXT, HIDDEN, NOTHING, RATE, SAMPLES, Voice
from packaged import VOICE, path_of
from sound import sounds

GRAPH = (VOICE[0], "data/silero_vad_16k_op15.onnx")
NAMES = {
    "stft_conv.": "model.stft.forward_basis_buffer",
    "final_conv.": "model.decoder.decoder.2.",
    "lstm_cell.": "model.decoder.rnn.",
    **{f"conv{layer}.": f"model.encoder.{layer - 1}.reparam_conv." for layer in range(1, 5)},
}


@pytest.fixture(scope="module")
def sound():
    return sounds(0)


@pytest.fixture(scope="module")
def weights():
    with models.Registry() as registry:
        lease = registry.load("voice", path_of(VOICE))
        return {name: lease[name].numpy() for name in lease}


def heard(voice, sound):
    probabilities, state = [], NOTHING
    for samples in sound:
        probability, state = voice.hear(samples, state)
        probabilities.append(probability)
    return np.array(probabilities), state


def renamed(name):
    start = next(start for start in NAMES if name.startswith(start))
    return NAMES[start] if start == "stft_conv." else NAMES[start] + name.removeprefix(start)


def test_probabilities_are_those_of_the_packages_graph(weights, sound):
    graph = session(path_of(GRAPH).read_bytes(), {renamed(name): array for name, array in weights.items()})
    state, before, theirs = np.zeros((2, 1, HIDDEN), np.float32), np.zeros(CONTEXT, np.float32), []
    for samples in sound:
        given = np.concatenate([before, samples])
        fed = {"input": given[None], "state": state, "sr": np.array(RATE)}
        probability, state = graph.run(None, fed)
        before = given[-CONTEXT:]
        theirs.append(probability[0, 0])
    ours, last = heard(Voice(weights), sound)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_allclose(np.stack([last.hidden, last.cell]), state[:, 0], atol=1e-3)


def test_speech_is_told_from_silence_and_noise(weights, sound):
    probabilities, _ = heard(Voice(weights), sound)
    seconds = np.arange(len(sound)) * SAMPLES / RATE
    for start, end in ((0, 1), (3, 4)):
        assert np.median(probabilities[(seconds > start + 0.3) & (seconds < end)]) < 0.3
    for start, end in ((1, 3), (4, 6)):
        assert np.median(probabilities[(seconds > start + 0.3) & (seconds < end - 0.1)]) > 0.7


def test_another_process_goes_on_where_one_has_ended(weights, sound):
    whole, _ = heard(Voice(weights), sound)
    first, state = heard(Voice(weights), sound[:60])
    rest, successor = [], Voice(weights)
    for samples in sound[60:]:
        probability, state = successor.hear(samples, state)
        rest.append(probability)
    assert [*first, *rest] == whole.tolist()


def test_weights_are_read_in_place_and_may_be_read_only(weights, sound):
    lent = {name: array.copy() for name, array in weights.items()}
    voice = Voice(lent)
    for array in lent.values():
        array.flags.writeable = False
    assert heard(voice, sound[:40])[0].tolist() == heard(Voice(weights), sound[:40])[0].tolist()
    for array in lent.values():
        array.flags.writeable = True
        array[:] = 0
    assert voice.hear(sound[40])[0] == 0.5


def test_another_number_of_samples_is_refused(weights):
    with pytest.raises(ValueError, match="512 at a time"):
        Voice(weights).hear(np.zeros(500, np.float32))
