"""
The phases of a migration, one file each, and what they work with.

The phases in order: `probe`, `proposal` (the map gate), `schema`, `owners`, `sample`, `backfill`, `tail`, `cutover`, `watch`; from any of
them `rollback`.

All of them: `life` (the table of moves), `context` (the doors), `terms`, `control`, `waits`, `failing`, `progress`.
Delivering: `work` joins the stages under the confirmed map, with `mapper`, `archive`, `room`, `companies`, `lookalikes`, `newcomers`.
Reading: `reading` runs rounds over the source. How far one has come: `round`, `finished`, `stopped`, `snapshots`. Only what changed:
`settled`, `clocked`, `horizon`. Children of parents that moved on: `freshness`, `owed`. What did not come: `unread`, `holes`. What is gone:
`absence`, `heirs`. Whose a record is: `strays`, `orphans`. Fields that are new or gone: `drift`.
The destination: `inventory` (what it holds, in `lookups`), `adoption` (what of it an earlier run made), `brought_back` (what people restore
of ours), `reference`, `sources`, `own_fields` (what must be there before records), `offering` (what it lacks), `leftovers` (of the write
probes), `aftermath` (people's work under our last writes).
Gates: `scope` (the report of the probe), `owners_file`, `choosing`, `differences`, `named` (the sample), `targets` (decisions that name a
record).
The switch: `precheck`, `readiness`, `counting`; behind it `holding`: what is pending waits for a person, or goes on. What becomes of a
version that was read: `late_rulings`; how that stands in the ledger: `late_versions`; what is asked: `late_questions`, `made_again`
(decisions that meet late writes); what was answered since: `decided`.
Undoing: `rollback_order`, `scopes`, `returning` (what is undone, and how it comes back), `undoing` (what is to happen to one record);
`touched`, `hanging`, `ties`, `outside`, `absorbed` (whose work would go with it); `reversal`, `reversals` (the writes), `removals`,
`restorations` (what became of them); `beside`, `source_uses`, `source_removals` (what a run left besides records); `proof` (reading back).
When it is over: `purge_order`.
"""
