import pytest
from codegen_support.projects import Project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
