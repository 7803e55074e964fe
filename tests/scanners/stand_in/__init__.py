"""A folder for PYTHONPATH: what lies here stands in for a library in a child process."""
