"""The reading room: the command line and the Telegram bot. Knows nothing of Chroma or tantivy.

Where to look:

the command line      cli → indexing, watch, collecting, operating, doctor, reach; what it prints: terminal, as_json
the bot, as a whole   app (composition), handlers (their table), lifecycle (begins, is watched, ends; heap)
an update comes in    poll, or web on listen → inbox (stored) → dispatch (taken in turn) → attempt → door (limits)
who may ask           gate → people (stored); arrivals (in groups), invitations, roll (/people)
and is handled        questions → answers (what becomes of one), commands, suggest, reading (articles, cut into pages),
                      personal (what is kept of a person), admin, reindexing, schedule
articles by hand      adding (/add, files, forwarded) keeps offers, removing
a question is watched watches (commands, buttons), lookout (compares, writes) → news, watchlist
outside private chats mention (what is meant for the bot) → groups; inline (what is typed) → results
what is kept          journal (answers, what people thought of them) of kept, in tables
what an answer shows  evidence (a passage, the reasons), buttons, fragment (links to the very sentence)
an admin's desk       bulletin; desk → stats and chart, gaps, export
a reply goes out      render (words into messages), say (one function sends), notice (edited while it goes on), pace,
                      wire (HTTP)
beside all of it      words (everything people read, in their language; threads keep it), metrics
"""
