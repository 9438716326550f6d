from .deep import VALUE


def part():
    return "part of " + VALUE
