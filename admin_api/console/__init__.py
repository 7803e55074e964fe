"""The console: the office's desks in the browser, and the same as an API."""
