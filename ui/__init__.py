"""The studio: a page over one engine. It imports neither torch nor models.

Entry point: `studio.build_studio(engine)`. The core does not depend on this package.
"""
