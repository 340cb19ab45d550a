"""A model repository for NVIDIA Triton, which then keeps every camera's state. No TensorFlow here, no Triton either."""
