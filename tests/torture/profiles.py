"""How many examples Hypothesis tries: `ci` is what every run does, `long` is for a night.

Importing this registers both and chooses `ci`; `--hypothesis-profile=long` chooses the other. A
test of `tests/test_differential.py` multiplies a profile's number by its own share.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

CI = "ci"
LONG = "long"

_SUPPRESSED = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.function_scoped_fixture,
)

settings.register_profile(
    CI,
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=_SUPPRESSED,
)
settings.register_profile(
    LONG,
    max_examples=4_000,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=_SUPPRESSED,
)
settings.load_profile(CI)


def share(of_profile: float) -> Callable[[Any], Any]:
    """As many examples as that share of the profile's number."""
    return settings(max_examples=max(1, round(settings().max_examples * of_profile)))
