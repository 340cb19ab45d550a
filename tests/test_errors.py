import inspect

import pytest

from framestream import errors

LEAVES = [
    (errors.SourceNotFoundError, FileNotFoundError),
    (errors.UnreadableSourceError, ValueError),
    (errors.ModelNotFoundError, FileNotFoundError),
    (errors.MetadataError, KeyError),
    (errors.SignatureError, TypeError),
    (errors.ProviderError, RuntimeError),
    (errors.MissingDependencyError, ImportError),
    (errors.DataError, ValueError),
    (errors.SettingsError, ValueError),
]


@pytest.mark.parametrize(("error", "builtin"), LEAVES)
def test_an_error_can_be_caught_by_either_family_and_reads_as_written(error: type[Exception], builtin: type) -> None:
    with pytest.raises(builtin) as caught:
        raise error("film.mp4: 'quoted' reason")
    assert isinstance(caught.value, errors.FrameStreamError)
    assert str(caught.value) == "film.mp4: 'quoted' reason"


def test_the_docstring_draws_every_error() -> None:
    drawn = errors.__doc__ or ""
    defined = [name for name, item in vars(errors).items() if inspect.isclass(item)]
    assert len(defined) == 12
    assert [name for name in defined if name not in drawn] == []
