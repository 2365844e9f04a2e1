"""The reading room: the command line and the Telegram bot. Knows nothing of Chroma or tantivy.

Where to look, each package telling the rest; one knows of those below it alone:

the command line      cli → terminal (its commands, what they print)
the bot, as a whole   app (composition), handlers (their table), lifecycle (begins, is watched, ends)
before every handler  door (who may use it, and how much)
a question is watched watching (/watch, /watches; what is found later)
articles by hand      articles (/add, /remove, files, what is forwarded)
looking around        browsing (/latest, /article, /sources; what is kept of a person)
a question            asking (in private, in groups, inline; /start, /help)
an admin's desk       desk (/reindex, /status, /stats, /gaps, /export, /invite, /people)
who may ask           access (private chats, groups)
what is shown         showing (evidence, buttons)
an update comes in    receiving (polled or a webhook, then in turn)
a reply goes out      sending (once, no faster than Telegram allows)
what is kept          store (a table each)
how it is written     text (messages, links)
the process           running (threads, memory, metrics)
beside all of it      words (everything people read, in their language)
"""
