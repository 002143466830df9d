"""Pictures of a result, for readers that show neither SEG nor SR."""
