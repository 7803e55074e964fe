"""The rehearsal (演练): a whole simulated sitting, through the office from files to a release."""
