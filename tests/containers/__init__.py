"""The pipeline and its crashes on containers, whenever a Docker daemon answers and has the images."""
