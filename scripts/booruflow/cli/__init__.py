"""The console command `booruflow`: what a person asks of a data set that is not a rule of the workflow.

In: the command line, the results folder. Out: text on the console; only `resume` starts anything.
"""
