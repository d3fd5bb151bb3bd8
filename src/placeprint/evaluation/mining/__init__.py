"""Hard negatives and confusable places."""
