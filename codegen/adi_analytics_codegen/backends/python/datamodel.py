"""The only module that calls datamodel-code-generator: JSON Schema in, the text of Python classes out.

What it writes differs between releases, so pyproject.toml pins it. It decides classes, fields and types; the templates
under ``templates/python/datamodel`` lay them out; what JSON Schema cannot say is passed to them separately.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from datamodel_code_generator import generate
from datamodel_code_generator.enums import DataModelType, InputFileType
from datamodel_code_generator.format import DatetimeClassType, PythonVersion

_TEMPLATES: Final = Path(__file__).parents[2] / "templates" / "python" / "datamodel"
_CLASS: Final = re.compile(r"^#: begin (\w+)\n(.*?)\n#: end$", re.MULTILINE | re.DOTALL)


def classes(definitions: dict[str, Any], extra: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the text of a class for each of *definitions*.

    Args:
        definitions: Class name to JSON Schema. References are ``#/$defs/<class name>``.
        extra: Class name to what the templates need besides the schema.
    """
    schema = {
        "$defs": definitions,
        "title": "AnyEvent",  # no class of a catalog can have this name
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
    }
    text = generate(
        json.dumps(schema),
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.DataclassesDataclass,
        target_python_version=PythonVersion.PY_311,
        custom_template_dir=_TEMPLATES,
        extra_template_data=defaultdict(dict, extra),
        use_standard_primitive_types=True,
        output_datetime_class=DatetimeClassType.Datetime,
        use_specialized_enum=True,
        use_type_alias=True,
        disable_timestamp=True,
        formatters=[],
    )
    return dict(_CLASS.findall(str(text)))
