-- Every statement the ledger runs, by name. Many rows travel in one statement: written ones as (:rows), which becomes a VALUES list
-- with its cells as column1, column2, ... and the plain arguments as ?1, ?2 somewhere before it; asked ones as a JSON array of keys.
-- CROSS JOIN fixes the order: the given rows drive. LIMIT -1 keeps the planner from flattening them into the update, which would
-- walk the whole table for them.

-- name: book
SELECT epoch, number FROM book
-- name: open_epoch
UPDATE book SET epoch = epoch + 1
-- name: write_number
UPDATE book SET number = ?1
-- name: audit_head
-- The highest number ever given, also where the entry that bore it was cut off: the gap then stays for ever.
SELECT max(coalesce((SELECT max(seq) FROM audit), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0)),
  (SELECT CAST(hash AS BLOB) FROM audit ORDER BY seq DESC LIMIT 1)

-- ---------------------------------------------------------------------------------------------- staging

-- name: known_records
SELECT r.kind, r.key, r.id, r.seq, r.digest, r.missing FROM json_each(?1) j CROSS JOIN record r
WHERE r.kind = j.value ->> 0 AND r.key = j.value ->> 1
-- name: last_record
SELECT coalesce(max(id), 0) FROM record
-- name: put_records
INSERT INTO record (id, kind, key, seq, digest, parent, changed_at, state, touched, first_seen, last_seen)
SELECT column1, column2, column3, column4, column5, column6, column7, 'pending', ?1, ?2, ?2
FROM (:rows) WHERE true
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, digest = excluded.digest, parent = excluded.parent,
  changed_at = excluded.changed_at, state = 'pending', waiting_on = '', missing = 0,
  touched = excluded.touched, last_seen = excluded.last_seen
-- name: put_payloads
INSERT INTO payload (id, data) SELECT column1, column2 FROM (:rows) WHERE true
ON CONFLICT (id) DO UPDATE SET data = excluded.data
-- name: touch_records
UPDATE record SET touched = ?1, last_seen = ?2, missing = 0 WHERE id IN (SELECT column1 FROM (:rows))
-- name: start_scan
INSERT INTO scan (name, started) VALUES (?1, ?2) ON CONFLICT DO NOTHING
-- name: forget_scans
DELETE FROM scan WHERE name > ?1 || ':' AND name < ?1 || ';' AND name <> ?2

-- ---------------------------------------------------------------------------------------------- record changes

-- name: finish
UPDATE record SET state = v.state, disposition = coalesce(v.disposition, record.disposition), reason = v.reason,
  ground = v.ground, waiting_on = v.waiting_on
FROM (SELECT r.id, j.column4 AS state, j.column5 AS disposition, j.column6 AS reason, j.column7 AS ground,
        j.column8 AS waiting_on
      FROM (:rows) j CROSS JOIN record r
      WHERE r.kind = j.column1 AND r.key = j.column2 AND r.seq = j.column3 LIMIT -1) v
WHERE record.id = v.id
-- name: rewake
UPDATE record SET state = 'pending', waiting_on = '', seq = ?1 + v.i
FROM (SELECT r.id, row_number() OVER (ORDER BY r.seq) AS i
      FROM (:rows) j CROSS JOIN record r CROSS JOIN wake w
      WHERE r.kind = j.column1 AND r.key = j.column2 AND r.state = 'parked' AND w.thing = r.waiting_on AND w.seq >= r.seq) v
WHERE record.id = v.id
-- name: reopen_all
UPDATE record SET state = 'pending', waiting_on = '', seq = ?3 + v.i
FROM (SELECT id, row_number() OVER (ORDER BY seq) AS i FROM record
      WHERE kind = ?1 AND NOT (state = 'held' AND ?2 <> '' AND substr(ground, 1, length(?2)) = ?2)) v
WHERE record.id = v.id
-- name: reopen
UPDATE record SET state = 'pending', waiting_on = '', seq = ?1 + v.i
FROM (SELECT r.id, row_number() OVER (ORDER BY r.seq) AS i
      FROM (:rows) j CROSS JOIN record r WHERE r.kind = j.column1 AND r.key = j.column2
      AND NOT (r.state = 'held' AND j.column3 <> '' AND substr(r.ground, 1, length(j.column3)) = j.column3)) v
