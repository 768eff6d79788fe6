"""What kustomize builds of small repositories, recorded."""
