"""Read a folder of matrices as anybody would who has only zarr, and say what is there."""

import sys

import google_crc32c
import zarr

group = zarr.open_group(sys.argv[1], mode="r")
matrices, checksums = group["matrices"], group["checksums"][:]
differ = 0
for number in range(matrices.shape[0]):
    if told := int(checksums[number]):
        differ += google_crc32c.value(matrices[number].tobytes()) != told
print(f"{matrices.shape[0]} x {matrices.shape[1:]} {matrices.dtype}, {differ} differ")
