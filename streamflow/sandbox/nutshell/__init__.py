"""A simulated Nutshell account: REST and JSON-RPC on loopback, written from nutshell.md alone."""

from streamflow.sandbox.nutshell.app import make_app, open_site
from streamflow.sandbox.nutshell.site import Site

__all__ = ["Site", "make_app", "open_site"]
