"""What is asked of the operating system, for all others. Knows no article.

child (starts a process that runs a module of ours), lock (one process at a time), turn (who answers goes before who
reindexes), seal (whether files are what was written)
"""
