-- Version 2 of the state: whole backup sets, retention and pins.
ALTER TABLE objects ADD COLUMN facts TEXT;
CREATE TABLE sets (
    company_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    directory TEXT NOT NULL,
    name TEXT NOT NULL,
    backup_type TEXT NOT NULL,
    created TEXT,
    stored_at TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT,
    verified_at TEXT,
    tested_at TEXT,
    test_verdict TEXT,
    PRIMARY KEY (company_id, provider, directory, name)
);
INSERT INTO sets
    SELECT company_id, provider, directory, name,
        CASE
            WHEN name LIKE 'db_backup%' OR name LIKE '%.db' THEN 'database'
            WHEN name LIKE 'storage_backup%' THEN 'storage'
            ELSE 'full'
        END,
        NULL, stored_at, size, sha256, verified_at, NULL, NULL
    FROM objects WHERE NOT is_sidecar AND name NOT LIKE '%.json' AND name NOT GLOB '*.part[0-9][0-9][0-9]*';
-- What sidecars and manifests say was not recorded: they are read anew. Those of full and
-- split backups went as files of their own.
DELETE FROM objects WHERE is_sidecar OR name LIKE '%.json';
CREATE TABLE policies (
    company_id TEXT NOT NULL,
    backup_type TEXT NOT NULL,
    policy TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (company_id, backup_type)
);
CREATE TABLE pins (
    company_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    directory TEXT NOT NULL,
    name TEXT NOT NULL,
    pinned_at TEXT NOT NULL,
    PRIMARY KEY (company_id, provider, directory, name)
);
