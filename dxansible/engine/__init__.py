"""The engine: a kept run of Ansible that takes calls from a socket. Only an accelerator."""
