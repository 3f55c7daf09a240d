"""LooksLikeWho ranks the people of a gallery by how much they look like the face in a photo.

A photo takes one direction: ``photo`` → ``faces`` → ``embedding`` → ``search`` → ``similarity`` → ranking.
:class:`pipeline.lookalikes.Lookalikes` is the entry point to all of it. Importing this package is cheap: TensorFlow,
faiss and pyarrow are imported on first use.
"""

__version__ = "0.1.0"
