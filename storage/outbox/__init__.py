"""What everything that is tried until it works has in common: leases and retry policies.

Jobs, deliveries, webhook notices, HL7 messages, storage commitment reports and shadow runs
are rows of tables of their own. Each is claimed under a lease (`leases`) and, after a failure,
tried again as the policy of its kind says (`retry`).
"""
