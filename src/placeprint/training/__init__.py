"""Fine-tuning: labelled photos to a model of one's own, tested against its base on places held out."""
