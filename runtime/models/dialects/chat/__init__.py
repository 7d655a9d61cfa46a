"""OpenAI's Chat Completions, and what OpenRouter makes of them."""
