"""Notifications: what plugins have people told, sent by e-mail."""

from mercat.manifest import Manifest
from mercat_notifications.settings import NotificationSettings

manifest = Manifest(
    name="notifications",
    version="0.1.0",
    engine=">=0.1,<1",
    settings=NotificationSettings,
)
