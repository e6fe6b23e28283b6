"""What the process keeps of the memory it used."""

from __future__ import annotations

import subprocess
import sys

LARGE_THEN_SMALL = """
import os, threading
from streamflow.daemon import memory

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def work():
    bytes(bytearray(16 << 20))      # one large piece, as of a long answer while it is parsed
    pages = [bytes(bytearray(1 << 20)) for _ in range(20)]
    kept.append(bytes(4000))        # a record that stays, in the midst of what goes
    del pages

memory.settle()
kept = []
before = resident_mib()
for _ in range(3):
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
work()
print(resident_mib() - before)
"""


def test_what_was_read_in_large_pieces_is_given_back() -> None:
    """Large pieces that are free again, in whatever thread they were made, are not kept by the process."""
    done = subprocess.run([sys.executable, "-c", LARGE_THEN_SMALL], capture_output=True, text=True, timeout=60, check=True)
    assert float(done.stdout) < 4     # MiB; it was 53
