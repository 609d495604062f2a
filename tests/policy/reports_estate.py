"""A directory with everything in it: contractors, probation, inspectors, retired and inactive offices, postings that changed."""

from __future__ import annotations

from policy.oracle_facts import Row, example_estate, office_row


def make_estate_variants() -> list[Row]:
    """The example estate with further offices, retired and inactive ones, and postings that changed."""
    rows = {str(row["office"]): [row] for row in example_estate()}

    def put(office: str, *facts: Row) -> None:
        base = rows[office][0] if office in rows else office_row(office)
        rows[office] = [{**base, **fact} for fact in facts]

    for office in ("escort:gfs", "probation:london", "inspector:hmip"):
        put(office, {})
    for office in ("escort:old", "probation:old", "lea:67", "pio:LPI", "pio:VEI", "fib:55", "governor:LWI", "security:ACI"):
        put(office, {"active": False})  # inactive; fib:55 is the conduit of VEI
    for office in ("pio:MRI", "governor:EXI", "security:DAI", "force:53"):
        put(office, {"active": False, "to": "2015-06-01T00:00:00Z"})  # retired
    put("pio:HVI", {"force": "03", "prison": "HVI", "active": False, "from": "2016-01-01T00:00:00Z"})  # still to come
    put("pio:WDI", {"force": "14"})  # posted by a force other than the area's
    put("pio:RHI", {"force": "23"})
    put("pio:BAI", {"force": "43", "active": False, "to": "2015-03-01T00:00:00Z"}, {"force": "46", "from": "2015-03-01T00:00:00Z"})
    for office in ("security:ONI", "governor:ONI"):  # handed to a contractor
        put(
            office,
            {"active": False, "to": "2015-03-01T00:00:00Z"},
            {"contracted": True, "class": "non-prosecuting", "from": "2015-03-01T00:00:00Z"},
        )
    return [row for office in sorted(rows) for row in rows[office]]
