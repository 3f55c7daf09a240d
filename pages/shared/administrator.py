"""Signing in as the administrator of a public server, with a password whose hash is in a file.

``python -m server password FILE`` writes that file. Signing in holds for one session, until the page is closed or
loaded anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared.limits import BusyError, Rate
from pages.shared.text import escape
from pipeline.errors import UserError

# The file with the hash. Without it, nobody can sign in.
VARIABLE = "LOOKSLIKEWHO_ADMINISTRATOR"
PASSWORD_MIN = 12
_SIGNED_IN = "signed in"
_TRIES_A_MINUTE = 10
# RFC 7914; 32 MB of memory for each try.
_N, _R, _P = 2**15, 8, 1


def hashed(password: str, salt: bytes) -> str:
    """The line of the file: the salt and the hash, in base 64 with a colon between them."""
    key = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=2**27)
    return ":".join(base64.b64encode(part).decode() for part in (salt, key))


def is_possible() -> bool:
    """Whether there is a password to sign in with."""
    return bool(os.environ.get(VARIABLE))


def is_signed_in() -> bool:
    """Whether this session is the administrator's."""
    return get_script_run_ctx(suppress_warning=True) is not None and bool(st.session_state.get(_SIGNED_IN))


def page() -> None:
    """The page to sign in and out."""
    st.title("Sign in", anchor=False)
    if is_signed_in():
        st.success("You are signed in. You may change galleries and train, until you close or reload this page.")
        st.button("Sign out", on_click=st.session_state.pop, args=(_SIGNED_IN,))
        return
    with st.form("sign in", width=360):
        password = st.text_input("Password", type="password", autocomplete="current-password")
        if not st.form_submit_button("Sign in", type="primary"):
            return
    try:
        _rate().count("all")
        if _is_right(password):
            st.session_state[_SIGNED_IN] = True
            st.rerun()
        st.error("This is not the password.", icon=":material/lock:")
    except (BusyError, UserError) as error:
        st.error(escape(str(error)), icon=":material/lock:")


def _is_right(password: str) -> bool:
    """Whether the password is that of the file. Raises UserError when the file cannot be read."""
    try:
        line = Path(os.environ[VARIABLE]).read_text(encoding="ascii").strip()
        salt = base64.b64decode(line.partition(":")[0], validate=True)
    except (OSError, ValueError):
        raise UserError("Nobody can sign in: the file with the password is missing or damaged.") from None
    return bool(salt) and hmac.compare_digest(hashed(password, salt), line)


@cache
def _rate() -> Rate:
    return Rate(_TRIES_A_MINUTE)
