whose = "the folder's"
