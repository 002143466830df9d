"""A processor whose time goes by as headers are read, however fast the host is."""


class Processor:
    """Each look at the clock costs what a header costs."""

    def __init__(self, header_s: float) -> None:
        self.now_s = 0.0
        self._header_s = header_s

    def __call__(self) -> float:
        self.now_s += self._header_s
        return self.now_s
