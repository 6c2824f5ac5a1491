import pytest
from support.codegen.projects import Project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
