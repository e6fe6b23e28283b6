"""What Lead Perfection asks of the configuration (lead-perfection.md 1.1, 1.2)."""

from __future__ import annotations

from streamflow.options import Option

API = ("api",)

OPTIONS = (
    Option(name="base_url", form="url", required_for=API, ends="", identifies=True),
    Option(name="username", required_for=API),
    Option(name="password", form="secret", required_for=API),
    Option(name="clientid", required_for=API, identifies=True),
    Option(name="appkey", form="secret", required_for=API),
)
