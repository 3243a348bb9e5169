"""The demo: one model package as an app to try it in. It imports nothing of notemill but itself and notemill.serve.

main.py: the command; server.py: Streamlit with its addresses and headers; script/app.py: what Streamlit runs;
pages/: one file a page. Without Streamlit: form.py, explain.py, whatif.py, links.py, curl.py, badges.py;
of files of many rows received.py, parquet.py, uploads.py, download.py.
"""
