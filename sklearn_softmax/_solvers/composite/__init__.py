"""A smooth loss and a penalty with a kink."""
