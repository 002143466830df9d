"""The languages that a person may choose for the pages.

Their texts: `viewer/shared/i18n`. Those of reports: `inference/reports/locales`.
"""

from typing import Literal

InterfaceLanguage = Literal["en", "de"]
