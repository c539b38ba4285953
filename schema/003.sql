-- Version 3: a damaged row is set aside, and only its key is lost. `origin` is a checksum of kind, key and seq (version)
-- alone: when it is right, a wrong `checksum` says that this state of this key is damaged, and nothing else is. NULL in
-- rows of earlier versions and in those that people write by hand. src/store/sqlite/checksum.hpp.
-- Kind 4 has joined: a part of an import of accounts that does not count yet.

ALTER TABLE log ADD COLUMN origin INTEGER;
ALTER TABLE snapshot ADD COLUMN origin INTEGER;

DROP VIEW history;
CREATE VIEW history AS
SELECT seq AS version,
       datetime(at / 1000, 'unixepoch') AS at,
       CASE cause WHEN 1 THEN 'registered' WHEN 2 THEN 'unregistered' WHEN 3 THEN 'expired' WHEN 4 THEN 'evicted'
                  WHEN 5 THEN 'admin' WHEN 6 THEN 'account' WHEN 7 THEN 'account-removed' WHEN 8 THEN 'flow-lost'
                  WHEN 9 THEN 'damaged' ELSE cause END AS cause,
       key AS aor,
       CASE kind WHEN 1 THEN length(record) - length(replace(record, char(30), '')) END AS bindings,
       NULLIF(previous, 0) AS previous
FROM log
ORDER BY seq DESC;

-- Rows that were not what was written, as they were found, for people; nothing reads them. Delete them when done.
-- This table comes last: SQLite 3.40 looks for pages that nobody uses only when the youngest entry of a schema is no view.
CREATE TABLE quarantine (
    found_at INTEGER NOT NULL,  -- milliseconds since 1970-01-01T00:00:00Z
    reason   TEXT NOT NULL,     -- newest: its key has lost its state; overtaken: a later row of its key is good
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    key      TEXT NOT NULL,
    record   TEXT NOT NULL,
    checksum INTEGER
) STRICT;
