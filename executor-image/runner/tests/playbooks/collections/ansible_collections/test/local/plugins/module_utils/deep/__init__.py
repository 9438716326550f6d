VALUE = "the collection"
