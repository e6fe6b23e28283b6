"""Leads, their actions, products, plan caps (nutshell.md 3.3, 9)."""

from __future__ import annotations


def op(path, value):
    """Return a replace operation."""
    return {"op": "replace", "path": path, "value": value}


async def reference(nut, path, name):
    """Return the id of a reference row by name."""
    got = await nut.get(f"/{path}")
    rows = next(v for v in got.body.values() if isinstance(v, list))
    return next(r["id"] for r in rows if r["name"] == name)


async def test_a_lead_starts_open_in_the_first_stage(nutshell):
    """description is the name, number is not the id, confidence 42, due in 14 days, first stage of 1-stagesets."""
    person = await nutshell.contact()
    lead = await nutshell.lead(person["id"], "Storm damage", manualValue="12500", name="ignored", status="won")
    assert (lead["name"], lead["status"], lead["confidence"]) == ("Storm damage", "open", 42)
    assert lead["value"]["amount"] == "12500.00"
    assert lead["id"] != f"{lead['number']}-leads"
    assert lead["links"]["stageset"] == "1-stagesets"
    assert lead["links"]["stage"] == await reference(nutshell, "stages", "New")
    assert lead["dueTime"]["timestamp"] == int(nutshell.clock.now()) + 14 * 86_400
    assert lead["closedTime"] is None


async def test_a_lead_needs_somebody(open_nutshell):
    """Without a contact or account link it is refused, unless the switch says no link is needed."""
    nut = await open_nutshell()
    assert (await nut.post("/leads", {"leads": [{"description": "x"}]})).status == 400
    await nut.switch(lead_requires_contact=False)
    assert (await nut.post("/leads", {"leads": [{"description": "x"}]})).status == 201


async def test_due_time_has_one_form(open_nutshell):
    """The object form is taken; others only with the switch."""
    nut = await open_nutshell()
    person = (await nut.contact())["id"]
    forms = {"object": {"timestamp": 1767225600}, "int": 1767225600, "string": "1767225600"}
    for accepted in forms:
        await nut.switch(lead_due_form=accepted)
        for name, value in forms.items():
            body = {"leads": [{"description": "x", "dueTime": value, "links": {"contacts": [person]}}]}
            assert (await nut.post("/leads", body)).status == (201 if name == accepted else 400)


async def test_closing_and_reopening(nutshell):
    """The outcome decides the status, closedTime is now, a second close moves it; reopening clears both."""
    lead = await nutshell.lead((await nutshell.contact())["id"])
    outcome = await reference(nutshell, "outcomes", "Lost on price")
    closed = (await nutshell.post(f"/leads/{lead['id']}/status", {"outcomeId": outcome})).body["leads"][0]
    assert (closed["status"], closed["closedTime"]["timestamp"]) == ("lost", int(nutshell.clock.now()))
    nutshell.clock.advance(60)
    again = (await nutshell.post(f"/leads/{lead['id']}/status", {"outcomeId": outcome})).body["leads"][0]
    assert again["closedTime"]["timestamp"] == closed["closedTime"]["timestamp"] + 60
    opened = (await nutshell.post(f"/leads/{lead['id']}/reopen")).body["leads"][0]
    assert (opened["status"], opened["closedTime"], opened["links"]["outcome"]) == ("open", None, None)
    assert (await nutshell.post(f"/leads/{lead['id']}/status", {"outcomeId": "999-outcomes"})).status == 400


async def test_pipelines_change_by_action(nutshell):
    """stageset moves to that pipeline's first stage; a retired pipeline is refused."""
    lead = await nutshell.lead((await nutshell.contact())["id"])
    repairs, old = [await reference(nutshell, "stagesets", n) for n in ("Repairs", "Old pipeline")]
    moved = (await nutshell.post(f"/leads/{lead['id']}/stageset", {"stageset": repairs})).body["leads"][0]
    assert moved["links"]["stage"] == await reference(nutshell, "stages", "Reported")
    assert (await nutshell.post(f"/leads/{lead['id']}/stageset", {"stageset": old})).status == 400
    stages = (await nutshell.get(f"/leads/{lead['id']}/stages")).body
    assert [s["name"] for s in stages["stages"]] == ["Reported", "Inspected", "Scheduled"]


