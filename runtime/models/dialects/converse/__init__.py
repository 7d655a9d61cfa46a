"""Amazon Bedrock's Converse: one protocol for the models of many vendors."""