WHERE record.id = v.id
-- name: call_out
INSERT INTO wake (thing, seq) SELECT column1, ?1 + 1 FROM (:rows) WHERE true ON CONFLICT DO UPDATE SET seq = excluded.seq
-- name: wake
UPDATE record SET state = 'pending', waiting_on = '', seq = ?1 + v.i
FROM (SELECT r.id, row_number() OVER (ORDER BY r.seq) AS i
      FROM (:rows) j CROSS JOIN record r WHERE r.state = 'parked' AND r.waiting_on = j.column1) v
WHERE record.id = v.id
-- name: missed
UPDATE record SET missing = missing + v.times
FROM (SELECT r.id, j.column3 AS times FROM (:rows) j CROSS JOIN record r
      WHERE r.kind = j.column1 AND r.key = j.column2 LIMIT -1) v
WHERE record.id = v.id

-- ---------------------------------------------------------------------------------------------- other names

-- name: rekey
UPDATE record SET key = v.new
FROM (SELECT r.id, j.column3 AS new FROM (:rows) j CROSS JOIN record r
      WHERE r.kind = j.column1 AND r.key = j.column2
        AND NOT EXISTS (SELECT 1 FROM record o WHERE o.kind = j.column1 AND o.key = j.column3)
        AND NOT EXISTS (SELECT 1 FROM link l WHERE l.kind = j.column1 AND l.key = j.column3)
        AND NOT EXISTS (SELECT 1 FROM intent t WHERE t.kind = j.column1 AND t.key IN (j.column2, j.column3)
                        AND t.state IN ('meant', 'in_doubt', 'parked')) LIMIT -1) v
WHERE record.id = v.id
-- name: fold
DELETE FROM record WHERE id IN (
  SELECT r.id FROM (:rows) j CROSS JOIN record r
  WHERE r.kind = j.column1 AND r.key = j.column2 AND j.column2 <> j.column3
    AND EXISTS (SELECT 1 FROM record o WHERE o.kind = j.column1 AND o.key = j.column3)
    AND NOT EXISTS (SELECT 1 FROM intent t WHERE t.kind = j.column1 AND t.key IN (j.column2, j.column3)
                    AND t.state IN ('meant', 'in_doubt', 'parked')))
-- name: set_aside
UPDATE link SET part = part || '~' || dest_id, verified = 'verified'
WHERE kind = ?1 AND key = ?2 AND part IN (SELECT o.part FROM link o WHERE o.kind = ?1 AND o.key = ?3)
-- name: rekey_links
UPDATE link SET key = ?3 WHERE kind = ?1 AND key = ?2
-- name: rekey_intents
UPDATE intent SET key = ?3 WHERE kind = ?1 AND key = ?2
-- name: drop_known
DELETE FROM known WHERE side = 'src' AND kind = ?1 AND id = ?2
-- name: rekey_known
UPDATE known SET id = ?3 WHERE side = 'src' AND kind = ?1 AND id = ?2
-- name: rekey_waiting
UPDATE record SET waiting_on = ?2 WHERE state = 'parked' AND waiting_on = ?1
-- name: rekey_wakes
UPDATE OR REPLACE wake SET thing = ?2 WHERE thing = ?1
-- name: rekey_items
UPDATE item SET details = json_set(details, '$.now', ?3) WHERE kind = ?1 AND (key = ?2 OR details ->> '$.now' = ?2)
-- name: copy_link
INSERT INTO link (kind, key, part, dest_kind, dest_id, base, ours, before, verified, phase, written_at)
SELECT j.column4, j.column5, j.column6, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM (:rows) j CROSS JOIN link l
WHERE l.kind = j.column1 AND l.key = j.column2 AND l.part = j.column3
  AND NOT EXISTS (SELECT 1 FROM link o WHERE o.kind = j.column4 AND o.key = j.column5 AND o.part = j.column6)
  AND NOT EXISTS (SELECT 1 FROM intent t
                  WHERE ((t.kind = j.column1 AND t.key = j.column2) OR (t.kind = j.column4 AND t.key = j.column5))
                    AND t.state IN ('meant', 'in_doubt', 'parked'))
