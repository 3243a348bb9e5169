"""What Streamlit runs, in a folder of its own: a pages/ beside its script it would take for pages in its own sense."""
