"""Gates over what comes into the product from elsewhere, and over keys that must not get into the repository.

They run beside the code, on a developer's machine and in CI (`make check`, `make audit`): they know nothing of it, and
are not installed with it.
"""
