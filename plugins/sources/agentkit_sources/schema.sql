CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    file_sha256 TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    sha256 TEXT NOT NULL,          -- of text as UTF-8
    media_type TEXT NOT NULL,
    notes TEXT NOT NULL            -- one a line
);
CREATE TABLE IF NOT EXISTS skipped (             -- files that cannot be read, so that they are not tried again
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: tokens and vectors are kept by it
    document INTEGER NOT NULL REFERENCES documents(id),
    start INTEGER NOT NULL,        -- byte offsets into documents.text
    "end" INTEGER NOT NULL,
    heading TEXT NOT NULL,         -- JSON list
    page INTEGER,
    anchor TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS chunks_of_document ON chunks(document);
-- Contentless: the words are in documents.text already.
CREATE VIRTUAL TABLE IF NOT EXISTS passages
    USING fts5(title, heading, body, content='', tokenize='porter unicode61');
-- What vectors are made from, and which model's they are (facts "tokens" and "embeddings").
CREATE TABLE IF NOT EXISTS tokens (
    chunk INTEGER PRIMARY KEY,
    ids BLOB NOT NULL              -- uint32, little-endian
);
CREATE TABLE IF NOT EXISTS embeddings (
    chunk INTEGER PRIMARY KEY,
    vector BLOB NOT NULL           -- float32, little-endian
);
CREATE TABLE IF NOT EXISTS facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL            -- "generation": another one after every change of chunks
);
