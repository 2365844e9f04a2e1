"""Looking around without a question.

reading (/latest, /article, /sources), pages (articles cut into pages), personal (what is kept of a person: /forget,
/privacy)
"""
