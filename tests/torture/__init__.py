"""A schema that does everything to an executor, and operations that ask it for everything."""

import pytest

pytest.register_assert_rewrite("tests.torture.agreement", "tests.torture.executing")
