"""The contract that every connector passes, against the real system that it reads."""

import pytest

pytest.register_assert_rewrite("tests.contract.suite")
