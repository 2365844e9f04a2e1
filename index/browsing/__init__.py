"""Looking around without a question.

catalogue (articles, outlets, since when), shelfmark (a short name for each), examples (what to ask), alike (questions
that are one)
"""
