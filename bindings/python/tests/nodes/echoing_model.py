"""A worker of a model that gives back what it is given: after `milliseconds`, or not at all."""

import time

from zenoh_pinned import models


def load(weights):
    def infer(request):
        if weights.model == "fails":
            raise ValueError("it is made to fail")
        time.sleep(request.parameters.get("milliseconds", 0) / 1000)
        return models.InferenceAnswer(outputs=request.inputs, parameters=request.parameters)

    assert weights["scale"].shape == (2,)
    return infer


models.serve(load)
