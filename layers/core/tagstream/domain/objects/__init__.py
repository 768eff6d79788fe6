"""The Kubernetes objects of image automation: documents in, values out."""
