"""Bytes of a file into an Article.

extract (by its kind) → extract_html, extract_markdown, extract_pdf (its lines → typeset), extract_docx and extract_epub
(both on archive), extract_eml; each returns what block holds; decode (bytes into letters)
"""
