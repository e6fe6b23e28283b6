-- Verdicts by field are counted as they come: one account has as many shapes as people, and they were summed up anew each second.
CREATE TRIGGER shape_counted AFTER UPDATE OF links ON shape WHEN NEW.links IS NOT OLD.links BEGIN
  INSERT INTO tally SELECT 'check', NEW.dest_kind, v.key, v.value, NEW.links - OLD.links FROM json_each(NEW.verdicts) v WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
INSERT INTO tally
SELECT 'check', s.dest_kind, v.key, v.value, sum(s.links) FROM shape s CROSS JOIN json_each(s.verdicts) v
WHERE s.links > 0 GROUP BY s.dest_kind, v.key, v.value;
-- A record that turns out to be another one goes up in it.
CREATE TRIGGER record_dropped AFTER DELETE ON record BEGIN
  UPDATE tally SET n = n - 1 WHERE scope = 'record' AND a = OLD.kind AND b = OLD.state AND c = OLD.disposition;
END;
