"""The backward pass of a graph as a page in which it is stepped, played and replayed."""
