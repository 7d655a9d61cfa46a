"""What is left of an environment's bill."""

from typing import Any

import pytest
from packaging.version import Version

from supplychain.project import Pin
from supplychain.sbom import NoBillError, product

ENVIRONMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "metadata": {"component": {"bom-ref": "root", "name": "perdure"}},
    "components": [
        {"bom-ref": "Web.Server==1.0", "name": "Web.Server", "version": "1.0"},
        {"bom-ref": "sockets==2.0", "name": "sockets", "version": "2.0"},
        {"bom-ref": "linter==3.0", "name": "linter", "version": "3.0"},
    ],
    "dependencies": [
        {"ref": "root", "dependsOn": ["Web.Server==1.0"]},
        {"ref": "Web.Server==1.0", "dependsOn": ["linter==3.0", "sockets==2.0"]},
        {"ref": "linter==3.0", "dependsOn": ["sockets==2.0"]},
        {"ref": "sockets==2.0"},
    ],
}
SERVER, SOCKETS = Pin("web-server", Version("1.0")), Pin("sockets", Version("2.0"))
OF_WINDOWS = Pin("registry", Version("4.0"), is_for_here=False)


def test_what_developers_have_beside_the_product_is_left_out() -> None:
    bill = product(ENVIRONMENT, [SERVER, SOCKETS, OF_WINDOWS])
    assert [part["name"] for part in bill["components"]] == ["Web.Server", "sockets"]
    assert {edge["ref"]: edge["dependsOn"] for edge in bill["dependencies"]} == {
        "root": ["Web.Server==1.0"],
        "Web.Server==1.0": ["sockets==2.0"],
        "sockets==2.0": [],
    }
    assert bill["bomFormat"] == "CycloneDX"


@pytest.mark.parametrize("missing", [Pin("sockets", Version("2.1")), Pin("cache", Version("1.0"))])
def test_an_environment_that_is_not_as_pinned_has_no_bill(missing: Pin) -> None:
    with pytest.raises(NoBillError, match=f"{missing.name} {missing.version}"):
        product(ENVIRONMENT, [SERVER, missing])
