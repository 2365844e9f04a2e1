"""What admins have before them.

admin (what only they may do) and reindexing (one at a time, followed by whoever looks), schedule (reindexes by the
clock), bulletin (/status), insight (/stats, /gaps, /export) of stats and chart, gaps, export; invitations (/invite),
roll (/people, /block)
"""