-- name: move_shape
UPDATE link SET shape = (SELECT o.shape FROM link o WHERE o.kind = ?1 AND o.key = ?2 AND o.part = ?3)
WHERE kind = ?4 AND key = ?5 AND part = ?6
-- name: move_findings
UPDATE finding SET link = (SELECT n.id FROM link n WHERE n.kind = ?4 AND n.key = ?5 AND n.part = ?6)
WHERE link = (SELECT o.id FROM link o WHERE o.kind = ?1 AND o.key = ?2 AND o.part = ?3)
-- name: move_intents
UPDATE intent SET kind = ?4, key = ?5, part = ?6 WHERE kind = ?1 AND key = ?2 AND part = ?3

-- ---------------------------------------------------------------------------------------------- intent changes

-- name: put_intents
INSERT INTO intent (id, kind, key, part, op, dest_kind, fields, marker, dest_id, author, seq, feed_cursor, state, meant_at, settled_at,
                    reason, epoch, ending, unknown_since)
SELECT column1, column2, column3, column4, column5, column6, column7, column8, column9, column10,
       column11, column12, column13, column14, column15, column16, column17, column18, column19
FROM (:rows)
-- name: settle_intents
UPDATE intent SET
  dest_id = CASE WHEN intent.state IN ('meant', 'in_doubt', 'parked') THEN coalesce(v.dest_id, intent.dest_id) ELSE intent.dest_id END,
  settled_at = CASE WHEN intent.state IN ('meant', 'in_doubt', 'parked') THEN v.settled_at ELSE intent.settled_at END,
  reason = CASE WHEN intent.state IN ('meant', 'in_doubt', 'parked') THEN v.reason ELSE intent.reason END,
  ending = CASE WHEN intent.state IN ('meant', 'in_doubt', 'parked') THEN v.ending ELSE intent.ending END,
  unknown_since = CASE WHEN intent.state IN ('meant', 'in_doubt', 'parked') THEN v.unknown_since ELSE intent.unknown_since END,
  state = v.state
FROM (SELECT t.n, j.column2 AS state, j.column3 AS dest_id, j.column4 AS reason, j.column5 AS settled_at, j.column6 AS ending,
        j.column7 AS unknown_since
      FROM (:rows) j CROSS JOIN intent t
      WHERE t.id = j.column1 AND (t.state IN ('meant', 'in_doubt', 'parked') OR t.state = j.column2) LIMIT -1) v
WHERE intent.n = v.n

-- ---------------------------------------------------------------------------------------------- crosswalk changes

-- name: put_links
INSERT INTO link (kind, key, part, dest_kind, dest_id, base, ours, before, verified, phase, written_at)
SELECT column1, column2, column3, column4, column5, column6, column7,
       column8, column9, column10, column11
FROM (:rows) WHERE true
ON CONFLICT (kind, key, part) DO UPDATE SET dest_kind = excluded.dest_kind, dest_id = excluded.dest_id, base = excluded.base,
  ours = excluded.ours, before = excluded.before, verified = excluded.verified, written_at = excluded.written_at,
  phase = CASE link.phase WHEN '' THEN excluded.phase ELSE link.phase END,
  shape = CASE WHEN excluded.verified = 'pending' THEN NULL ELSE link.shape END
-- name: drop_links
DELETE FROM link WHERE id IN (
  SELECT l.id FROM (:rows) j CROSS JOIN link l
  WHERE l.kind = j.column1 AND l.key = j.column2 AND l.part = j.column3)
-- name: put_shapes
INSERT INTO shape (dest_kind, verdicts) SELECT column1, column2 FROM (:rows) WHERE true ON CONFLICT DO NOTHING
-- name: mark_verified
UPDATE link SET verified = v.verified, shape = v.shape
FROM (SELECT l.id, j.column4 AS verified, s.id AS shape
      FROM (:rows) j CROSS JOIN link l LEFT JOIN shape s ON s.dest_kind = j.column5 AND s.verdicts = j.column6
      WHERE l.kind = j.column1 AND l.key = j.column2 AND l.part = j.column3 LIMIT -1) v
