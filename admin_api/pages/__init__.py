"""What every page of ours needs: the scripts that set-up fetched, and words in two languages."""
