"""A list of the facts that were told."""


class FactList:
    """The `Facts` port: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, object]]] = []

    def __call__(self, name: str, /, **fields: object) -> None:
        self.told.append((name, fields))

    def named(self, name: str) -> list[dict[str, object]]:
        return [fields for told, fields in self.told if told == name]
