"""Models that embed and rerank, and what runs them.

embed (what it read lately: known), rerank; both on model (what any can do), load (at first use) and shelf (keeps
compiled ones); compile (from torch, in a process of its own; what it has to know of a kind: subject), compiled (runs
without torch); reference (runs by torch), weights (the files)
"""
