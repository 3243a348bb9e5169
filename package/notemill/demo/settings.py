"""Streamlit's settings: ours, whatever a user's own file says."""

LIGHT = {"primaryColor": "#0a6a60", "backgroundColor": "#fbfaf7", "secondaryBackgroundColor": "#f2efe9",
         "textColor": "#1f2226", "linkColor": "#0a6a60", "borderColor": "#d8d3c8", "codeBackgroundColor": "#f4f2ed"}
DARK = {"primaryColor": "#63c9ba", "backgroundColor": "#15171b", "secondaryBackgroundColor": "#23272e",
        "textColor": "#e7e4de", "linkColor": "#63c9ba", "borderColor": "#3a4049", "codeBackgroundColor": "#1f2329"}
LOOKS = {"font": "sans-serif", "baseRadius": "8px", "showWidgetBorder": True, "linkUnderline": True}
MOST_UPLOAD = 50  # MB


def settings(base_path: str = "", port: int = 8501, origin: str | None = None) -> dict[str, object]:
    """{option: value}."""
    themes = {f"theme.{scheme}.{name}": value for scheme, colours in (("light", LIGHT), ("dark", DARK))
              for name, value in colours.items()}
    return {
        "browser.gatherUsageStats": False, "client.showErrorDetails": "none", "client.showErrorLinks": False,
        "client.toolbarMode": "minimal", "server.headless": True, "server.fileWatcherType": "none",
        "server.runOnSave": False, "server.enableAgentApi": False, "server.maxUploadSize": MOST_UPLOAD,
        "server.enableXsrfProtection": True, "server.baseUrlPath": base_path.strip("/"), "server.port": port,
        "server.showEmailPrompt": False, "server.corsAllowedOrigins": [origin] if origin else [],
        "logger.level": "warning", "logger.hideWelcomeMessage": True, "logger.enableRich": False,
        **{f"theme.{name}": value for name, value in LOOKS.items()}, **themes}
