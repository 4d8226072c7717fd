"""A photo to its faces, their landmarks and the crop around them."""
