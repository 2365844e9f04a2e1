"""One story in several outlets.

copies (found in a draft) by shingles, groups (of one revision; what was read of articles: held)
"""
