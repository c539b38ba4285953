-- Version 1. Muster opens only what carries its application id; every text below is compared byte by byte.
-- The log is the record of all that was ever committed and not yet trimmed: one row a change, each with the whole new
-- state of its key. The snapshot holds what of the trimmed part is still the newest of its key. See docs/store.md.

PRAGMA application_id = 0x4D757374;  -- "Must"

CREATE TABLE log (
    seq      INTEGER PRIMARY KEY,  -- the version of the change: one rising list, never used twice
    at       INTEGER NOT NULL,     -- milliseconds since 1970-01-01T00:00:00Z
    cause    INTEGER NOT NULL,     -- 1 registered 2 unregistered 3 expired 4 evicted 5 admin 6 account 7 account removed 8 flow lost
    kind     INTEGER NOT NULL,     -- 1 bindings of an AOR, 2 an account
    key      TEXT NOT NULL,        -- the canonical AOR
    previous INTEGER NOT NULL,     -- the version this change was decided on, 0 if there was none
    record   TEXT NOT NULL         -- the new state, empty if the key is gone; its format: docs/location.md
) STRICT;

CREATE TABLE snapshot (
    kind    INTEGER NOT NULL,
    key     TEXT NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    record  TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- The newest state of every key, with account records: for people who may read password hashes.
-- (A bare column beside max() is taken from the row that has the maximum.)
CREATE VIEW state AS
SELECT kind, key, max(version) AS version, at, record
FROM (SELECT kind, key, version, at, record FROM snapshot UNION ALL SELECT kind, key, seq, at, record FROM log)
GROUP BY kind, key
HAVING record <> '';

-- One row a binding. The text of a record becomes a JSON array of arrays: a backslash is set aside as 0x1C, which no
-- record contains, so that every \u001e and \u001f in the quoted text is a separator. A value that holds one of the
-- bytes 0x00 and 0x1C to 0x1F is shown with its escape. A flow is a list too, with ";" between: transport, local
-- address, scope, remote address and more.
CREATE VIEW bindings AS
SELECT aor,
       fields ->> 6 AS contact,
       CASE fields ->> 0 WHEN '-' THEN NULL
            ELSE (at + (fields ->> 0) - unixepoch() * 1000 + 999) / 1000 END AS expires,  -- seconds; below 1: ran out
       CASE fields ->> 2 WHEN '' THEN NULL ELSE (fields ->> 2) / 1000.0 END AS q,
       fields ->> 8 AS call_id,
       CAST(fields ->> 3 AS INTEGER) AS cseq,
       fields ->> 11 AS user_agent,
       (flow ->> 0) || ':' || (flow ->> 3) AS source,
       fields ->> 10 AS path,
       fields ->> 9 AS instance,
       CAST(fields ->> 4 AS INTEGER) AS reg_id,
       fields ->> 7 AS params,
       CAST(fields ->> 1 AS INTEGER) AS granted,
       datetime((at - (fields ->> 5)) / 1000, 'unixepoch') AS updated,
       version
FROM (SELECT s.key AS aor, s.version AS version, s.at AS at, b.value AS fields,
             '[' || replace(json_quote(b.value ->> 12), ';', '","') || ']' AS flow
      FROM state AS s,
           json_each('[[' || replace(replace(replace(json_quote(replace(s.record, '\', char(28))),
                                     '\u001e', '"],["'), '\u001f', '","'), '\u001c', '\\') || ']]') AS b
      WHERE s.kind = 1 AND b.key > 0);

-- What happened, newest first: changes whose row is not yet trimmed.
CREATE VIEW history AS
SELECT seq AS version,
       datetime(at / 1000, 'unixepoch') AS at,
       CASE cause WHEN 1 THEN 'registered' WHEN 2 THEN 'unregistered' WHEN 3 THEN 'expired' WHEN 4 THEN 'evicted'
                  WHEN 5 THEN 'admin' WHEN 6 THEN 'account' WHEN 7 THEN 'account-removed' WHEN 8 THEN 'flow-lost'
                  ELSE cause END AS cause,
       key AS aor,
       CASE kind WHEN 1 THEN length(record) - length(replace(record, char(30), '')) END AS bindings,
       NULLIF(previous, 0) AS previous
FROM log
ORDER BY seq DESC;
