"""The languages in which the node itself writes to people: its messages.

Their texts: `inference/webhooks/phrases.py`. Those of the pages: `viewer/shared/i18n`; of reports:
`inference/reports/locales`; those that the guard reads: `inference/language/guard/languages.py`.
"""

from typing import Literal

InterfaceLanguage = Literal["en", "de"]
