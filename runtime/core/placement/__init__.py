"""Where sessions live: which actor is next, who may live with whom, and who may try again after a crash."""
