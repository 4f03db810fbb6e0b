"""The chart: everything written down about stays of one facility, as arrays."""

from dataclasses import dataclass

from loaders.world.clinical.course import courses
from loaders.world.clinical.draws import Draws, Ints
from loaders.world.clinical.labs import Labs, labs
from loaders.world.clinical.notes import Notes, notes
from loaders.world.clinical.vitals import Vitals, early_warning, vitals
from loaders.world.config import World
from loaders.world.network import Facility
from loaders.world.operations import Encounters


@dataclass(frozen=True)
class Chart:
    """Everything written down about some stays of one facility.

    `scenario` (index in scenarios.CODES), `acuity` at admission (1 to 5), `spo2_scale` (1 or 2) and `diagnosis`
    (index in DIAGNOSES) have one element a stay, in the order of `stays`.
    """

    facility: Facility
    stays: Encounters
    scenario: Ints
    acuity: Ints
    spo2_scale: Ints
    diagnosis: Ints
    vitals: Vitals
    labs: Labs
    notes: Notes


def chart(world: World, facility: Facility, discharges: Encounters) -> Chart:
    """The chart of all stays that ended on some days, in the order in which operations tell them.

    A day's chart does not depend on which other days are asked for with it.
    """
    draws = Draws.of(world.seed, facility.index, discharges.discharged)
    course = courses(world, facility, discharges, draws)
    signs = vitals(course, draws)
    score = early_warning(signs, course.spo2_scale)
    results = labs(course, signs, score, draws)
    written = notes(course, discharges.destination, signs, score, results, draws)
    return Chart(
        facility=facility,
        stays=discharges,
        scenario=course.scenario,
        acuity=course.acuity,
        spo2_scale=course.spo2_scale,
        diagnosis=course.diagnosis,
        vitals=signs,
        labs=results,
        notes=written,
    )
