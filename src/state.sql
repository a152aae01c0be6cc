-- Version 1 of the state. Later versions get files of their own: this one is never changed once released.
PRAGMA application_id = 1447117395;
CREATE TABLE history (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    at TEXT NOT NULL,
    event TEXT NOT NULL,
    operation TEXT NOT NULL,
    company_id TEXT,
    company_name TEXT,
    provider TEXT,
    target TEXT,
    verdict TEXT,
    code TEXT,
    detail TEXT,
    bytes TEXT,
    actor TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX history_run ON history (run);
CREATE INDEX history_company ON history (company_id, seq);
CREATE TRIGGER history_keeps_rows BEFORE DELETE ON history
    BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_keeps_values BEFORE UPDATE ON history
    BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TABLE history_head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
INSERT INTO history_head VALUES (1, 0, '');
CREATE TABLE running (run TEXT PRIMARY KEY, lock TEXT NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE objects (
    company_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    directory TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    version TEXT NOT NULL,
    source TEXT,
    is_sidecar INTEGER NOT NULL,
    stored_at TEXT NOT NULL,
    verified_at TEXT,
    PRIMARY KEY (company_id, provider, directory, name)
);
CREATE TABLE uploads (
    company_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    directory TEXT NOT NULL,
    name TEXT NOT NULL,
    session TEXT NOT NULL,
    source TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    PRIMARY KEY (company_id, provider, directory, name)
);
CREATE TABLE downloads (
    target TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    begun_at TEXT NOT NULL
);
CREATE TABLE storages (key TEXT PRIMARY KEY, identity TEXT NOT NULL, claimed_at TEXT NOT NULL);
