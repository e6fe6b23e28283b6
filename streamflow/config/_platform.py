"""Reading the keys of a section that belong to the platform it names, by that platform's form."""

from __future__ import annotations

from collections.abc import Mapping

from streamflow.config._options import Options, OptionValue
from streamflow.config._table import Table
from streamflow.options import Form, Option
from streamflow.spelling import nearest


def platform_of(table: Table, forms: Mapping[str, Form], *, default: str | None = None) -> tuple[str, Form]:
    """Read which platform it is; where it is misspelt the nearest is meant, and nothing is said of the keys of one that nobody knows."""
    platform = table.choice("platform", forms, default=default)
    written = str(table.raw("platform") or platform)
    meant = nearest(written, forms)
    if not meant:
        table.rest(())
        return platform, Form()
    return meant, forms[meant]


def read_options(table: Table, form: Form, readers: set[str]) -> Options:
    """Read the keys of one platform; what none of *readers* needs may be missing."""
    found = {option.name: _value(table, option, bool(readers.intersection(option.required_for))) for option in form.options}
    return Options(
        values={name: value for name, value in found.items() if value is not None},
        identifying=tuple(option.name for option in form.options if option.identifies),
    )


def elsewhere(platform: str, forms: Mapping[str, Form]) -> dict[str, str]:
    """Give the keys that only other platforms have, each with the one it belongs to."""
    mine = {key for option in forms[platform].options for key in option.keys} if platform in forms else set()
    others = [(name, option) for name, form in forms.items() if name != platform for option in form.options]
    return {key: f'belongs to platform "{name}"' for name, option in others for key in option.keys if key not in mine}


def email(table: Table, key: str, *, required: bool) -> str | None:
    """Read an e-mail address."""
    text = table.text(key, expected="an e-mail address") if required else table.maybe_text(key, expected="an e-mail address")
    if text and (text.count("@") != 1 or text.startswith("@") or text.endswith("@") or " " in text):
        table.fault(key, f"{text!r} given, expected an e-mail address")
    return text


def _value(table: Table, option: Option, required: bool) -> OptionValue | None:
    match option.form:
        case "secret":
            return table.secret(option.name, required=required)
        case "url":
            address = table.url(option.name, default=option.default or None, ends=option.ends, required=required)
            return (address if (option.ends or "").endswith("/") else address.rstrip("/")) or None
        case "email":
            return email(table, option.name, required=required)
        case "flag":
            return table.flag(option.name, default=False)
        case _:
            needed = table.text(option.name, expected=option.says) if required else table.maybe_text(option.name, expected=option.says)
            return needed or option.default or None
