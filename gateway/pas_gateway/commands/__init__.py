"""The sub-commands of this package: name -> (where it is, what it does); nothing is imported until it is asked for."""

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("pas_gateway.commands.demo:demo", "Play a story through a whole system, and check it."),
    "explain": ("pas_gateway.commands.explain:explain", "Say what would happen to reports, and why."),
    "gateway": ("pas_gateway.commands.gateway:gateway", "Run the PAS gateway."),
    "trace": ("pas_gateway.commands.trace:trace", "Say everything that happened to a report."),
    "cases": ("pas_gateway.commands.cases:cases", "See what waits for a person, and decide it."),
    "overdue": ("pas_gateway.commands.overdue:overdue", "Say what nobody has read or decided in time."),
    "request": ("pas_gateway.commands.request:request", "Ask forces for information on a prisoner, and answer what is asked."),
    "reseal": ("pas_gateway.commands.reseal:reseal_office", "Seal again what an office had, to its new key."),
    "protected": ("pas_gateway.commands.protected:protected", "Say whom the compartment protects."),
    "policy": ("pas_gateway.commands.policy:policy", "Show the rules that decide."),
    "status": ("pas_gateway.commands.status:status", "Say how the gateway stands."),
}
