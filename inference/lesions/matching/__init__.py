"""Which lesion of a later study is which of an earlier one."""
