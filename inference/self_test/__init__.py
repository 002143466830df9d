"""Each library that the node leans on, used once for what the node uses it for.

A package that is installed may still not work: a shared library of the machine is missing, its
weights are damaged, a decoder was built without a codec.
"""
