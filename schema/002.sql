-- Version 2: a checksum beside each row, so that a digit that flipped on disk is found at the next start and never
-- served. NULL in rows of version 1 and in those that people write by hand: these are taken as they are.
-- It covers kind, key, seq or version, at and record: src/store/sqlite/checksum.hpp.
-- Kind 3 has joined kinds 1 and 2: a secret of the server's own.

ALTER TABLE log ADD COLUMN checksum INTEGER;
ALTER TABLE snapshot ADD COLUMN checksum INTEGER;
