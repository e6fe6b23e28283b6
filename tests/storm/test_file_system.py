"""A file system that is read-only beneath the state directory."""

from __future__ import annotations

from tests.flow_bad.rig import Pair, Place, assert_told, running_daemon
from tests.storm.mounted import read_only


def test_a_start_on_a_read_only_file_system(place: Place, pair: Pair) -> None:
    """A first start ends with 78 and says what cannot be written; nothing is sent and nothing is left behind."""
    with read_only(place) as disk:
        with running_daemon(place, by=disk.by) as daemon:
            assert daemon.end() == 78, daemon.words()
            assert_told(daemon.last_words, "state_dir", "Read-only")
        assert disk.files == []
    assert pair.written() == 0
