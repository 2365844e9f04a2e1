"""The Library: articles in, cited answers out. Synchronous; knows nothing of Telegram.

Where to look, each package telling the rest; one knows of those below it alone:

the door              library; the nouns: records; what can go wrong: errors; how far it is: progress
how good it is        quality (a set of questions, a judge of one's own)
copies                rescue (backup, restore)
a question            asking (understood, searched, answered)
articles come in      building (a new revision) from articles (folders, the web, by hand)
looking around        browsing
serving               segments (vectors and words to be searched)
one story             stories (in several outlets)
the truth             truth (the ledger, in a database)
models                models (embed, rerank, what runs them)
reading safely        reading (processes that can do little)
from the web          web (fetched politely; feeds, sitemaps)
formats               formats (bytes into an Article)
text                  text (sentences, passages, words)
the machine           system (processes, locks)
"""

import os

# Before either is imported: onnxruntime would collect what it is used for in the home directory, for its makers, and
# the Hugging Face client would tell its own.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
