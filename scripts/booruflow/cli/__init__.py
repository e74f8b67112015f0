"""The console command `booruflow`: what a person asks of a data set that is not a rule of the workflow.

In: the command line, the folder of a data set. Out: text on the console, from `init` a new folder; only
`resume` starts anything.
"""
