"""Keypoints for people: drawn on pictures, clicked in a page, shown on a contact sheet."""
