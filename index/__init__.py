"""The Library: articles in, cited answers out. Synchronous; knows nothing of Telegram."""