async def test_the_way_to_write_a_stage_is_a_switch(open_nutshell):
    """patch: PATCH moves it; rpc: only editLead does and PATCH says 204 and does nothing; none: neither."""
    nut = await open_nutshell()
    lead = await nut.lead((await nut.contact())["id"])
    stages = [await reference(nut, "stages", n) for n in ("Contacted", "Quoted", "Closing")]

    async def stage_after_patch(stage):
        assert (await nut.patch(f"/leads/{lead['id']}", op("/leads/0/links/stage", stage))).status == 204
        return (await nut.get(f"/leads/{lead['id']}")).body["leads"][0]["links"]["stage"]

    assert await stage_after_patch(stages[0]) == stages[0]
    await nut.switch(lead_stage_write="rpc")
    assert await stage_after_patch(stages[1]) == stages[0]
    number = int(stages[1].partition("-")[0])
    edit = {"milestone": {"id": number, "entityType": "Milestones"}}
    await nut.rpc("editLead", leadId=int(lead["id"].partition("-")[0]), rev="REV_IGNORE", lead=edit)
    assert (await nut.get(f"/leads/{lead['id']}")).body["leads"][0]["links"]["stage"] == stages[1]
    await nut.switch(lead_stage_refusal="400", lead_stage_write="none")
    assert (await nut.patch(f"/leads/{lead['id']}", op("/leads/0/links/stage", stages[2]))).status == 400


async def test_products_make_the_value_until_it_is_set_by_hand(nutshell):
    """Lines sum up; manualValue overrides; valueToProductMode goes back; lines change through productmaps."""
    product = await reference(nutshell, "products", "Gutter set")
    lines = [{"quantity": 2, "price": {"amount": "50.00", "currency": "USD"}, "links": {"product": product}}]
    lead = await nutshell.lead((await nutshell.contact())["id"], links={"productMaps": lines})
    path = f"/leads/{lead['id']}"
    assert lead["value"]["amount"] == "100.00"
    line = lead["links"]["productMaps"][0]
    assert (await nutshell.patch(f"/productmaps/{line}", op("/productMaps/0/quantity", "3"))).status == 204
    assert (await nutshell.get(path)).body["leads"][0]["value"]["amount"] == "150.00"
    await nutshell.patch(path, op("/leads/0/manualValue", "999.99"))
    assert (await nutshell.get(path)).body["leads"][0]["value"]["amount"] == "999.99"
    await nutshell.patch(path, op("/leads/0/valueToProductMode", True))
    await nutshell.patch(path, {"op": "add", "path": "/leads/0/links/products/-", "value": product})
    assert (await nutshell.get(path)).body["leads"][0]["value"]["amount"] == "1040.00"
    assert (await nutshell.delete(f"/productMaps/{line}")).status == 204


async def test_open_leads_are_capped_by_plan(open_nutshell):
    """At the cap a create is refused in the form of plan_refusal, or made but locked; closing one makes room."""
    nut = await open_nutshell({"plan": {"open_leads": 1}, "existing": {"leads": 0}})
    person = (await nut.contact())["id"]
    lead = await nut.lead(person)
    body = {"leads": [{"description": "x", "links": {"contacts": [person]}}]}
    for form in ("400", "402", "403"):
        await nut.switch(plan_refusal=form)
        assert (await nut.post("/leads", body)).status == int(form)
    await nut.switch(plan_refusal="locked")
    assert (await nut.post("/leads", body)).body["leads"][0]["isLocked"] is True
    outcome = await reference(nut, "outcomes", "Won")
    for row in (await nut.get("/leads")).body["leads"]:
        await nut.post(f"/leads/{row['id']}/status", {"outcomeId": outcome})
    assert (await nut.lead(person))["isLocked"] is False
    assert lead["isLocked"] is False


async def test_watch_toggles_and_installments_replace(nutshell):
    """watch adds the caller, then takes it away; installments are a bare array that replaces all."""
    path = f"/leads/{(await nutshell.lead((await nutshell.contact())['id']))['id']}"
    assert len((await nutshell.post(f"{path}/watch")).body["leads"][0]["links"]["watchers"]) == 1
    assert (await nutshell.post(f"{path}/watch")).body["leads"][0]["links"]["watchers"] == []
    rows = [{"dueTime": "2026-02-01", "value": "10"}]
    assert len((await nutshell.post(f"{path}/installments", rows)).body["installments"]) == 1
    assert (await nutshell.post(f"{path}/installments", [])).body == {"installments": []}


async def test_inline_people_are_created_with_the_lead(nutshell):
    """Objects in links make records nobody asked for by themselves."""
    body = {"leads": [{"description": "x", "links": {"contacts": [{"name": "Inline Ina"}]}}]}
    (lead,) = (await nutshell.post("/leads", body)).body["leads"]
    made = await nutshell.get(f"/contacts/{lead['links']['contacts'][0]}")
    assert made.body["contacts"][0]["name"] == "Inline Ina"


async def test_server_made_fields_of_a_lead_cannot_be_patched(nutshell):
    """status, number, times: 400."""
    lead = await nutshell.lead((await nutshell.contact())["id"])
    for field in ("status", "number", "createdTime", "closedTime"):
        assert (await nutshell.patch(f"/leads/{lead['id']}", op(f"/leads/0/{field}", "1"))).status == 400
