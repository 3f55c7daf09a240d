"""LooksLikeWho: a photo in, the people of a gallery who look most alike out.

The way of a photo is one direction: ``photo.read`` → ``faces.detect`` → ``faces.crop`` →
``embedding`` → ``search`` → ``ranking``. The door to all of it is ``pipeline.lookalikes.Lookalikes``.
Importing this package is cheap: TensorFlow, faiss and pyarrow load where they are first used.
"""

__version__ = "0.1.0"
