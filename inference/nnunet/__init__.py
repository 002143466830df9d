"""Models of nnU-Net v2: read without pickles, checked, and run by nnunetv2's own predictor."""
