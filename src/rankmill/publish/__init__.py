"""A dataset folder to the hub: the gate that it must pass, and the way there.

Recipes hold a `Gate`, so nothing heavier than its spec may be imported here.
"""

from rankmill.publish.spec import Gate

__all__ = ["Gate"]
