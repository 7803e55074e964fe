"""What counts as a mark, told as the exam tells it."""
