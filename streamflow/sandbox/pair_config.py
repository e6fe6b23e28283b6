"""The configuration of a migration between the two simulated platforms: a plain function from values to TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

SHARE_OF_ALLOWED = 0.9
"""Of the rate a server allows, what the configuration asks for."""

_TEMPLATE = """\
# A migration between two simulated accounts; everything here lives and ends with the sandbox.
[migration]
name = "sandbox"
state_dir = {state_dir}

[source]
{source}

[destination]
platform = "nutshell"
base_url = {destination_url}
rpc_url = {rpc_url}
username = {username}
api_key_file = {destination_key}
impersonate = {impersonate}

# Bounds that hold here and make a lost answer known within seconds; real accounts keep the cautious defaults.
[destination.flags]
timeout_s = 5.0
late_commit_s = 1.0

[pace.source]
rate_per_s = {source_rate}
max_in_flight = 8

[pace.destination]
rate_per_s = {destination_rate}
max_in_flight = 8

[owners]
{owners}
[gates]
map = {gates}
owners = {gates}
sample = {gates}
cutover = {gates}

[cutover]
watch_days = 0
deadline_s = 120

[delta]
poll_s = 1
settle_s = {settle_s}
sweep_every = 10

[control]
socket = {socket}

[metrics]
listen = "127.0.0.1:0"
"""


def pair_config(
    *, dir: Path, source: Mapping[str, str], gates: str, impersonate: bool, destination_url: str, rpc_url: str, username: str,
    fallback: str | None, owners_file: Path | None, source_rate_per_s: float | None, rate_per_s: float | None,
    settle_s: int = 1,
) -> str:  # fmt: skip
    """
    Write the text of streamflow.toml.

    Args:
        dir: The sandbox's directory, absolute: state, inbox, keys and the control socket are in it.
        source: The keys of [source], inbox excepted.
        gates: What all four gates do, `ask` or `auto`.
        fallback: E-mail of the user who takes records of unmatched owners; None leaves that to the gate.
        owners_file: Tells owners' e-mails where the source does not.
        source_rate_per_s: What the source allows; None for no limit, and a pace that suits a demonstration.
        rate_per_s: The same for the destination.
        settle_s: How late the source shows a change at most.
    """
    values = {
        "state_dir": dir / "state", "destination_url": destination_url, "rpc_url": rpc_url, "username": username,
        "destination_key": dir / "keys" / "nutshell.key", "gates": gates, "socket": dir / "control.sock",
    }  # fmt: skip
    return _TEMPLATE.format(
        **{name: _quoted(str(value)) for name, value in values.items()},
        impersonate="true" if impersonate else "false",
        source_rate=_pace(source_rate_per_s, 100.0),
        destination_rate=_pace(rate_per_s, 150.0),
        settle_s=settle_s,
        source=_table({**source, "inbox": str(dir / "inbox")}),
        owners=_table({"file": str(owners_file or ""), "fallback": fallback or ""}),
    )


def _table(values: Mapping[str, str]) -> str:
    """Write the keys of a table, blank ones left out."""
    return "\n".join(f"{name} = {_quoted(value)}" for name, value in values.items() if value)


def _pace(allowed_per_s: float | None, otherwise_per_s: float) -> float:
    return otherwise_per_s if allowed_per_s is None else round(allowed_per_s * SHARE_OF_ALLOWED, 3)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a TOML basic string escapes as JSON does
