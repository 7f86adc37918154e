-- Runs of agents: the event log, the ledger of calls, the inbox.
-- Each "-- version N" section takes a store from N-1 to N, in one transaction; `meta` says how far.
-- Only standard column types, so that another database can read it (drop WITHOUT ROWID there).

-- version 1
CREATE TABLE runs (
    id          TEXT PRIMARY KEY,
    agent       TEXT NOT NULL,
    task        TEXT NOT NULL,              -- for listings; the whole input stands in `input`
    input       TEXT NOT NULL,              -- JSON
    seed        BIGINT NOT NULL,
    recipe      TEXT NOT NULL,              -- JSON: how to make the agent and its parts again
    graph       TEXT NOT NULL,              -- JSON: nodes and edges that it last ran with
    budget      TEXT NOT NULL,              -- JSON
    parent      TEXT,                       -- forked from this run …
    parent_step BIGINT,                     -- … after this step
    created     DOUBLE PRECISION NOT NULL,
    changed     DOUBLE PRECISION NOT NULL,
    status      TEXT NOT NULL,              -- created running waiting paused failed cancelled done
    note        TEXT NOT NULL,              -- why it has that status, for people
    result      TEXT,                       -- JSON: the agent's output, once done
    control     TEXT NOT NULL,              -- what somebody asked of its owner: '' pause cancel
    owner       TEXT NOT NULL,              -- lease: who drives it, …
    epoch       BIGINT NOT NULL,            -- … raised at each take, checked by each write, …
    until       DOUBLE PRECISION NOT NULL   -- … and when it lapses (seconds since 1970)
);
CREATE INDEX runs_created ON runs (created);

CREATE TABLE events (
    run      TEXT NOT NULL,
    seq      BIGINT NOT NULL,               -- 1, 2, 3 … within the run
    time     DOUBLE PRECISION NOT NULL,
    kind     TEXT NOT NULL,
    position TEXT NOT NULL,                 -- the node visit it belongs to, '' for the run itself
    call     BIGINT,                        -- index of the call in that visit
    version  BIGINT NOT NULL,
    data     TEXT NOT NULL,                 -- JSON
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE ledger (
    run      TEXT NOT NULL,
    position TEXT NOT NULL,
    call     BIGINT NOT NULL,               -- -1: the visit itself
    kind     TEXT NOT NULL,
    effect   TEXT NOT NULL,
    args     TEXT NOT NULL,                 -- hash of the arguments
    tries    BIGINT NOT NULL,
    seq      BIGINT NOT NULL,               -- last event of the run when the call was first made
    result   TEXT,                          -- JSON; NULL: intended, not known to have happened
    PRIMARY KEY (run, position, call)
) WITHOUT ROWID;

CREATE TABLE inbox (
    run     TEXT NOT NULL,
    id      TEXT NOT NULL,
    number  BIGINT NOT NULL,                -- order of arrival
    author  TEXT NOT NULL,
    text    TEXT NOT NULL,
    data    TEXT NOT NULL,                  -- JSON
    sent    DOUBLE PRECISION NOT NULL,
    state   TEXT NOT NULL,                  -- waiting handled late withdrawn
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE artifacts (
    run        TEXT NOT NULL,
    name       TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    sha256     TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size       BIGINT NOT NULL,
    PRIMARY KEY (run, name, seq)
) WITHOUT ROWID;
