"""The edges: the only rooms that import boto3, requests, dulwich or the clock."""
