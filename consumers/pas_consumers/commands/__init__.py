"""The sub-commands of this package: name -> (where it is, what it does); nothing is imported until it is asked for."""

COMMANDS: dict[str, tuple[str, str]] = {
    "inbox": ("pas_consumers.commands.inbox:inbox", "Take, read and acknowledge what PAS sent to an office."),
    "consent": ("pas_consumers.commands.consent:consent", "See what PAS asks an originator, and answer it."),
}
