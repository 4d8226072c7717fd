"""A run of the engine from the page: started, followed, estimated, on a GPU where one is lent."""
