"""What the laboratory would find in a well body, and what each scenario does to it at acuity 3."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from loaders.world.clinical.draws import Reals
from loaders.world.clinical.lab_tests import TESTS
from loaders.world.clinical.scenarios import CODES

Course = Literal["acute", "late", "slow"]
TEST = {test.code: i for i, test in enumerate(TESTS)}


@dataclass(frozen=True)
class Level:
    """A test in people without acute illness (K).

    `is_log`: the spreads and shifts are of the natural logarithm. Spreads are standard deviations between patients
    and within one; `age` is the change per year over 50. A shift goes as the illness does, or comes a day or two
    later, or stays longer; `turn` is the shift of a turn for the worse.
    """

    is_log: bool
    men: float
    women: float
    between: float
    within: float
    age: float = 0
    course: Course = "acute"
    turn: float = 0


# Neutrophils are drawn as log odds of their share of white cells, lymphocytes as their part of the rest, chloride as
# the anion gap; eGFR and pH are computed.
LEVELS = {
    "haemoglobin": Level(False, 139, 126, 12, 3.5, -0.35, "slow", -5),
    "wcc": Level(True, 8.0, 8.0, 0.30, 0.11, 0, "late", 0.30),
    "neutrophils": Level(False, 0.62, 0.62, 0.30, 0.18, 0, "late", 0.5),
    "lymphocytes": Level(False, 0.64, 0.64, 0.13, 0.07, -0.003, "late", -0.06),
    "platelets": Level(True, 250, 262, 0.29, 0.08, 0, "slow", -0.15),
    "inr": Level(True, 1.04, 1.04, 0.09, 0.04, 0, "acute", 0.12),
    "sodium": Level(False, 138.2, 138.2, 3.4, 1.6, -0.025, "acute", -0.5),
    "potassium": Level(False, 4.25, 4.25, 0.40, 0.27, 0, "acute", 0.3),
    "chloride": Level(False, 10.5, 10.5, 1.2, 1.3, 0, "acute", 2.5),
    "bicarbonate": Level(False, 25.2, 25.2, 2.0, 1.2, 0, "acute", -3.5),
    "urea": Level(True, 5.6, 5.0, 0.28, 0.11, 0.008, "acute", 0.35),
    "creatinine": Level(True, 83, 66, 0.22, 0.06, 0.004, "acute", 0.25),
    "crp": Level(True, 5.0, 5.0, 0.90, 0.35, 0.005, "late", 0.7),
    "procalcitonin": Level(True, 0.045, 0.045, 0.40, 0.30, 0, "late", 1.0),
    "albumin": Level(False, 39, 38.5, 3.2, 1.1, -0.07, "slow", -2),
    "bilirubin": Level(True, 10.5, 9.5, 0.48, 0.15, 0, "acute", 0.15),
    "alt": Level(True, 26, 20, 0.50, 0.15, -0.003, "acute", 0.4),
    "alp": Level(True, 84, 84, 0.33, 0.08, 0.002, "acute", 0.05),
    "calcium_adj": Level(False, 2.37, 2.37, 0.085, 0.04, 0, "acute", -0.03),
    "phosphate": Level(False, 1.12, 1.14, 0.20, 0.10, 0, "acute", 0.15),
    "magnesium": Level(False, 0.84, 0.84, 0.085, 0.04, 0, "acute", 0),
    "glucose": Level(True, 6.1, 6.0, 0.18, 0.14, 0.002, "acute", 0.12),
    "ketones": Level(True, 0.18, 0.18, 0.45, 0.35, 0, "acute", 0.2),
    "troponin_t_hs": Level(True, 6.5, 5.0, 0.45, 0.12, 0.022, "acute", 0.5),
    "nt_probnp": Level(True, 90, 100, 0.80, 0.18, 0.045, "slow", 0.4),
    "pco2": Level(False, 5.3, 5.2, 0.25, 0.35, 0, "acute", 0),
    "lactate": Level(True, 1.25, 1.25, 0.25, 0.22, 0, "acute", 0.75),
}  # fmt: skip
SHIFTS: dict[str, dict[str, float]] = {
    "sepsis": {
        "wcc": 0.50, "neutrophils": 1.0, "lymphocytes": -0.16, "crp": 3.4, "procalcitonin": 3.8, "lactate": 0.75,
        "creatinine": 0.40, "urea": 0.50, "platelets": -0.30, "albumin": -9, "bicarbonate": -3, "chloride": 2.5,
        "bilirubin": 0.45, "inr": 0.15, "glucose": 0.2, "sodium": -1.5, "alt": 0.35, "calcium_adj": -0.09,
        "troponin_t_hs": 1.0, "haemoglobin": -8,
    },
    "pneumonia": {
        "wcc": 0.42, "neutrophils": 0.8, "lymphocytes": -0.12, "crp": 3.2, "procalcitonin": 2.0, "urea": 0.30,
        "sodium": -3, "albumin": -6, "lactate": 0.25, "haemoglobin": -5, "creatinine": 0.10,
    },
    "copd_exac": {"crp": 1.6, "wcc": 0.22, "neutrophils": 0.4, "nt_probnp": 0.5, "pco2": 0.5, "glucose": 0.12},
    "heart_failure": {
        "nt_probnp": 2.4, "creatinine": 0.35, "urea": 0.35, "sodium": -3, "troponin_t_hs": 1.2, "albumin": -4,
        "crp": 0.8, "bilirubin": 0.25, "potassium": -0.15, "haemoglobin": -9,
    },
    "acute_mi": {"troponin_t_hs": 4.6, "glucose": 0.25, "wcc": 0.18, "crp": 0.8, "lactate": 0.2, "nt_probnp": 1.2},
    "stroke": {"glucose": 0.18, "crp": 0.9, "wcc": 0.12, "troponin_t_hs": 0.4, "nt_probnp": 0.6},
    "dka": {
        "glucose": 1.45, "ketones": 3.7, "bicarbonate": -14, "chloride": 16, "potassium": 0.6, "urea": 0.40,
        "creatinine": 0.25, "wcc": 0.35, "lactate": 0.4, "sodium": -3, "neutrophils": 0.5,
    },
    "aki": {
        "creatinine": 1.15, "urea": 1.0, "potassium": 0.8, "bicarbonate": -4, "chloride": 3, "phosphate": 0.5,
        "magnesium": 0.06, "albumin": -4, "crp": 0.9, "haemoglobin": -10, "nt_probnp": 0.9, "troponin_t_hs": 0.7,
    },
    "hip_fracture": {
        "haemoglobin": -20, "crp": 2.7, "sodium": -2.5, "albumin": -7, "wcc": 0.25, "urea": 0.15, "alp": 0.15,
    },
    "gi_bleed": {
        "haemoglobin": -38, "urea": 0.75, "lactate": 0.45, "inr": 0.22, "platelets": -0.15, "albumin": -5, "crp": 0.5,
    },
    "postop_elective": {"crp": 3.0, "wcc": 0.28, "neutrophils": 0.5, "haemoglobin": -18, "albumin": -6, "glucose": 0.1},
    "chest_pain": {"troponin_t_hs": 0.1},
    "arrhythmia": {"troponin_t_hs": 0.7, "nt_probnp": 1.2, "potassium": -0.25, "magnesium": -0.06, "creatinine": 0.1},
    "syncope_collapse": {"sodium": -1, "haemoglobin": -4, "troponin_t_hs": 0.2},
    "frailty_fall": {"crp": 1.3, "haemoglobin": -9, "albumin": -5, "sodium": -2.5, "urea": 0.2, "wcc": 0.12},
    "delirium": {"crp": 1.5, "sodium": -2.5, "urea": 0.25, "wcc": 0.15, "albumin": -5, "haemoglobin": -6},
    "cellulitis": {"crp": 2.6, "wcc": 0.32, "neutrophils": 0.5, "albumin": -4},
    "uti": {"crp": 2.4, "wcc": 0.32, "neutrophils": 0.5, "urea": 0.2, "creatinine": 0.15, "albumin": -4},
    "seizure": {"lactate": 0.6, "wcc": 0.2, "glucose": 0.12, "bicarbonate": -2, "chloride": 2},
    "overdose": {"alt": 1.1, "inr": 0.12, "lactate": 0.2, "potassium": -0.2},
    "asthma": {"wcc": 0.25, "crp": 0.8, "potassium": -0.25, "pco2": -0.5, "lactate": 0.35},
    "acute_abdomen": {"crp": 2.5, "wcc": 0.4, "neutrophils": 0.7, "lactate": 0.2, "albumin": -4},
    "biliary": {"bilirubin": 1.2, "alt": 1.4, "alp": 0.8, "crp": 2.5, "wcc": 0.38, "neutrophils": 0.6, "albumin": -4},
    "limb_fracture": {"haemoglobin": -10, "crp": 1.8, "alp": 0.1, "wcc": 0.12},
    "renal_colic": {"creatinine": 0.2, "crp": 0.9, "wcc": 0.25},
    "gynaecology": {"haemoglobin": -14, "crp": 1.3, "wcc": 0.2},
    "child_respiratory": {"crp": 1.3, "wcc": 0.2},
    "child_infection": {"crp": 2.0, "wcc": 0.3, "sodium": -1},
}  # fmt: skip


def shifts() -> Reals:
    """SHIFTS as an array, shape (tests, scenarios)."""
    table = np.zeros((len(TESTS), len(CODES)), np.float32)
    for scenario, by_test in SHIFTS.items():
        for test, shift in by_test.items():
            table[TEST[test], CODES.index(scenario)] = shift
    return table


# The chance that a panel is asked for with the first sample, and with a later one; scenarios that differ.
PANELS = {
    "fbc": (0.97, 0.72), "coagulation": (0.20, 0.08), "ue": (0.98, 0.85), "crp": (0.85, 0.62),
    "procalcitonin": (0.02, 0.01), "lft": (0.60, 0.24), "bone": (0.25, 0.14), "glucose": (0.30, 0.08),
    "ketones": (0.02, 0.0), "troponin": (0.06, 0.01), "bnp": (0.02, 0.005), "gas": (0.06, 0.02),
}  # fmt: skip
PANELS_BY_SCENARIO: dict[str, dict[str, tuple[float, float]]] = {
    "sepsis": {"gas": (0.7, 0.2), "procalcitonin": (0.5, 0.15), "coagulation": (0.6, 0.2), "glucose": (0.7, 0.1),
               "lft": (0.9, 0.35), "troponin": (0.2, 0.02)},
    "pneumonia": {"gas": (0.45, 0.1), "procalcitonin": (0.25, 0.08)},
    "copd_exac": {"gas": (0.85, 0.35), "bnp": (0.2, 0.01)},
    "heart_failure": {"bnp": (0.8, 0.06), "troponin": (0.7, 0.05), "gas": (0.25, 0.04)},
    "acute_mi": {"troponin": (1, 0.55), "glucose": (0.7, 0.1), "bnp": (0.3, 0.02)},
    "stroke": {"glucose": (0.95, 0.15), "coagulation": (0.9, 0.1), "troponin": (0.4, 0.02)},
    "dka": {"glucose": (1, 0.9), "ketones": (1, 0.75), "gas": (1, 0.6), "bone": (0.6, 0.3)},
    "aki": {"gas": (0.4, 0.12), "bone": (0.7, 0.4)},
    "hip_fracture": {"coagulation": (0.8, 0.06), "bone": (0.6, 0.12)},
    "gi_bleed": {"coagulation": (0.95, 0.3), "gas": (0.35, 0.08), "lft": (0.9, 0.25)},
    "chest_pain": {"troponin": (1, 0.8)},
    "arrhythmia": {"troponin": (0.7, 0.1), "bone": (0.6, 0.2), "bnp": (0.2, 0.02)},
    "syncope_collapse": {"troponin": (0.6, 0.1), "glucose": (0.6, 0.05)},
    "seizure": {"glucose": (0.9, 0.1), "gas": (0.5, 0.06), "bone": (0.6, 0.1)},
    "overdose": {"gas": (0.45, 0.1), "lft": (0.95, 0.7), "coagulation": (0.8, 0.6), "glucose": (0.6, 0.1)},
    "asthma": {"gas": (0.4, 0.08)},
    "biliary": {"lft": (1, 0.8), "coagulation": (0.4, 0.1)},
    "acute_abdomen": {"lft": (0.9, 0.3), "gas": (0.2, 0.04)},
    "delirium": {"bone": (0.8, 0.1), "glucose": (0.6, 0.05)},
}  # fmt: skip
# The share of stays in which blood is taken at all; 0.98 elsewhere.
BLOOD_TAKEN = {
    "postop_elective": 0.85, "elective_medical": 0.65, "limb_fracture": 0.85, "renal_colic": 0.95, "gynaecology": 0.85,
    "child_respiratory": 0.25, "child_infection": 0.50, "child_injury": 0.12, "seizure": 0.9, "asthma": 0.85,
}  # fmt: skip
# Minutes from sample to result: median and spread of the logarithm.
TURNAROUND = {
    "fbc": (62, 0.35), "coagulation": (74, 0.38), "ue": (78, 0.36), "crp": (82, 0.36), "procalcitonin": (190, 0.4),
    "lft": (84, 0.36), "bone": (88, 0.36), "glucose": (55, 0.36), "ketones": (4, 0.3), "troponin": (62, 0.34),
    "bnp": (160, 0.4), "gas": (5, 0.35),
}  # fmt: skip
