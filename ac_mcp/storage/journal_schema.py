"""The tables of the journal: intents, keyed answers, changes with their writes, offers, jobs with their items."""

VERSION = 1
"""Major version of these tables (PRAGMA user_version). A program leaves a file of a later major version alone.

Changes of the tables only add columns and tables, so that an older program of the same major version goes on with the
file: no statement names columns by `*` or by their place, and a new column has a default. Only a change that an older
program could not live with raises the number.
"""
SCHEMA = """
CREATE TABLE IF NOT EXISTS intent (
    id INTEGER PRIMARY KEY, request TEXT NOT NULL, call TEXT NOT NULL, kind TEXT NOT NULL, known TEXT NOT NULL,
    at REAL NOT NULL, lands_by REAL NOT NULL, state TEXT NOT NULL, made TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS same_request ON intent (request);
CREATE INDEX IF NOT EXISTS same_kind ON intent (kind);
CREATE TABLE IF NOT EXISTS keyed (
    key TEXT PRIMARY KEY, call TEXT NOT NULL, began REAL NOT NULL, answer TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, whose TEXT NOT NULL, at REAL NOT NULL,
    tool TEXT NOT NULL, arguments TEXT NOT NULL, actor TEXT NOT NULL, account TEXT NOT NULL, undoes INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS change_of ON change (whose, id);
CREATE TABLE IF NOT EXISTS write (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, change INTEGER NOT NULL, step TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, body TEXT, before TEXT, reply TEXT, at REAL NOT NULL, state TEXT NOT NULL,
    status INTEGER NOT NULL, request_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS write_of ON write (change, id);
CREATE TABLE IF NOT EXISTS offer (
    token TEXT PRIMARY KEY, whose TEXT NOT NULL, tool TEXT NOT NULL, arguments TEXT NOT NULL, seen TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resolved_call (
    token TEXT PRIMARY KEY, arguments TEXT, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS job (
    change INTEGER PRIMARY KEY, plan TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL, total INTEGER NOT NULL,
    most INTEGER NOT NULL, collected INTEGER NOT NULL, cursor INTEGER NOT NULL, runner TEXT NOT NULL,
    heard REAL NOT NULL, seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS item (
    job INTEGER NOT NULL, n INTEGER NOT NULL, step INTEGER NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
    word TEXT NOT NULL, reason TEXT NOT NULL, kept TEXT, PRIMARY KEY (job, n)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS item_state ON item (job, state, n);
CREATE TABLE IF NOT EXISTS account_fact (
    account TEXT NOT NULL, question TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (account, question)
) WITHOUT ROWID;
"""
