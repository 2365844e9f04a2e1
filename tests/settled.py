"""Imported last by the process from which others are forked: they leave alone, and so share, what it has imported.

Where one of them counts its garbage it would write to each of 200,000 objects: 0.18 seconds of copying memory.
"""

import gc

gc.collect()
gc.freeze()
