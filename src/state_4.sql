-- Version 4 of the state: how far an upload came that can be resumed, and the digest of what went so far.
ALTER TABLE uploads ADD COLUMN taken INTEGER;
ALTER TABLE uploads ADD COLUMN taken_sha256 TEXT;