WHERE link.id = v.id
-- name: drop_findings
DELETE FROM finding WHERE link IN (
  SELECT l.id FROM (:rows) j CROSS JOIN link l
  WHERE l.kind = j.column1 AND l.key = j.column2 AND l.part = j.column3)
-- name: put_findings
INSERT INTO finding (link, field, expected, actual)
SELECT l.id, j.column4, j.column5, j.column6 FROM (:rows) j CROSS JOIN link l
WHERE l.kind = j.column1 AND l.key = j.column2 AND l.part = j.column3

-- ---------------------------------------------------------------------------------------------- other changes

-- name: drop_lookups
DELETE FROM known WHERE n IN (
  SELECT k.n FROM (:rows) j CROSS JOIN known k
  WHERE k.side = j.column1 AND k.kind = j.column2 AND k.id = j.column3)
-- name: put_known
INSERT INTO known (side, kind, id, info) SELECT column1, column2, column3, column4 FROM (:rows)
-- name: put_lookups
INSERT INTO lookup (kind, type, value, known)
SELECT k.kind, j.column4, j.column5, k.n FROM (:rows) j CROSS JOIN known k
WHERE k.side = j.column1 AND k.kind = j.column2 AND k.id = j.column3
ON CONFLICT DO NOTHING
-- name: enqueue
INSERT INTO item (id, cause, kind, key, reason, decisions, suggested, blocking, state, decision, details, opened_at, resolved_at, resolved_by)
SELECT column1, column2, column3, column4, column5, column6, column7, column8, column9, column10,
       column11, column12, column13, column14
FROM (:rows) WHERE true
ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, decisions = excluded.decisions, suggested = excluded.suggested,
  blocking = excluded.blocking, details = excluded.details
-- name: resolve_items
UPDATE item SET state = 'resolved', decision = j.column2, resolved_by = j.column3, resolved_at = ?1
FROM (:rows) j WHERE item.id = j.column1
-- name: move_marks
INSERT INTO mark (name, cursor, note, at) SELECT column1, column2, column3, ?1 FROM (:rows) WHERE true
ON CONFLICT DO UPDATE SET cursor = excluded.cursor, note = excluded.note, at = excluded.at
-- name: put_settings
INSERT INTO setting (name, value) SELECT column1, column2 FROM (:rows) WHERE true
ON CONFLICT DO UPDATE SET value = excluded.value
-- name: drop_settings
DELETE FROM setting WHERE name IN (SELECT column1 FROM (:rows))
-- name: put_audit
INSERT INTO audit (seq, entry, hash) SELECT column1, column2, column3 FROM (:rows)

-- ---------------------------------------------------------------------------------------------- reading records

-- name: pending
SELECT r.kind, r.key, p.data, r.digest, r.parent, r.changed_at, r.seq, r.state, r.disposition, r.reason, r.ground, r.waiting_on, r.missing,
       r.first_seen, r.last_seen
FROM record r CROSS JOIN payload p ON p.id = r.id
WHERE r.kind = ?1 AND r.state = 'pending' AND r.seq > ?2 ORDER BY r.seq LIMIT ?3
-- name: staged
SELECT r.kind, r.key, p.data, r.digest, r.parent, r.changed_at, r.seq, r.state, r.disposition, r.reason, r.ground, r.waiting_on, r.missing,
       r.first_seen, r.last_seen
FROM json_each(?2) j CROSS JOIN record r CROSS JOIN payload p ON p.id = r.id
WHERE r.kind = ?1 AND r.key = j.value
-- name: every
SELECT r.kind, r.key, p.data, r.digest, r.parent, r.changed_at, r.seq, r.state, r.disposition, r.reason, r.ground, r.waiting_on, r.missing,
       r.first_seen, r.last_seen
FROM record r CROSS JOIN payload p ON p.id = r.id
WHERE r.kind = ?1 AND r.key > ?2 ORDER BY r.key LIMIT ?3
-- name: children
SELECT r.kind, r.key, p.data, r.digest, r.parent, r.changed_at, r.seq, r.state, r.disposition, r.reason, r.ground, r.waiting_on, r.missing,
       r.first_seen, r.last_seen
