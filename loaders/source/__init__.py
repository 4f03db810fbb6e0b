"""The theatre system's database: where it is, how it is reached, and which tables it has.

    address      a URL of PostgreSQL, which is never shown with its password
    session      one connection through ADBC, whose every call ends in time, and errors in one line
    tables       the operational tables, as the contracts have them

`loaders/raw/source_db.py` writes it, `loaders/staging/extract.py` reads it.
"""
