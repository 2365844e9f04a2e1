"""What is asked for candidates: derived from the ledger, and made anew without the model.

tiers (which segments a revision has), worker → make (in a process of its own), vectors in store, words → lexicon,
audit; opened: snapshot, served (the current one), replica (in step with other machines); of one period: within
"""
