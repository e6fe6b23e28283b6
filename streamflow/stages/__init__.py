"""
Work on batches: no HTTP, no SQL. In the order in which a record meets the files:

Reading: `extract` brings the source into the ledger, by `asking`, `tally`, `rejected`, `permit`; `rekey`, `moved`, `uplinks` see to records
that go by another key now, or that others look at.
Between stages: `batch` travels, `worker` is the loop, `pending` hands on what is staged.
Mapping: `transform`, with `kin` (what the map sees around a record).
Deciding: `resolve`, one `job` a record; what names mean: `roles`, `directory`; who is who: `groups`, `people`, `firms`, `sharing`; whom it
belongs to: `parents`, `heirs`, `succession`; what that comes to: `planning`, `updating`, `stale`; what is people's: `kept`, `lists`,
`peoples`, `conflicts`, `gone`, `formerly` (whose removed records were); what waits for an outcome: `undecided`; what a record comes to
count as: `disposition`; what a question is called: `questions`; after the switch: what goes on with what it belongs to or waited for:
`reopened`; which version of a record counts for others: `accepted`.
Writing: `load`; what outcomes mean: `progress`, `confirmation`; what people did at the same time: `meanwhile`, `rereading`, `written`,
`overwritten`, `vanished`; writes that were not answered: `unknown`, `doubt`, `in_part`, `marks`, `removed`, `rewritten`, `unanswered`.
Reading back: `verify`, `differences`.
"""
