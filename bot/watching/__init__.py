"""Questions that people watch.

watches (/watch, /watches), lookout (compares after each reindex, and writes)
"""
