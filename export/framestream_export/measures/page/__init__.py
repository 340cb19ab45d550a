"""The report as one HTML file: no script, nothing from outside, light and dark, for a wide screen and a phone."""
