"""Stage receive: deliveries become requests for scans."""
