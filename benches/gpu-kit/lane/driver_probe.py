"""Asks the CUDA driver what it is and which devices it has, and prints that as JSON; no more than that.

A program of its own, because a driver that does not answer must not take the lane with it. With the argument
``hold`` it makes a context and keeps it until its input closes: a driver without persistence mode starts the
device anew for whoever comes first, which takes seconds every time.
"""

from __future__ import annotations

import ctypes
import json
import sys

ATTRIBUTES = {
    "integrated": 18,
    "unified addressing": 41,
    "asynchronous copy engines": 40,
    "compute capability major": 75,
    "compute capability minor": 76,
    "host pointer of registered memory usable": 91,
    "host registration supported": 99,
    "pageable memory access": 88,
    "pageable memory access by host page tables": 100,
    "read-only host registration supported": 113,
}


def describe() -> dict[str, object]:
    """Give what the driver says, or why it says nothing."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return {"missing": f"no CUDA driver: {error}"}
    status = driver.cuInit(0)
    if status != 0:
        return {"missing": f"the CUDA driver does not start: cuInit gives {status}"}
    number = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(number))
    version = number.value
    status = driver.cuDeviceGetCount(ctypes.byref(number))
    if status != 0 or number.value == 0:
        return {"missing": f"no CUDA device: cuDeviceGetCount gives {status} and {number.value} devices"}
    devices = [device(driver, ordinal) for ordinal in range(number.value)]
    return {"CUDA version of the driver": f"{version // 1000}.{version % 1000 // 10}", "devices": devices}


def device(driver: ctypes.CDLL, ordinal: int) -> dict[str, object]:
    """Describe one device, by the order of the driver."""
    handle = ctypes.c_int()
    driver.cuDeviceGet(ctypes.byref(handle), ordinal)
    text = ctypes.create_string_buffer(100)
    described: dict[str, object] = {}
    for key, ask in (("name", driver.cuDeviceGetName), ("bus", driver.cuDeviceGetPCIBusId)):
        described[key] = text.value.decode() if ask(text, len(text), handle) == 0 else None
    total = ctypes.c_size_t()
    driver.cuDeviceTotalMem_v2(ctypes.byref(total), handle)
    described["memory bytes"] = total.value
    for key, number in ATTRIBUTES.items():
        value = ctypes.c_int()
        status = driver.cuDeviceGetAttribute(ctypes.byref(value), number, handle)
        described[key] = value.value if status == 0 else None
    return described


def hold() -> None:
    """Keep a context of the first device until standard input closes."""
    driver = ctypes.CDLL("libcuda.so.1")
    context = ctypes.c_void_p()
    statuses = [driver.cuInit(0), driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)]
    print(f"cuInit and cuDevicePrimaryCtxRetain give {statuses}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1:] == ["hold"]:
        hold()
    else:
        print(json.dumps(describe()))
