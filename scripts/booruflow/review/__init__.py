"""What people look at and edit: from the folder of a data set to its posts, the queue of captions to repair, what was typed.

Products are read by place, never whole; edits go to edited/review.json, and what else a person decides to review/.
"""
