"""Why people are in bed: the scenarios, what each does to the body, and which departments see which.

Shifts are at acuity 3. The eleven scenarios with published mortality are facts, the others K (as in `world.config`).
"""

from dataclasses import dataclass

AGE_GROUPS = (0, 5, 18, 45, 65, 80)
ADULT_GROUP = AGE_GROUPS.index(18)


@dataclass(frozen=True)
class Scenario:
    """What a reason for admission means.

    Shifts of heart rate, respiratory rate, SpO2, temperature (°C), systolic and diastolic pressure at acuity 3; the
    chance of oxygen then; hours in which a shift falls to a third; median stay in days; mortality of emergencies;
    how much likelier it is than the mix says in the adult age groups (from 18, 45, 65 and 80 years) and in women.
    """

    code: str
    name: str
    heart_rate: float
    resp_rate: float
    spo2: float
    temperature: float
    systolic_bp: float
    diastolic_bp: float
    oxygen: float
    recovery_hours: float
    stay_days: float
    mortality: float
    ages: tuple[float, float, float, float] = (1, 1, 1, 1)
    women: float = 1


SCENARIOS = (
    Scenario("sepsis", "Sepsis", 28, 7, -3, 1.4, -22, -14, 0.40, 36, 6, 0.20, (0.5, 1, 1.2, 1.3)),
    Scenario("pneumonia", "Pneumonia", 18, 7, -6, 1.2, -6, -5, 0.65, 60, 5, 0.12, (0.5, 1, 1.2, 1.3)),
    Scenario("copd_exac", "Exacerbation of COPD", 16, 8, -7, 0.3, 4, 0, 0.75, 60, 4, 0.05, (0, 1, 1.6, 0.9)),
    Scenario("heart_failure", "Heart failure", 14, 6, -5, 0, -4, -4, 0.50, 72, 6.5, 0.09, (0.05, 0.6, 1.3, 1.8), 0.8),
    Scenario("acute_mi", "Myocardial infarction", 10, 3, -2, 0.1, -6, -3, 0.20, 24, 3, 0.06, (0.1, 1.3, 1.3, 1), 0.5),
    Scenario("stroke", "Stroke", 6, 2, -1, 0.2, 28, 12, 0.12, 96, 9, 0.12, (0.1, 0.7, 1.3, 1.6)),
    Scenario("dka", "Diabetic ketoacidosis", 26, 9, 0, -0.2, -12, -8, 0.05, 18, 3, 0.007, (2.5, 1, 0.3, 0)),
    Scenario("aki", "Acute kidney injury", 8, 3, -1, 0.1, -10, -6, 0.12, 72, 7, 0.15, (0.2, 0.8, 1.4, 1.6)),
    Scenario("hip_fracture", "Hip fracture", 10, 2, -2, 0.2, 4, 2, 0.20, 72, 13, 0.066, (0, 0.15, 1.2, 3), 1.8),
    Scenario("gi_bleed", "Gastrointestinal bleed", 24, 4, -1, 0, -20, -12, 0.12, 30, 4, 0.08, (0.7, 1, 1.1, 1.1), 0.8),
    Scenario("postop_elective", "Planned surgery", 9, 2, -2, 0.4, -4, -3, 0.35, 30, 2.5, 0.005, (1, 1, 1, 0.6)),
    Scenario("chest_pain", "Chest pain", 6, 1, -0.5, 0, 8, 4, 0.03, 12, 1, 0.001, (1, 1.4, 1, 0.6)),
    Scenario("arrhythmia", "Cardiac arrhythmia", 30, 2, -1, 0, -8, -4, 0.06, 14, 2, 0.006, (0.4, 1, 1.4, 1.3)),
    Scenario("syncope_collapse", "Collapse", -2, 0, 0, -0.1, -12, -7, 0.03, 14, 1.5, 0.004, (0.8, 0.8, 1.2, 1.5)),
    Scenario("frailty_fall", "Fall with frailty", 4, 1, -1, 0.1, 6, 2, 0.08, 48, 8, 0.040, (0, 0.05, 1, 2.6), 1.3),
    Scenario("delirium", "Delirium", 8, 2, -1, 0.3, 6, 3, 0.10, 72, 8, 0.060, (0, 0.2, 1.1, 2.4)),
    Scenario("cellulitis", "Cellulitis", 10, 1, 0, 0.9, -4, -2, 0.04, 40, 3, 0.006, (1, 1, 1, 1)),
    Scenario("uti", "Urinary tract infection", 10, 2, -0.5, 0.8, -4, -3, 0.06, 40, 4, 0.020, (0.8, 0.7, 1.1, 1.7), 1.7),
    Scenario("seizure", "Seizure", 12, 2, -1, 0.2, 6, 3, 0.12, 10, 1.5, 0.006, (1.5, 1, 0.8, 0.6)),
    Scenario("overdose", "Poisoning", 8, -1, -1, -0.2, -6, -4, 0.08, 14, 1, 0.002, (2.2, 1, 0.25, 0.05), 1.2),
    Scenario("asthma", "Acute asthma", 22, 7, -3, 0.1, 4, 0, 0.40, 30, 2, 0.003, (1.8, 1, 0.6, 0.3), 1.4),
    Scenario("acute_abdomen", "Acute abdomen", 14, 3, -1, 0.6, -4, -2, 0.10, 36, 4, 0.025, (1, 1, 1.1, 1.1)),
    Scenario("biliary", "Biliary disease", 10, 2, -0.5, 0.7, 0, 0, 0.06, 40, 4, 0.012, (0.8, 1.2, 1.1, 0.9), 1.4),
    Scenario("limb_fracture", "Limb fracture", 8, 1, -0.5, 0.1, 6, 3, 0.08, 40, 4, 0.006, (1.2, 1.1, 0.9, 0.8)),
    Scenario("elective_medical", "Planned treatment", 2, 0.5, 0, 0, 0, 0, 0.02, 24, 1.5, 0.006, (0.7, 1.2, 1.2, 0.8)),
    Scenario("renal_colic", "Renal colic", 12, 2, 0, 0.2, 10, 6, 0.02, 10, 1, 0.001, (1.3, 1.2, 0.7, 0.3), 0.5),
    Scenario("gynaecology", "Gynaecological illness", 10, 1, 0, 0.2, -6, -4, 0.03, 20, 1.2, 0.001, (1.6, 1, 0.6, 0.4)),
    Scenario("child_respiratory", "Respiratory illness in a child", 20, 10, -4, 0.7, 0, 0, 0.35, 30, 1.5, 0.001),
    Scenario("child_infection", "Infection in a child", 22, 6, -0.5, 1.4, -3, -2, 0.05, 30, 1.5, 0.001),
    Scenario("child_injury", "Injury in a child", 10, 2, 0, 0, 4, 2, 0.02, 20, 1, 0.0005),
)  # fmt: skip
# Published mortality of emergencies as bands (S; ±30 % where only a mean is published).
PUBLISHED_MORTALITY = {
    "sepsis": (0.15, 0.25),
    "pneumonia": (0.084, 0.156),
    "copd_exac": (0.035, 0.065),
    "heart_failure": (0.063, 0.117),
    "acute_mi": (0.042, 0.078),
    "stroke": (0.10, 0.14),
    "dka": (0.007, 0.013),
    "aki": (0.105, 0.195),
    "hip_fracture": (0.05, 0.07),
    "gi_bleed": (0.049, 0.091),
    "postop_elective": (0.0035, 0.0065),
}
CODES = tuple(scenario.code for scenario in SCENARIOS)
POSTOP, ELECTIVE_MEDICAL = CODES.index("postop_elective"), CODES.index("elective_medical")
# The part of a department's planned stays that is for surgery; none elsewhere.
SURGERY = {"GSUR": 1.0, "ORTH": 1.0, "UROL": 0.4, "GYNA": 0.4, "ICU": 1.0}

