"""Undoing a whole run: everything as it was, but for what people have touched."""

from __future__ import annotations

from tests.flow.box import sandbox
from tests.flow.daemon import daemon
from tests.flow.harness import Operator, assert_right
from tests.oracle.guarding import Edit, overwritten, rolled_back

RECORDS = 120


def test_a_rollback_leaves_the_destination_as_it_was() -> None:
    """All that was made is gone, all that was changed is back; the one person somebody worked on is spared and listed."""
    with sandbox(records=RECORDS, seed=41, search_lag=0.3) as box:
        before = box.destination()
        with daemon(box) as one:
            operator = Operator(one, by_cli=False)
            operator.drive("tail")
            operator.settle()
            moved = box.destination()
            ours = [rid for rid in moved.of("contacts") if rid not in before.of("contacts")]
            assert len(ours) > 10
            box.in_destination("edit", kind="contacts", id=ours[0], values={"jobTitle": "Works with us now"})
            refused = one.cli("rollback", "--confirm", "another name")
            assert refused.code == 64, "a rollback needs the migration's name"
            planned = one.cli("rollback", "--dry-run").body
            assert box.destination().of("contacts").keys() == moved.of("contacts").keys(), "a dry run removes nothing"
            assert ours[0] in {each["id"] for each in planned["spared"]}
            assert one.cli("rollback", "--confirm", "sandbox").code == 0
            code = one.wait(60.0)
        after = box.destination()
        spared = _spared_with(after.of("contacts")[ours[0]], planned)
        custom_fields = {field["title"] for fields in _definitions(box) for field in fields}
        assert "Streamflow ID" in custom_fields, "definitions cannot be taken back by API and stay"
        sources = frozenset(after.of("sources")) - frozenset(before.of("sources"))
        assert_right(list(rolled_back(before, after, spared=spared, listed=sources)))
        assert_right(list(overwritten(after, [Edit(rid=ours[0], field="jobTitle", value="Works with us now")])))
        assert code == 1, f"spared records leave open items; {one.words()}"


def _spared_with(contact: dict[str, object], planned: dict[str, object]) -> frozenset[str]:
    listed = planned["spared"]
    assert isinstance(listed, list)
    found = {str(each["id"]) for each in listed}
    assert str(contact["id"]) in found
    assert len(found) <= 3, f"more was spared than people touched: {listed}"
    return frozenset(found)


def _definitions(box: object) -> list[list[dict[str, str]]]:
    from tests.oracle.states import ask

    return list(ask(f"{box.destination_admin}dump")["customFields"].values())  # type: ignore[attr-defined]
