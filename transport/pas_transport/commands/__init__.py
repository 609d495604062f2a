"""The sub-commands of this package: name -> (where it is, what it does); nothing is imported until it is asked for."""

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("pas_transport.commands.init:init", "Make a workspace with an example estate and its keys."),
    "keys": ("pas_transport.commands.keys:keys", "Make an office's keys where they are used."),
    "topics": ("pas_transport.commands.topics:topics", "Say what Kafka must hold, and make it so."),
    "directory": ("pas_transport.commands.directory:directory", "Say who is who, and change it."),
}
