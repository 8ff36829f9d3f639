"""What tests share: real parts on free ports, and guards against what a test might leave behind."""

import pytest

# Cases that several modules of tests import: a failed assertion there tells its values too.
pytest.register_assert_rewrite("tests.support.pipeline_cases")
