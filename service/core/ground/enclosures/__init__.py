"""What holds for the squared error of every map, in floating point: values, slopes and curvature with their errors."""
