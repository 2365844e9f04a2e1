"""The reading room: the command line and the Telegram bot. Knows nothing of Chroma or tantivy."""
