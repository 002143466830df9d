"""Whose a study is: corrected, merged and moved patients, beside the bytes as they arrived."""
