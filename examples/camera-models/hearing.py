"""Says how likely somebody speaks, 32 ms at a time: silero-vad's model for 16 kHz in numpy.

The weights are those of its safetensors file, by their names there, and are read where they lie. What the
model has heard is a `Heard`, which the caller keeps: any worker can go on where another one has ended.
Knowingly weak: the package's ONNX files hold other weights than its safetensors file, so they say otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

RATE = 16_000  # samples a second
SAMPLES = 512  # that are heard at a time
CONTEXT = 64  # samples before them that are heard again
HIDDEN = 128  # numbers that are kept from one call to the next, and as many again
WINDOW, STEP, FREQUENCIES = 256, 128, 129
STRIDES = {"conv1": 1, "conv2": 2, "conv3": 2, "conv4": 1}


class Heard(NamedTuple):
    """What the model keeps from one call to the next."""

    hidden: Array
    cell: Array
    context: Array


NOTHING = Heard(np.zeros(HIDDEN, np.float32), np.zeros(HIDDEN, np.float32), np.zeros(CONTEXT, np.float32))


class Voice:
    """The model; it keeps no state, so threads may share it."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take the weights, and make no copy of them; a missing one is a `KeyError`."""
        self._spectrum = weights["stft_conv.weight"].reshape(2 * FREQUENCIES, WINDOW)
        self._convolutions = [
            (weights[f"{name}.weight"], weights[f"{name}.bias"], stride) for name, stride in STRIDES.items()
        ]
        self._from_input, self._from_hidden, self._input_bias, self._hidden_bias = (
            weights[f"lstm_cell.{name}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        self._last = weights["final_conv.weight"].reshape(-1)
        self._last_bias = weights["final_conv.bias"]

    def hear(self, samples: Array, heard: Heard = NOTHING) -> tuple[float, Heard]:
        """Return the probability of speech in 512 samples from -1 to 1, and what to give to the next call.

        Raises `ValueError` for another number of samples: fill the last ones up with zeros.
        """
        if samples.shape != (SAMPLES,):
            msg = f"samples come {SAMPLES} at a time, not as {samples.shape}"
            raise ValueError(msg)
        sound = np.concatenate([heard.context, samples], dtype=np.float32)
        values = self._magnitudes(np.pad(sound, (0, CONTEXT), mode="reflect"))
        for weight, bias, stride in self._convolutions:
            values = np.maximum(convolved(values, weight, bias, stride), 0)
        gates = self._from_input @ values[:, 0] + self._input_bias
        gates += self._from_hidden @ heard.hidden + self._hidden_bias
        let_in, keep, new, show = np.split(gates, 4)
        cell = sigmoid(keep) * heard.cell + sigmoid(let_in) * np.tanh(new)
        hidden = sigmoid(show) * np.tanh(cell)
        probability = sigmoid(self._last @ np.maximum(hidden, 0) + self._last_bias)
        return float(probability[0]), Heard(hidden, cell, sound[-CONTEXT:])

    def _magnitudes(self, sound: Array) -> Array:
        """Return how strong each frequency is in each window: frequencies x windows."""
        windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::STEP]
        parts = self._spectrum @ windows.T
        return np.hypot(parts[:FREQUENCIES], parts[FREQUENCIES:])


def convolved(values: Array, weight: Array, bias: Array, stride: int) -> Array:
    """Convolve channels x times with a kernel of three, with a zero before and after."""
    padded = np.pad(values, ((0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
    columns = windows.transpose(0, 2, 1).reshape(-1, windows.shape[1])
    return weight.reshape(len(weight), -1) @ columns + bias[:, None]


def sigmoid(values: Array) -> Array:
    """Return 1 / (1 + exp(-values)), which cannot overflow in this form."""
    halves: Array = np.tanh(0.5 * values)
    return 0.5 * (1 + halves)
