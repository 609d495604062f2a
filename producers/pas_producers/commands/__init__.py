"""The sub-commands of this package: name -> (where it is, what it does); nothing is imported until it is asked for."""

COMMANDS: dict[str, tuple[str, str]] = {
    "publish": ("pas_producers.commands.publish:publish", "Publish reports: checked, signed, sealed, appended."),
    "retract": ("pas_producers.commands.retract:retract", "Withdraw a report from everybody who holds anything of it."),
    "movements": ("pas_producers.commands.movements:movements", "Bring in where prisoners are."),
    "move": ("pas_producers.commands.movements:move", "Correct where a prisoner is, with a reason."),
}
