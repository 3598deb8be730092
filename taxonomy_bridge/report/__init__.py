"""Pages: one self-contained HTML file each, readable without a script and without a network."""
