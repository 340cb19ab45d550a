"""The Keras network that is trained: projection, heads, class weights."""
