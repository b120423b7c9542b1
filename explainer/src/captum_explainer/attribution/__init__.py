"""From a plan to its explanations: what is prefetched, what Captum is asked, what the details say."""
