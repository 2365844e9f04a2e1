"""The Library: articles in, cited answers out. Synchronous; knows nothing of Telegram.

Where to look:

the door              library; the nouns: records; what can go wrong: errors
from the web          fetch → robots, courtesy (how politely), guard (whom), request, unpack, mime → webpage
from other sources    gather: feed, sitemap, weblinks → holdings; by hand: acquire
all of it             collection (folders, holdings)
articles come in      sources, survey, read → extract, language → chunk, sentences → build (how far it is: progress);
                      one story in several outlets: copies by shingles, groups (held: what was read)
formats               extract_html, extract_markdown, extract_pdf (its lines → typeset), extract_docx and extract_epub
                      (on archive), extract_eml; each gives what block holds; decode (bytes into letters)
the truth             ledger, tables, draft on database (together: shared commits); who may write: lock, writer, turn
reading safely        parsers (a few processes), parsing (what one does) in what confine leaves it; what they say to
                      each other: parcel; started as every child of ours; read goes on ahead of them
models                embed (what it read lately: known), rerank on model, load, shelf; compile, compiled, subject;
                      reference, weights
segments              tiers (which), worker → make (built in a child), vectors in store, lexicon (its words: analyse),
                      words, seal, audit
serving               served, snapshot, replica (in step with other machines)
a question            followup, when, parts → retrieve, within, fuse → respond → answer, kinds, judge → compose, retell
looking around        catalogue (articles, outlets, since when), shelfmark (a short name for each),
                      examples (what to ask), alike (questions that are one)
how good it is        evaluate, calibrate, risk
copies                backup, restore
"""

import os

# Before either is imported: onnxruntime would collect what it is used for in the home directory, for its makers, and
# the Hugging Face client would tell its own.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
