-- The ledger's tables, as of the present version (files.py says which); migrations/ brings older files here.
-- Sums that people look at often are kept by triggers, so that no path of writing can forget them.

CREATE TABLE book (                     -- one row: what the file as a whole knows
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  epoch    INTEGER NOT NULL,            -- openings for writing so far
  number   INTEGER NOT NULL,            -- last change number handed out
  made_at  TEXT NOT NULL
);

CREATE TABLE tally (                    -- maintained counts: scope is 'record', 'link', 'check', 'intent' or 'item'
  scope TEXT NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (scope, a, b, c)
) WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------ staged records

CREATE TABLE record (                   -- narrow on purpose: states change often, payloads seldom
  id          INTEGER PRIMARY KEY,      -- order of first staging
  kind        TEXT NOT NULL,
  key         TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  digest      TEXT NOT NULL,
  parent      TEXT,
  changed_at  TEXT,
  state       TEXT NOT NULL,
  disposition TEXT NOT NULL DEFAULT '',
  reason      TEXT NOT NULL DEFAULT '',
  waiting_on  TEXT NOT NULL DEFAULT '',
  missing     INTEGER NOT NULL DEFAULT 0,
  touched     INTEGER NOT NULL,         -- number of the staging that saw it last
  first_seen  TEXT NOT NULL,
  last_seen   TEXT NOT NULL,
  ground      TEXT NOT NULL DEFAULT ''  -- what decisions stand on; a reason is for people alone
);
CREATE UNIQUE INDEX record_key ON record (kind, key);
CREATE INDEX record_order ON record (kind, id);
CREATE INDEX record_pending ON record (kind, seq) WHERE state = 'pending';
CREATE INDEX record_parked ON record (waiting_on) WHERE state = 'parked';
CREATE INDEX record_parent ON record (kind, parent) WHERE parent IS NOT NULL;

CREATE TABLE payload (
  id   INTEGER PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
  data TEXT NOT NULL
);

