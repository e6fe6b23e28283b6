"""How the tests are shared out among processes: what a test shares with its neighbours stays in one process, and the long ones begin."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

# No test speaks with a platform of the world: every process would read the system's certificates at its start, twice, for nobody.
os.environ["SSL_CERT_FILE"] = os.devnull

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

# No test is judged by time: on a machine that is busy with other things the same examples are drawn as on a quiet one.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

_TOGETHER = frozenset({"acceptance"})
"""Folders whose tests all look at the same few whole migrations, which are to be made once."""
_LONG = frozenset({"acceptance", "flow"})
"""Folders of whole migrations: begun first, so that none of them is what everybody waits for at the end."""


def _folder(nodeid: str) -> str:
    return PurePosixPath(nodeid.partition("::")[0]).parts[1]


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # the library is not typed
    """A file to a process; some folders whole to one."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return str(PurePosixPath(path).parent) if _folder(nodeid) in _TOGETHER else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _ByFile:
    """Share the tests out by what they have in common, in the order of collection."""
    config.option.loadscopereorder = False
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first."""
    items.sort(key=lambda item: _folder(item.nodeid) not in _LONG)
