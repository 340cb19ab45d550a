"""What `tune_pose_network.py` is made of: pictures with joints, and how wrong the network's heads are on them."""
