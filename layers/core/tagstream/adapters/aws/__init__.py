"""Queue, secrets, logs and telemetry on AWS."""
