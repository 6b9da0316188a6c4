"""What is done with finished models: verifying, recording, looking inside."""
