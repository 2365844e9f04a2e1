"""What the bot keeps in its database, each in tables of its own.

tables (what they share), inbox (updates, until they are answered), journal (answers, and what people thought of them)
of kept (an answer, and all its buttons need), people (who may use the bot), offers (articles before somebody agrees),
watchlist (what people watch) with news (what is new to them)
"""
