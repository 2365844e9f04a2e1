"""What the library holds, in a database.

ledger, draft (a revision in the making), tables; all on database (SQLite or PostgreSQL), together (shared commits),
writer (one at a time, on PostgreSQL)
"""