FROM record r CROSS JOIN payload p ON p.id = r.id
WHERE r.kind = ?1 AND r.parent = ?2 ORDER BY r.id
-- name: children_of
SELECT r.kind, r.key, p.data, r.digest, r.parent, r.changed_at, r.seq, r.state, r.disposition, r.reason, r.ground, r.waiting_on, r.missing,
       r.first_seen, r.last_seen
FROM json_each(?2) j CROSS JOIN record r CROSS JOIN payload p ON p.id = r.id
WHERE r.kind = ?1 AND r.parent = j.value ORDER BY r.id
-- name: keys
SELECT key FROM record
WHERE kind = ?1 AND id > coalesce((SELECT id FROM record WHERE kind = ?1 AND key = ?2), 0) ORDER BY id LIMIT ?3
-- name: held
SELECT count(*), count(*) FILTER (WHERE missing > 0) FROM record WHERE kind = ?1
-- name: unseen
SELECT key FROM record
WHERE kind = ?1 AND touched < coalesce((SELECT started FROM scan WHERE name = ?2), 9223372036854775807) ORDER BY id
-- name: unseen_of
SELECT r.key FROM json_each(?3) j CROSS JOIN record r
WHERE r.kind = ?1 AND r.parent = j.value
  AND r.touched < coalesce((SELECT started FROM scan WHERE name = ?2), 9223372036854775807) ORDER BY r.id
-- name: tally
SELECT a, b, c, n FROM tally WHERE scope = ?1 AND n > 0

-- ---------------------------------------------------------------------------------------------- reading the crosswalk

-- name: links
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM json_each(?1) j CROSS JOIN link l
WHERE l.kind = j.value ->> 0 AND l.key = j.value ->> 1 AND l.part = j.value ->> 2
-- name: links_of
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM json_each(?2) j CROSS JOIN link l WHERE l.kind = ?1 AND l.key = j.value ORDER BY l.key, l.part
-- name: links_to
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM json_each(?1) j CROSS JOIN link l WHERE l.dest_id = j.value ORDER BY l.kind, l.key, l.part
-- name: crosswalk
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM link l WHERE (l.kind, l.key, l.part) > (?1, ?2, ?3) ORDER BY l.kind, l.key, l.part LIMIT ?4
-- name: crosswalk_to
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM link l WHERE (l.kind, l.key, l.part) > (?1, ?2, ?3) AND l.dest_kind = ?5 ORDER BY l.kind, l.key, l.part LIMIT ?4
-- name: unverified
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM link l WHERE l.dest_kind = ?1 AND l.verified = 'pending' AND l.dest_id > ?2
  AND l.dest_id <= coalesce((
    SELECT dest_id FROM link WHERE dest_kind = ?1 AND verified = 'pending' AND dest_id > ?2 ORDER BY dest_id LIMIT 1 OFFSET ?3 - 1),
    char(1114111))
ORDER BY l.dest_id, l.kind, l.key, l.part

-- name: differing
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, l.base, l.ours, l.before, l.verified, l.phase, l.written_at
FROM shape s CROSS JOIN link l
WHERE s.links > 0 AND l.shape = s.id AND l.dest_kind = ?1 AND l.verified = 'differs' AND (l.kind, l.key, l.part) > (?2, ?3, ?4)
  AND EXISTS (SELECT 1 FROM json_each(s.verdicts) v WHERE v.value = 'differs')
ORDER BY l.kind, l.key, l.part LIMIT ?5

-- ---------------------------------------------------------------------------------------------- reading verification

