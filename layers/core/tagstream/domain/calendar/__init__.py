"""Calendars: the windows in which changes may be pushed, the freezes in which they may not, and time zones."""
