"""Keys, marks, scores, pass lines and rolling."""
