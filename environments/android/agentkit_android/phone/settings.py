"""The settings provider: three tables of texts, and what hangs together in them."""

from __future__ import annotations

from agentkit_android.screen.acts import clean

TABLES = ("system", "global", "secure")
DEFAULTS: dict[str, dict[str, str]] = {
    "system": {
        "screen_brightness": "102",
        "screen_brightness_mode": "0",
        "screen_off_timeout": "60000",
        "accelerometer_rotation": "0",
        "user_rotation": "0",
        "font_scale": "1.0",
        "time_12_24": "24",
        "system_locales": "en-US",
        "volume_music": "8",
        "volume_ring": "5",
        "vibrate_when_ringing": "1",
    },
    "global": {
        "airplane_mode_on": "0",
        "wifi_on": "1",
        "bluetooth_on": "1",
        "mobile_data": "1",
        "zen_mode": "0",
        "device_name": "Agent Phone",
        "window_animation_scale": "1.0",
        "transition_animation_scale": "1.0",
        "animator_duration_scale": "1.0",
        "auto_time": "1",
        "low_power": "0",
        "heads_up_notifications_enabled": "1",
    },
    "secure": {
        "android_id": "a6e17c0de0000001",
        "location_mode": "3",
        "ui_night_mode": "1",
        "default_input_method": "com.android.inputmethod.latin/.LatinIME",
        "enabled_input_methods": "com.android.inputmethod.latin/.LatinIME",
        "flashlight_enabled": "0",
        "user_setup_complete": "1",
    },
}
RADIOS = ("wifi_on", "bluetooth_on")
MAX_VALUE = 4096
MAX_KEYS = 2000


class Settings:
    """get, put and delete by table and key, as the `settings` command does.

    Args:
        tables, radios: where they are kept.
    """

    def __init__(self, tables: dict[str, dict[str, str]], radios: dict[str, str]) -> None:
        self.tables = tables
        self._before = radios  # as they were before airplane mode

    def get(self, table: str, key: str) -> str | None:
        return self.tables[table].get(key)

    def put(self, table: str, key: str, value: str) -> None:
        """Raises:
        ValueError: the value is longer than MAX_VALUE characters, or there are too many keys.
        """
        values, key, value = self.tables[table], clean(key), clean(value)
        if len(value) > MAX_VALUE or len(key) > 256:
            raise ValueError("the value is too long")
        if key not in values and len(values) >= MAX_KEYS:
            raise ValueError("there are too many settings")
        before, values[key] = values.get(key), value
        if (table, key) == ("global", "airplane_mode_on") and before != value:
            self._airplane(value == "1")

    def _airplane(self, on: bool) -> None:
        """Airplane mode switches the radios off, and later back to what they were."""
        values = self.tables["global"]
        if on:
            self._before.update({name: values.get(name, "0") for name in RADIOS})
            values.update(dict.fromkeys(RADIOS, "0"))
        else:
            values.update(self._before)
            self._before.clear()

    def delete(self, table: str, key: str) -> bool:
        return self.tables[table].pop(key, None) is not None

    def is_on(self, table: str, key: str) -> bool:
        return self.get(table, key) not in (None, "", "0")

    def flip(self, table: str, key: str) -> None:
        self.put(table, key, "0" if self.is_on(table, key) else "1")
