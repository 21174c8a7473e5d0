"""The house of systems in memory, as the resolvers' tests have it."""

from tests.resolvers.conftest import house, standing_house

__all__ = ["house", "standing_house"]
