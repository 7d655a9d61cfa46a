"""What a session runs with: tools, capabilities, and the agent that is composed of them."""
