-- What is asked about some records is found by them: a queue of many thousands was looked through for each page of records.
CREATE INDEX item_about ON item (kind, COALESCE(details ->> '$.now', key));
