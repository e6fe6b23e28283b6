"""How Leadtrekker is asked, without a socket: the form of a call, and the allow-list."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.errors import InvariantBroken
from streamflow.platforms.leadtrekker import dialect
from streamflow.platforms.spec import DENIED_PREFIXES

from .leadtrekker_rig import load_spec

SPEC = load_spec(reader="api")


def test_requests_are_posts_with_base64_leaves() -> None:
    """The wire form is the documented one, and an empty request is {}."""
    made = dialect.request(SPEC, "getnotes", {"leadid": "48213"})
    assert (made.method, made.path, made.body, made.content_type) == ("POST", "getnotes", b'{"leadid":"NDgyMTM="}', "application/json")
    assert dialect.request(SPEC, "getusers", {}).body == b"{}"


@settings(deadline=None)
@given(prefix=st.sampled_from(DENIED_PREFIXES), rest=st.text(max_size=10), upper=st.booleans())
def test_write_names_raise_before_anything_is_built(prefix: str, rest: str, upper: bool) -> None:
    """No name of a write is ever made into a request."""
    with pytest.raises(InvariantBroken, match="is named like a write"):
        dialect.request(SPEC, (prefix.upper() if upper else prefix) + rest, {})


@settings(deadline=None)
@given(st.text(max_size=20).filter(lambda name: name not in SPEC.calls()))
def test_names_outside_the_allow_list_raise(name: str) -> None:
    """Only what the spec names is asked, paths and tricks included."""
    with pytest.raises(InvariantBroken):
        dialect.request(SPEC, name, {})
