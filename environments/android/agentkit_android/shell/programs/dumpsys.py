"""dumpsys, read from the phone's state in the words that clients look for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from agentkit_android.apps.app import App
from agentkit_android.phone.phone import BEGIN
from agentkit_android.shell.call import Call, ProgramError, program
from agentkit_android.shell.programs.display import DISPLAY_ID
from agentkit_android.shell.programs.packages import pid


def _full(package: str, name: str) -> str:
    """A component as dumpsys writes it: with the short name of the activity."""
    return f"{package}/{name}"


def window(call: Call, words: list[str]) -> str:
    phone, front = call.phone, call.phone.activities.front
    shown = f"Window{{a1b2c3d u0 {_full(front.package, front.package + front.name)}}}"
    return (
        "WINDOW MANAGER WINDOWS (dumpsys window windows)\n"
        f"  mCurrentFocus={shown}\n"
        f"  mFocusedApp=ActivityRecord{{c0ffee u0 {_full(front.package, front.name)} t7}}\n"
        f"  mAwake={str(phone.awake).lower()}\n"
        "  mShowingLockscreen=false mDreamingLockscreen=false isKeyguardShowing=false"
    )


def activity(call: Call, words: list[str]) -> str:
    activities = call.phone.activities
    front = activities.front
    record = f"ActivityRecord{{c0ffee u0 {_full(front.package, front.name)} t7}}"
    if words[:1] == ["top"]:
        number = pid(call, front.package)
        return f"  ACTIVITY {_full(front.package, front.name)} c0ffee pid={number}"
    if words[:1] in (["activities"], []):
        lines = [f"    * Hist #{n}: {a.component}" for n, a in enumerate(activities.all)]
        resumed = [f"  mResumedActivity: {record}", f"  topResumedActivity={record}"]
        return "\n".join(
            ["ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)", *lines, *resumed]
        )
    return f"ACTIVITY MANAGER {' '.join(words).upper()}\n  (nothing)"


def display(call: Call, words: list[str]) -> str:
    shown = call.phone.display
    size = f"deviceWidth={shown.width}, deviceHeight={shown.height}"
    return (
        "DISPLAY MANAGER (dumpsys display)\n"
        f"  DisplayViewport{{type=INTERNAL, valid=true, isActive=true, displayId=0, "
        f"orientation={shown.rotation}, {size}}}"
    )


def surface_flinger(call: Call, words: list[str]) -> str:
    return f'Display {DISPLAY_ID} (HWC display 0): port=0 pnpId=AGK displayName="Agent Phone"'


def power(call: Call, words: list[str]) -> str:
    state = "Awake" if call.phone.awake else "Asleep"
    held = str(call.phone.awake).lower()
    return (
        f"POWER MANAGER (dumpsys power)\n  mWakefulness={state}\n"
        f"  mHoldingDisplaySuspendBlocker={held}"
    )


def battery(call: Call, words: list[str]) -> str:
    return (
        "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n"
        "  Wireless powered: false\n  Max charging current: 500000\n"
        "  Max charging voltage: 5000000\n  Charge counter: 3900000\n  status: 2\n  health: 2\n"
        "  present: true\n  level: 87\n  scale: 100\n  voltage: 4180\n  temperature: 260\n"
        "  technology: Li-ion"
    )


def package(call: Call, words: list[str]) -> str:
    app = call.phone.apps.get(words[0]) if words else None
    if app is None:
        return f"Unable to find package: {' '.join(words)}"
    when = datetime.fromtimestamp(BEGIN, UTC).strftime("%Y-%m-%d %H:%M:%S")
    name, code = app.version
    return (
        f"Packages:\n  Package [{app.package}] (1a2b3c4):\n    userId=10100\n"
        f"    codePath=/data/app/{app.package}\n    versionCode={code} minSdk=24 targetSdk=33\n"
        f"    versionName={name}\n    signatures=PackageSignatures{{5d6e7f8 version:3, "
        f"signatures:[5d6e7f8], past signatures:[]}}\n    pkgFlags=[ SYSTEM HAS_CODE ]\n"
        f"    firstInstallTime={when}\n    lastUpdateTime={when}{_permissions(call, app)}"
    )


def _permissions(call: Call, app: App) -> str:
    rows = [
        f"      {p}: granted={str(call.phone.is_granted(app.package, p)).lower()}"
        for p in app.permissions
    ]
    return "\n    runtime permissions:\n" + "\n".join(rows) if rows else ""


def notification(call: Call, words: list[str]) -> str:
    lines = ["Current Notification Manager state:", "  Notification List:"]
    for n in call.phone.plain.notices:
        lines.append(
            f"    NotificationRecord(0x1 pkg={n.package} user=UserHandle{{0}} key={n.key})"
        )
        lines.append(f"      android.title=String ({n.title})")
        lines.append(f"      android.text=String ({n.text})")
    return "\n".join(lines)


def input_method(call: Call, words: list[str]) -> str:
    phone = call.phone
    method = phone.settings.get("secure", "default_input_method")
    shown = str(phone.scene().window("keyboard") is not None).lower()
    return f"Current Input Method Manager state:\n  mCurMethodId={method}\n  mInputShown={shown}"


def alarm(call: Call, words: list[str]) -> str:
    lines = ["Current Alarm Manager state:"]
    for one in sorted(call.phone.plain.alarms, key=lambda a: a.when):
        when = datetime.fromtimestamp(one.when, UTC).strftime("%Y-%m-%d %H:%M:%S")
        lines.append(f"  RTC_WAKEUP #0: Alarm{{{one.package} {one.key}}} when={when}")
    return "\n".join(lines)


def _radio(key: str, on: str, off: str) -> Callable[[Call, list[str]], str]:
    def told(call: Call, words: list[str]) -> str:
        return on if call.phone.settings.is_on("global", key) else off

    return told


def telephony(call: Call, words: list[str]) -> str:
    off = call.phone.settings.is_on("global", "airplane_mode_on")
    calls = [n for n in call.phone.plain.notices if n.package == "com.android.dialer" and n.fixed]
    state = "3(POWER_OFF)" if off else "0(IN_SERVICE)"
    return f"telephony.registry:\n  mCallState={2 if calls else 0}\n  mServiceState={state}"


def ui_mode(call: Call, words: list[str]) -> str:
    return f"Current UI Mode Service state:\n  mNightMode={2 if call.phone.dark else 1}"


SERVICES: dict[str, Callable[[Call, list[str]], str]] = {
    "window": window,
    "activity": activity,
    "display": display,
    "SurfaceFlinger": surface_flinger,
    "power": power,
    "battery": battery,
    "package": package,
    "notification": notification,
    "input_method": input_method,
    "alarm": alarm,
    "wifi": _radio("wifi_on", "Wi-Fi is enabled", "Wi-Fi is disabled"),
    "bluetooth_manager": _radio("bluetooth_on", "enabled: true", "enabled: false"),
    "telephony.registry": telephony,
    "uimode": ui_mode,
}


@program("dumpsys")
async def dumpsys(call: Call) -> int:
    if not call.words or call.words == ["-l"]:
        await call.print("Currently running services:")
        for name in sorted(SERVICES):
            await call.print(f"  {name}")
        return 0
    name, *words = call.words
    if name not in SERVICES:
        raise ProgramError(f"Can't find service: {name}")
    await call.print(SERVICES[name](call, words))
    return 0
