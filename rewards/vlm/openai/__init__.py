"""The back end that is a server which speaks OpenAI's protocol."""
