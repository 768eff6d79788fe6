"""From new entries of the ledger to notifications and events."""
