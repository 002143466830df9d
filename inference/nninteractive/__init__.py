"""Models of nnInteractive, which segment what points, boxes, scribbles and lassos mark."""
