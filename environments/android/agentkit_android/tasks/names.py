"""Packages of the apps, and what tasks are made of."""

from __future__ import annotations

from random import Random

CONTACTS = "com.android.contacts"
MESSAGES = "com.android.messages"
TODO = "com.example.tasks"
EXPENSES = "com.example.expenses"
CALENDAR = "com.android.calendar"
NOTES = "com.example.notes"
RECIPES = "com.example.recipes"
CLOCK = "com.android.deskclock"
FILES = "com.android.documentsui"
SETTINGS = "com.android.settings"
DIALER = "com.android.dialer"
MAPS = "com.example.maps"
MUSIC = "com.android.music"
CALCULATOR = "com.android.calculator2"
BROWSER = "com.android.browser"
CAMERA = "com.android.camera2"
GALLERY = "com.android.gallery3d"
RECORDER = "com.android.soundrecorder"

FIRST = (
    "Amara", "Bram", "Chloe", "Dev", "Eun-ji", "Finn", "Gita", "Hana", "Ivo", "Joana", "Kofi",
    "Lena", "Marek", "Nadia", "Oskar", "Paula", "Rafael", "Sanna", "Tomas", "Yusuf",
)  # fmt: skip
LAST = (
    "Adeyemi", "Visser", "Martin", "Patel", "Han", "Larsen", "Rao", "Sato", "Petrov", "Costa",
    "Mensah", "Vogel", "Kowal", "Haddad", "Berg", "Ferrer", "Silva", "Nieminen", "Horak", "Demir",
)  # fmt: skip
THINGS = (
    "Sort the photos", "Call the plumber", "Order new filters", "Fix the bicycle", "Back up files",
    "Write to the landlord", "Pack the parcels", "Clean the windows", "Plan the hike",
    "Read chapter four", "Return the books", "Test the alarm", "Book the ferry", "Buy stamps",
)  # fmt: skip
EVENTS = (
    "Choir practice", "Budget review", "Parents' evening", "Chess club", "Flat viewing",
    "Swimming lesson", "Project kick-off", "Blood donation", "Board games", "Car inspection",
    "Pottery class", "Town hall meeting",
)  # fmt: skip
PLACES = ("Room 12", "Harbour Hall", "Café Linde", "Gate 4", "North School", "Studio B", "Pier 7")
SENTENCES = (
    "I will be ten minutes late", "Please bring the blue folder", "The train leaves at 18:05",
    "Dinner is at our place tonight", "I found your umbrella", "Can you water the tomatoes?",
    "The key is under the flower pot", "See you at the north gate", "We moved it to Friday",
    "Thanks for the lovely evening", "The code for the door is 7391", "Lunch at noon?",
)  # fmt: skip
GOODS = (
    "Bread", "Notebook", "Train ticket", "Haircut", "Batteries", "Museum", "Shoes", "Olive oil",
    "Lamp", "Concert", "Vitamins", "Taxi", "Curtains", "Magazine",
)  # fmt: skip


def person(random: Random) -> str:
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def alike(name: str, random: Random) -> str:
    """A name that is nearly this one."""
    first, _, last = name.partition(" ")
    others = [n for n in LAST if n != last]
    return f"{first} {random.choice(others)}"


def number(random: Random) -> str:
    return f"+1 555 {random.randrange(200, 900)} {random.randrange(10_000):04}"
