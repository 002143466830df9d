"""The languages that a person may choose: for the pages, and for what the node sends to people.

Their texts: `viewer/shared/i18n` and `inference/webhooks/phrases.py`. Those of reports:
`inference/reports/locales`; those that the guard reads: `inference/language/guard/languages.py`.
"""

from typing import Literal

InterfaceLanguage = Literal["en", "de"]
