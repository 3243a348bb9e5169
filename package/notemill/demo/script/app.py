"""The script that Streamlit runs for each visitor, again and again: the head of the page, and which page."""

from notemill.demo import shell

shell.show()
