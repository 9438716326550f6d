class TestModule:
    def tests(self):
        return {"loud": lambda value: value.endswith("!")}
