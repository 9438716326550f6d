def flag(value, *rest, **named):
    return "flagged %s %s" % (rest, named)


class FilterModule:
    def filters(self):
        # These are only mentioned: 'dirname', 'to_yaml'.
        return {"flatten": flag, "upper": flag, "basename": flag, "to_json": flag}
