"""A worker: it has the model, and gets requests in batches, each frame where the camera wrote it."""

from collections.abc import Sequence

import numpy as np
from zenoh_pinned import workers


@workers.serve("brightness", device="auto")  # serves here until the supervisor asks it to end
def infer(batch: Sequence[workers.Request]) -> list[str]:
    """Return an answer for each request: how bright its frame is, and its way to the GPU."""
    answers = []
    for request in batch:
        image = request.to_device(shape=(1080, 1920))  # one DMA; torch.from_dlpack(image) takes it
        pixels = request.numpy((1080, 1920), "uint8")
        answers.append(f"brightness {np.mean(pixels[::8, ::8]):.0f}, path {image.path}")
    return answers