CREATE TABLE scan (name TEXT PRIMARY KEY, started INTEGER NOT NULL) WITHOUT ROWID;   -- started: number of its first staging
CREATE TABLE wake (thing TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;      -- when a "kind:key" was last called out

CREATE TRIGGER record_added AFTER INSERT ON record BEGIN
  INSERT INTO tally VALUES ('record', NEW.kind, NEW.state, NEW.disposition, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER record_moved AFTER UPDATE OF state, disposition ON record
WHEN NEW.state IS NOT OLD.state OR NEW.disposition IS NOT OLD.disposition BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'record' AND a = OLD.kind AND b = OLD.state AND c = OLD.disposition;
  INSERT INTO tally VALUES ('record', NEW.kind, NEW.state, NEW.disposition, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER record_dropped AFTER DELETE ON record BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'record' AND a = OLD.kind AND b = OLD.state AND c = OLD.disposition;
END;

-- ------------------------------------------------------------------------------------------ crosswalk and verification

CREATE TABLE shape (                    -- which verdict each field of a link got; many links share one, unless their fields differ
  id INTEGER PRIMARY KEY, dest_kind TEXT NOT NULL, verdicts TEXT NOT NULL, links INTEGER NOT NULL DEFAULT 0,
  UNIQUE (dest_kind, verdicts)
);

CREATE TABLE link (
  id         INTEGER PRIMARY KEY,
  kind       TEXT NOT NULL,
  key        TEXT NOT NULL,
  part       TEXT NOT NULL,
  dest_kind  TEXT NOT NULL,
  dest_id    TEXT NOT NULL,
  base       TEXT NOT NULL,
  ours       INTEGER NOT NULL,
  before     TEXT,
  verified   TEXT NOT NULL,
  shape      INTEGER REFERENCES shape (id),
  phase      TEXT NOT NULL,
  written_at TEXT NOT NULL
);
CREATE UNIQUE INDEX link_ref ON link (kind, key, part);
CREATE INDEX link_dest ON link (dest_id);
CREATE INDEX link_unverified ON link (dest_kind, dest_id) WHERE verified = 'pending';
CREATE INDEX link_shape ON link (shape) WHERE shape IS NOT NULL;

CREATE TABLE finding (                  -- what was expected and found, for fields that differ or cannot be read
  link     INTEGER NOT NULL REFERENCES link (id) ON DELETE CASCADE,
  field    TEXT NOT NULL,
  expected TEXT NOT NULL,
  actual   TEXT NOT NULL,
  PRIMARY KEY (link, field)
) WITHOUT ROWID;

CREATE TRIGGER shape_counted AFTER UPDATE OF links ON shape WHEN NEW.links IS NOT OLD.links BEGIN
  INSERT INTO tally SELECT 'check', NEW.dest_kind, v.key, v.value, NEW.links - OLD.links FROM json_each(NEW.verdicts) v WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
CREATE TRIGGER link_added AFTER INSERT ON link BEGIN
  INSERT INTO tally VALUES ('link', NEW.kind, NEW.dest_kind, NEW.verified, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER link_moved AFTER UPDATE OF dest_kind, verified ON link
WHEN NEW.verified IS NOT OLD.verified OR NEW.dest_kind IS NOT OLD.dest_kind BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'link' AND a = OLD.kind AND b = OLD.dest_kind AND c = OLD.verified;
  INSERT INTO tally VALUES ('link', NEW.kind, NEW.dest_kind, NEW.verified, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER link_reshaped AFTER UPDATE OF shape ON link WHEN NEW.shape IS NOT OLD.shape BEGIN
  UPDATE shape SET links = links - 1 WHERE id = OLD.shape;
  UPDATE shape SET links = links + 1 WHERE id = NEW.shape;
END;
CREATE TRIGGER link_forgot AFTER UPDATE OF shape ON link WHEN NEW.shape IS NULL AND OLD.shape IS NOT NULL BEGIN
  DELETE FROM finding WHERE link = OLD.id;
END;
CREATE TRIGGER link_dropped AFTER DELETE ON link BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'link' AND a = OLD.kind AND b = OLD.dest_kind AND c = OLD.verified;
  UPDATE shape SET links = links - 1 WHERE id = OLD.shape;
END;

-- ------------------------------------------------------------------------------------------ intents

CREATE TABLE intent (
  n           INTEGER PRIMARY KEY,      -- order of meaning
  id          TEXT NOT NULL,
  kind        TEXT NOT NULL,
  key         TEXT NOT NULL,
  part        TEXT NOT NULL,
  op          TEXT NOT NULL,
  dest_kind   TEXT NOT NULL,
  fields      TEXT NOT NULL,
  marker      TEXT NOT NULL,
  dest_id     TEXT,
  author      TEXT,
  seq         INTEGER NOT NULL,
  feed_cursor TEXT,
  state       TEXT NOT NULL,
  meant_at    TEXT NOT NULL,
  settled_at  TEXT NOT NULL,
  reason      TEXT NOT NULL,
  epoch       INTEGER NOT NULL,
  ending      TEXT NOT NULL DEFAULT '', -- what decisions stand on, as what follows
  unknown_since TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX intent_id ON intent (id);
CREATE INDEX intent_ref ON intent (kind, key);
CREATE INDEX intent_open ON intent (n) WHERE state IN ('meant', 'in_doubt');
-- A record is never created by two intents at once, not even while a person ponders over the first.
CREATE UNIQUE INDEX intent_one_create ON intent (kind, key, part)
  WHERE op = 'create' AND state IN ('meant', 'in_doubt', 'parked');

CREATE TRIGGER intent_added AFTER INSERT ON intent BEGIN
  INSERT INTO tally VALUES ('intent', NEW.state, '', '', 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER intent_moved AFTER UPDATE OF state ON intent WHEN NEW.state IS NOT OLD.state BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'intent' AND a = OLD.state AND b = '' AND c = '';
  INSERT INTO tally VALUES ('intent', NEW.state, '', '', 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;

-- ------------------------------------------------------------------------------------------ lookups

CREATE TABLE known (
  n INTEGER PRIMARY KEY, side TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, info TEXT NOT NULL,
  UNIQUE (side, kind, id)
);
CREATE TABLE lookup (
  kind TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
  known INTEGER NOT NULL REFERENCES known (n) ON DELETE CASCADE,
  PRIMARY KEY (kind, type, value, known)
) WITHOUT ROWID;
CREATE INDEX lookup_known ON lookup (known);

-- ------------------------------------------------------------------------------------------ queue, marks, settings

CREATE TABLE item (
  n           INTEGER PRIMARY KEY,      -- order of opening
  id          TEXT NOT NULL UNIQUE,
  cause       TEXT NOT NULL,
  kind        TEXT NOT NULL,
  key         TEXT NOT NULL,
  reason      TEXT NOT NULL,
  decisions   TEXT NOT NULL,
  suggested   TEXT NOT NULL,
  blocking    INTEGER NOT NULL,
  state       TEXT NOT NULL,
  decision    TEXT NOT NULL,
  details     TEXT NOT NULL,
  opened_at   TEXT NOT NULL,
  resolved_at TEXT NOT NULL,
  resolved_by TEXT NOT NULL
);
CREATE INDEX item_about ON item (kind, COALESCE(details ->> '$.now', key));    -- by the key that the record has now

CREATE TRIGGER item_asked AFTER INSERT ON item BEGIN
  INSERT INTO tally VALUES ('item', NEW.state, NEW.cause, CAST(NEW.blocking AS TEXT), 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER item_moved AFTER UPDATE OF state, blocking ON item
WHEN NEW.state IS NOT OLD.state OR NEW.blocking IS NOT OLD.blocking BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'item' AND a = OLD.state AND b = OLD.cause AND c = CAST(OLD.blocking AS TEXT);
  INSERT INTO tally VALUES ('item', NEW.state, NEW.cause, CAST(NEW.blocking AS TEXT), 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TABLE mark (name TEXT PRIMARY KEY, cursor TEXT NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------ audit

-- AUTOINCREMENT remembers the highest number ever given, so that a cut tail is noticed too.
CREATE TABLE audit (
  seq   INTEGER PRIMARY KEY AUTOINCREMENT,
  entry TEXT NOT NULL,                  -- the very text that was hashed
  hash  TEXT NOT NULL,
  kind  TEXT GENERATED ALWAYS AS (entry ->> '$.kind') VIRTUAL,
  key   TEXT GENERATED ALWAYS AS (entry ->> '$.key') VIRTUAL
);
CREATE INDEX audit_ref ON audit (kind, key) WHERE key <> '';
CREATE TRIGGER audit_kept BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
CREATE TRIGGER audit_whole BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END;
