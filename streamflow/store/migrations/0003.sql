-- The queue is counted as it is asked and answered: a queue of many thousands was counted through at each look at the status.
CREATE TRIGGER item_asked AFTER INSERT ON item BEGIN
  INSERT INTO tally VALUES ('item', NEW.state, NEW.cause, CAST(NEW.blocking AS TEXT), 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER item_moved AFTER UPDATE OF state, blocking ON item
WHEN NEW.state IS NOT OLD.state OR NEW.blocking IS NOT OLD.blocking BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'item' AND a = OLD.state AND b = OLD.cause AND c = CAST(OLD.blocking AS TEXT);
  INSERT INTO tally VALUES ('item', NEW.state, NEW.cause, CAST(NEW.blocking AS TEXT), 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
INSERT INTO tally
SELECT 'item', state, cause, CAST(blocking AS TEXT), count(*) FROM item GROUP BY state, cause, blocking;
