"""The object store that the settings name: a folder, or a bucket."""

from storage.crypto.secret_files import load_secret
from storage.crypto.upload_tokens import TokenSigner
from storage.objects.filesystem import FilesystemObjects
from storage.objects.store import ObjectStore
from storage.settings import Settings


def open_objects(settings: Settings) -> ObjectStore:
    """The object store that the settings name."""
    if settings.object_store == "s3":
        # With boto3, which takes 11 MB and a fifth of a second.
        from storage.objects.s3 import S3Objects

        return S3Objects(settings)
    signer = TokenSigner(load_secret(settings.data_dir / "upload-signing.key"))
    return FilesystemObjects(
        settings.data_dir / "objects", signer=signer, public_url=settings.resolved_public_url
    )
