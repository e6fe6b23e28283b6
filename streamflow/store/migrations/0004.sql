-- What decisions stand on has columns of its own. Until now it was read out of the reasons, in the words below, which are read here for
-- the last time: whoever words a reason anew changes nothing but what people read.
ALTER TABLE record ADD COLUMN ground TEXT NOT NULL DEFAULT '';
ALTER TABLE intent ADD COLUMN ending TEXT NOT NULL DEFAULT '';
ALTER TABLE intent ADD COLUMN unknown_since TEXT NOT NULL DEFAULT '';

UPDATE record SET ground = 'after_freeze' WHERE reason = 'written in the source after the switch; the destination is the system of record';
UPDATE record SET ground = 'unnamed' WHERE reason = 'nobody names this company any more, or it was joined with another by a decision';
UPDATE record SET ground = 'alone'
WHERE reason IN ('outcome of a write unknown', 'refused together with those it is one person with');
UPDATE record SET ground = 'undone:' || replace(replace(reason, 'undone by a rollback of ', ''), '; a change in the source brings it back', '')
WHERE reason LIKE 'undone by a rollback of %; a change in the source brings it back';

UPDATE intent SET ending = 'found' WHERE state = 'confirmed' AND reason <> '';
UPDATE intent SET ending = 'counted' WHERE state = 'abandoned' AND reason LIKE '%; that counts against the record';
UPDATE intent SET ending = 'uncounted'
WHERE state = 'abandoned' AND reason LIKE '%; that counts for nothing, as no others were taken meanwhile';
UPDATE intent SET ending = 'given_up', reason = substr(reason, 1 + length('given up: '))
WHERE state = 'abandoned' AND reason LIKE 'given up: %';
-- "unknown since 2026-03-01T12:00:00Z: no answer": 14 characters, the moment in 20, and what was answered instead behind two more.
UPDATE intent SET unknown_since = substr(reason, 15, 20), reason = substr(reason, 37)
WHERE state = 'in_doubt' AND reason GLOB 'unknown since ????-??-??T??:??:??Z*';

UPDATE item SET details = json_set(details, '$.doubled', json('true')) WHERE cause = 'in_doubt' AND reason LIKE '%records carry the marker%';

-- Which question about a late version of a record was the last one was not noted: it is the one that was asked last.
INSERT INTO setting
SELECT 'watch:asked:' || kind || ':' || present, json_quote(id)
FROM (SELECT id, kind, COALESCE(details ->> '$.now', key) AS present, max(n) FROM item WHERE cause = 'after_freeze' GROUP BY kind, present)
WHERE true ON CONFLICT DO NOTHING;
