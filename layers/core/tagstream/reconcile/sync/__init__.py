"""Stage sync: brings the stored objects of Kustomizations in line with Git."""
