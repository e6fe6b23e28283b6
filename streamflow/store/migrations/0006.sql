-- The age of what waits for the outcome of a write counts for the lag that is told: the oldest of them is found by this.
CREATE INDEX record_unsettled ON record (kind, seq) WHERE state = 'parked' AND disposition = '';
