-- Version 3 of the state: a name may have several unfinished uploads, and each knows where its source lies.
ALTER TABLE uploads RENAME TO uploads_2;
CREATE TABLE uploads (
    company_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    directory TEXT NOT NULL,
    handle TEXT NOT NULL,
    name TEXT NOT NULL,
    session TEXT NOT NULL,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    sent_at TEXT,
    PRIMARY KEY (company_id, provider, directory, handle)
);
INSERT INTO uploads
    SELECT company_id, provider, directory, json_extract(session, '$.handle'), name, session, source, '', begun_at, NULL
    FROM uploads_2 WHERE json_extract(session, '$.handle') IS NOT NULL;
DROP TABLE uploads_2;
