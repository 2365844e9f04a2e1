"""The commands of the command line, but for asking.

indexing (index, rollback, watch: watch), collecting (add, remove, sources), operating (backup, restore, doctor: doctor,
which asks Telegram by reach); what they print: screen, as_json
"""
