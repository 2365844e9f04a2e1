"""Articles anyone can start with, the guide to Footnote among them, and gold questions about them. Data only."""
