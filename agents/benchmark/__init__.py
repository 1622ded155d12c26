"""``kibble benchmark``: how good is a reward model, beside others and beside no model at all?"""