-- name: oldest_unsettled
SELECT kind, min(seq) FROM (
  SELECT kind, min(seq) AS seq FROM record WHERE state = 'pending' GROUP BY kind
  UNION ALL
  SELECT r.kind, r.seq FROM intent i CROSS JOIN record r ON r.kind = i.kind AND r.key = i.key
  WHERE i.state IN ('meant', 'in_doubt') AND r.state = 'parked'
) GROUP BY kind
-- name: unverified_records
SELECT r.kind, count(*) FROM (
  SELECT kind, key FROM link WHERE verified = 'pending'
  UNION
  SELECT l.kind, l.key FROM shape s CROSS JOIN link l
  WHERE s.links > 0 AND l.shape = s.id AND l.verified <> 'verified'
    AND EXISTS (SELECT 1 FROM json_each(s.verdicts) v WHERE v.value IN ('differs', 'unreadable'))
) u CROSS JOIN record r
WHERE r.kind = u.kind AND r.key = u.key AND r.state <> 'pending' AND r.disposition IN ('created', 'updated', 'merged', 'matched')
GROUP BY r.kind
-- name: doubts
SELECT dest_kind, count(*) FROM intent
WHERE state IN ('meant', 'in_doubt') AND (state = 'in_doubt' OR epoch <> (SELECT epoch FROM book)) GROUP BY dest_kind
-- name: waiting
SELECT DISTINCT waiting_on FROM record WHERE state = 'parked' ORDER BY waiting_on
-- name: parked_on
SELECT r.kind, r.key, p.data, r.digest, r.parent, r.changed_at, r.seq, r.state, r.disposition, r.reason, r.ground, r.waiting_on, r.missing,
       r.first_seen, r.last_seen
FROM json_each(?1) j CROSS JOIN record r CROSS JOIN payload p ON p.id = r.id
WHERE r.state = 'parked' AND r.waiting_on = j.value ORDER BY r.seq
-- name: checks
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, v.key, v.value, f.expected, f.actual
FROM shape s CROSS JOIN link l CROSS JOIN json_each(s.verdicts) v LEFT JOIN finding f ON f.link = l.id AND f.field = v.key
WHERE s.links > 0 AND l.shape = s.id AND v.value IN (SELECT value FROM json_each(?1))
  AND EXISTS (SELECT 1 FROM json_each(s.verdicts) w WHERE w.value IN (SELECT value FROM json_each(?1)))
ORDER BY l.kind, l.key, l.part, v.key LIMIT ?2
-- name: checks_of
SELECT l.kind, l.key, l.part, l.dest_kind, l.dest_id, v.key, v.value, f.expected, f.actual
FROM link l CROSS JOIN shape s ON s.id = l.shape CROSS JOIN json_each(s.verdicts) v LEFT JOIN finding f ON f.link = l.id AND f.field = v.key
WHERE l.kind = ?1 AND l.key = ?2 ORDER BY l.part, v.key

-- ---------------------------------------------------------------------------------------------- reading the rest

-- name: open_intents
SELECT id, kind, key, part, op, dest_kind, fields, marker, dest_id, author, seq, feed_cursor, state, meant_at, settled_at, reason, epoch,
       ending, unknown_since
FROM intent WHERE state IN ('meant', 'in_doubt') ORDER BY n LIMIT ?1
-- name: intents_by_key
SELECT i.id, i.kind, i.key, i.part, i.op, i.dest_kind, i.fields, i.marker, i.dest_id, i.author, i.seq, i.feed_cursor, i.state, i.meant_at,
       i.settled_at, i.reason, i.epoch, i.ending, i.unknown_since
FROM json_each(?2) j CROSS JOIN intent i WHERE i.kind = ?1 AND i.key = j.value ORDER BY i.n
-- name: others_taken
SELECT 1 FROM intent me CROSS JOIN intent t
WHERE me.id = ?1 AND t.n > me.n - 1000 AND t.meant_at >= me.meant_at AND t.state = 'confirmed' AND t.ending <> 'found'
  AND (t.kind, t.key) <> (me.kind, me.key) LIMIT 1
-- name: others_unanswered
SELECT DISTINCT t.kind, t.key FROM intent me CROSS JOIN intent t
WHERE me.id = ?1 AND t.n > me.n - 1000 AND t.meant_at >= me.meant_at AND t.state IN ('in_doubt', 'abandoned')
  AND (t.kind, t.key) <> (me.kind, me.key) LIMIT ?2
