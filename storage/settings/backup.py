"""Where backups go, and the key that they are encrypted with."""

from pydantic import BaseModel, Field, SecretStr


class BackupSettings(BaseModel):
    backup_to: str = Field(
        "", description="A folder, or s3://bucket/prefix, that 'mediview backup' writes to."
    )
    backup_key: SecretStr = Field(
        SecretStr(""), description="What 'mediview backup new-key' printed; keep it elsewhere, too."
    )
    backup_s3_endpoint_url: str = Field("", description="Empty: that of MEDIVIEW_S3_ENDPOINT_URL.")
    backup_s3_access_key_id: str = Field("", description="Empty: that of the node's own bucket.")
    backup_s3_secret_access_key: SecretStr = SecretStr("")
