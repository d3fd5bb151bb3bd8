"""The C library's heap: what an image frees is used by the next one, and large blocks go back to the system."""

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource
from placeprint.cli.heap import lean_heap
lean_heap()
def faults(size):
    bytearray(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        bytearray(size)[::4096].count(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults(700_000), faults(3_000_000))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_pixels_are_used_again_and_large_blocks_are_not_kept():
    done = subprocess.run([sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True)
    small, large = map(int, done.stdout.split())
    pages = 700_000 // 4096
    assert small < 4 * pages  # of 40 images, which is 40 times as many where each asks the system anew
    assert large > 40 * 3_000_000 // 4096 / 4