-- name: candidates
SELECT k.side, k.kind, k.id, o.type, o.value, k.info
FROM json_each(?2) j CROSS JOIN lookup o CROSS JOIN known k
WHERE o.kind = ?1 AND o.type = j.value ->> 0 AND o.value = j.value ->> 1 AND k.n = o.known AND (?3 IS NULL OR k.side = ?3)
ORDER BY j.id, k.side, k.id
-- name: queue
SELECT id, cause, kind, key, reason, decisions, suggested, blocking, state, decision, details, opened_at, resolved_at, resolved_by
FROM item WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR cause = ?2) ORDER BY n
-- name: items
SELECT n, id, cause, kind, key, reason, decisions, suggested, blocking, state, decision, details, opened_at, resolved_at, resolved_by
FROM item WHERE n > ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR cause = ?3) ORDER BY n LIMIT ?4
-- name: items_about
SELECT id, cause, kind, key, reason, decisions, suggested, blocking, state, decision, details, opened_at, resolved_at, resolved_by
FROM item WHERE kind = ?1 AND COALESCE(details ->> '$.now', key) IN (SELECT value FROM json_each(?2)) ORDER BY n
-- name: decisions
SELECT id, decision, kind, key, COALESCE(json_extract(details, '$.now'), key) FROM item WHERE state = 'resolved' ORDER BY n
-- name: item
SELECT id, cause, kind, key, reason, decisions, suggested, blocking, state, decision, details, opened_at, resolved_at, resolved_by
FROM item WHERE id = ?1
-- name: mark
SELECT name, cursor, note, at FROM mark WHERE name = ?1
-- name: marks
SELECT name, cursor, note, at FROM mark ORDER BY name
-- name: setting
SELECT value FROM setting WHERE name = ?1
-- name: settings_named
SELECT s.name, s.value FROM json_each(?1) j CROSS JOIN setting s WHERE s.name = j.value ORDER BY s.name
-- name: settings
SELECT name, value FROM setting WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1 ORDER BY name
-- name: audit
-- As bytes: what a disk or somebody spoilt may be no text any more.
SELECT seq, CAST(entry AS BLOB), CAST((SELECT hash FROM audit q WHERE q.seq = a.seq - 1) AS BLOB), CAST(hash AS BLOB) FROM audit a WHERE seq > ?1 ORDER BY seq LIMIT ?2
-- name: audit_of
SELECT seq, CAST(entry AS BLOB), CAST((SELECT hash FROM audit q WHERE q.seq = a.seq - 1) AS BLOB), CAST(hash AS BLOB) FROM audit a
WHERE kind = ?1 AND key = ?2 AND key <> '' ORDER BY seq DESC LIMIT ?3
-- name: audit_extent
SELECT (SELECT count(*) FROM audit), coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0)

-- ------------------------------------------------------------------------------------------ a purge

-- name: overwrite_what_goes
PRAGMA secure_delete = ON
-- name: no_cascades
PRAGMA foreign_keys = OFF
-- name: build_on_disk
PRAGMA temp_store = FILE
-- name: rebuild
VACUUM
-- name: empty_wal
PRAGMA wal_checkpoint(TRUNCATE)
-- name: tables
SELECT name FROM sqlite_master WHERE type = 'table' AND (name NOT LIKE 'sqlite\_%' ESCAPE '\' OR name LIKE 'sqlite\_stat%' ESCAPE '\') ORDER BY name
-- name: columns
SELECT name, "notnull" FROM pragma_table_info(?1) WHERE pk = 0 ORDER BY cid
-- name: guards
SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1 ORDER BY name
-- name: count_of
SELECT count(*) FROM $table
-- name: empty
DELETE FROM $table
-- name: bare_columns
-- By portions: SQLite holds what one statement overwrites in memory.
UPDATE $table SET $columns WHERE rowid > $after AND rowid <= $after + $portion
-- name: last_row
SELECT coalesce(max(rowid), 0) FROM $table
-- name: drop_guard
DROP TRIGGER $guard
-- name: make_guard
$sql
-- name: audit_purged
SELECT count(*) FILTER (WHERE entry ->> '$.purged'), coalesce(max(seq) FILTER (WHERE entry ->> '$.action' = 'purge.sealed'), 0)
FROM (SELECT seq, CASE WHEN json_valid(entry) THEN entry ELSE '{}' END AS entry FROM audit)
-- name: bare_audit
UPDATE audit SET entry = ?2 WHERE seq = ?1
