"""Services beyond the VMs, one module each; base addresses and keys come in as arguments."""
