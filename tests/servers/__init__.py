"""Cameras and servers for tests, all on 127.0.0.1: real RTSP, Motion JPEG and HLS, and some that misbehave."""