# Parts of a department's emergencies, before age and sex (K; shares of all emergencies shaped to the facts).
EMERGENCIES: dict[str, dict[str, float]] = {
    "AMU": {
        "sepsis": 3, "pneumonia": 4, "copd_exac": 3.5, "heart_failure": 3, "acute_mi": 1.5, "dka": 2.2, "aki": 2.5,
        "gi_bleed": 2.5, "chest_pain": 15, "arrhythmia": 9, "syncope_collapse": 12, "frailty_fall": 5, "delirium": 2.5,
        "cellulitis": 8, "uti": 7, "seizure": 6, "overdose": 8, "asthma": 4, "renal_colic": 1.5,
    },
    "GMED": {
        "sepsis": 11, "pneumonia": 11, "copd_exac": 2, "heart_failure": 6, "dka": 2, "aki": 10, "gi_bleed": 7,
        "arrhythmia": 4, "syncope_collapse": 6, "frailty_fall": 8, "delirium": 6, "cellulitis": 9, "uti": 10,
        "seizure": 5, "overdose": 3,
    },
    "GERI": {
        "sepsis": 16, "pneumonia": 17, "copd_exac": 2, "heart_failure": 10, "aki": 20, "hip_fracture": 2, "gi_bleed": 4,
        "stroke": 1, "syncope_collapse": 4, "frailty_fall": 12, "delirium": 8, "cellulitis": 2, "uti": 6,
    },
    "RESP": {"sepsis": 5, "pneumonia": 38, "copd_exac": 40, "heart_failure": 4, "asthma": 13},
    "CARD": {
        "acute_mi": 32, "heart_failure": 20, "arrhythmia": 24, "chest_pain": 18, "syncope_collapse": 5, "sepsis": 1,
    },
    "STRK": {"stroke": 94, "seizure": 3, "pneumonia": 3},
    "GSUR": {"acute_abdomen": 42, "biliary": 26, "gi_bleed": 12, "sepsis": 3, "cellulitis": 10, "uti": 4, "aki": 3},
    "ORTH": {"hip_fracture": 32, "limb_fracture": 56, "cellulitis": 8, "frailty_fall": 4},
    "UROL": {"renal_colic": 50, "uti": 38, "sepsis": 4, "aki": 8},
    "GYNA": {"gynaecology": 88, "acute_abdomen": 6, "uti": 6},
    "ICU": {
        "sepsis": 30, "pneumonia": 18, "copd_exac": 4, "heart_failure": 4, "acute_mi": 7, "stroke": 3, "dka": 8,
        "aki": 6, "gi_bleed": 8, "overdose": 6, "seizure": 3, "asthma": 3,
    },
    "PAED": {"child_respiratory": 46, "child_infection": 30, "child_injury": 15, "seizure": 5, "asthma": 4},
}  # fmt: skip
# Where a hospital has no such department, another one sees its patients too: so many for each of its own.
STAND_INS = {"RESP": "GMED", "CARD": "GMED", "STRK": "GMED", "UROL": "GSUR"}
STAND_IN_PART = 0.2
