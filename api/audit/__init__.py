"""Who asked for what over HTTP, for the audit trail; and the trail for those who may read it."""
