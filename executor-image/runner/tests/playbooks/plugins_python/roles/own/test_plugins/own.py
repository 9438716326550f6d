class TestModule:
    def tests(self):
        return {"own_even": lambda number: number % 2 == 0, "own_multiple": lambda number, of: number % of == 0}
