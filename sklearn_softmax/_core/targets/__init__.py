"""What logits are compared with."""
