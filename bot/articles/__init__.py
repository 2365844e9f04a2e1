"""Articles by hand.

adding (/add, files, what is forwarded: forwarded) keeps offers until somebody agrees; removing (/remove)
"""
